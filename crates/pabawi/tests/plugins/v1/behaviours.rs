//! What objects of v1.x can do wrong, and what becomes of their nodes: one table through the whole engine.

use std::time::Duration;

use pabawi_domain::output::StreamKind::{self, Stderr, Stdout};
use pabawi_plugins::v1::V1Settings;
use pabawi_testkit::v1::{V1Conduct, V1Object, node_result, result_of, success};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::support::{V1Rig, command};
use V1Conduct::{After, RejectsRaw, Returns, Streams, StreamsLate};

/// What `executeAction` does, how it behaves, the outcome of the node, and a part of what is told of it.
type Row = (&'static str, V1Conduct, &'static str, &'static str);

const FAULT: &str = "pluginFault";

fn one(status: &str, more: Value) -> V1Conduct {
    Returns(result_of(status, &[node_result("web1", status, more)]))
}

fn ok() -> Box<V1Conduct> {
    Box::new(Returns(success("web1", "done")))
}

fn rejects(name: &str, message: &str) -> V1Conduct {
    V1Conduct::rejects(name, message)
}

fn chunks(all: &[(StreamKind, &str)]) -> Vec<(StreamKind, String)> {
    all.iter().map(|(stream, text)| (*stream, (*text).to_owned())).collect()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Results that say something.
fn results() -> Vec<Row> {
    let least = json!({"status": "success", "results": [{"nodeId": "web1", "status": "success"}]});
    let strange = json!({"__proto__": {"x": 1}, "more": [[]], "output": {"stdout": "o", "tty": 1}});
    let whole = json!({"status": "failed", "error": "Unsupported action type: command"});
    let node = |name: &str, status: &str| node_result(name, status, json!({"error": "second"}));
    vec![
        ("succeeds", *ok(), "succeeded", "succeeded|done|"),
        ("succeeds late", After(secs(3_000), ok()), "succeeded", "done"),
        ("answers just in time", After(secs(3_604), ok()), "succeeded", "done"),
        ("has the least of fields", Returns(least), "succeeded", "succeeded||"),
        ("has fields that nobody knows", one("success", strange), "succeeded", "|o|"),
        (
            "fails with a status",
            one("failed", json!({"output": {"exitCode": 3, "stdout": "o", "stderr": "e"}})),
            "exited",
            "exit status 3|o|e",
        ),
        (
            "fails with a status and a reason",
            one("failed", json!({"output": {"exitCode": 3}, "error": "why"})),
            "exited",
            "|why",
        ),
        ("fails without a status", one("failed", json!({"error": "why"})), "failed", "failed: why"),
        ("fails and says nothing", one("failed", json!({})), "failed", "said no more"),
        ("fails as a whole", Returns(whole), "failed", "Unsupported action type"),
        (
            "says partial for one node",
            Returns(result_of("partial", &[node("web1", "success")])),
            "succeeded",
            "succeeded|",
        ),
        (
            "speaks of others too",
            Returns(result_of("success", &[node("web2", "failed"), node("web1", "success")])),
            "succeeded",
            "succeeded|",
        ),
        (
            "speaks of the node twice",
            Returns(result_of("partial", &[node("web1", "success"), node("web1", "failed")])),
            "failed",
            "second",
        ),
        (
            "has an exit status that is a text",
            one("failed", json!({"output": {"exitCode": "3"}, "error": "why"})),
            "failed",
            "why",
        ),
        (
            "has an exit status out of range",
            one("failed", json!({"output": {"exitCode": 1e12}, "error": "why"})),
            "failed",
            "why",
        ),
        (
            "has output that is no object",
            one("success", json!({"output": "text"})),
            "succeeded",
            "succeeded||",
        ),
        (
            "has output that is no text",
            one("success", json!({"output": {"stdout": {"a": 1}}})),
            "succeeded",
            "{\"a\":1}",
        ),
        (
            "has an error that is an object",
            one("failed", json!({"error": {"type": "X", "message": "inside"}})),
            "failed",
            "inside",
        ),
        (
            "finds no node",
            rejects("BoltNodeUnreachableError", "Node web1 is unreachable"),
            "unreachable",
            "Node web1 is unreachable",
        ),
        (
            "finds no task",
            rejects("BoltTaskNotFoundError", "Task 'x' not found"),
            "failed",
            "Task 'x' not found",
        ),
        (
            "runs into its own limit",
            rejects("Error", "ansible execution exceeded timeout of 300000ms"),
            "failed",
            "exceeded timeout",
        ),
    ]
}

/// Calls and answers that cannot be used.
fn faults() -> Vec<Row> {
    let throws = V1Conduct::Throws { name: "TypeError".into(), message: "x is undefined".into() };
    let much = V1Conduct::Many(200_000, json!({"x": "y".repeat(50)}));
    vec![
        ("throws", throws, FAULT, "executeAction threw TypeError: x is undefined"),
        ("rejects", rejects("Error", "boom"), FAULT, "executeAction was rejected: Error: boom"),
        ("rejects with a text", RejectsRaw(json!("boom")), FAULT, "no error but \"boom\""),
        ("rejects with a number", RejectsRaw(json!(7)), FAULT, "no error but 7"),
        ("rejects with null", RejectsRaw(Value::Null), FAULT, "no error but null"),
        (
            "rejects with something huge",
            RejectsRaw(json!("h".repeat(1_000_000))),
            FAULT,
            "[cut: 1000002 bytes",
        ),
        ("rejects with a long message", rejects("Error", &"m".repeat(1_000_000)), FAULT, "[cut: "),
        ("never answers", V1Conduct::Never, FAULT, "executeAction did not answer within 3605000 ms"),
        (
            "rejects after the deadline",
            After(secs(4_000), Box::new(rejects("Error", "late"))),
            FAULT,
            "did not answer",
        ),
        ("answers after the deadline", After(secs(3_700), ok()), FAULT, "did not answer"),
        ("returns null", Returns(Value::Null), FAULT, "returned null"),
        ("returns true", Returns(json!(true)), FAULT, "returned a boolean"),
        ("returns a number", Returns(json!(5)), FAULT, "returned a number"),
        ("returns a text", Returns(json!("done")), FAULT, "returned a text"),
        ("returns an array", Returns(json!([success("web1", "x")])), FAULT, "returned an array"),
        ("returns an empty object", Returns(json!({})), FAULT, "status null and nothing of this node"),
        ("is still running", Returns(json!({"status": "running", "results": []})), FAULT, "still running"),
        ("has no results", Returns(result_of("success", &[])), FAULT, "nothing of this node"),
        (
            "has results that are no list",
            Returns(json!({"status": "success", "results": "web1"})),
            FAULT,
            "results that are a text",
        ),
        (
            "has results of nothing",
            Returns(json!({"status": "success", "results": [null, 5, {}]})),
            FAULT,
            "but of: ?, ?, ?",
        ),
        (
            "speaks of another node",
            Returns(success("web2", "x")),
            FAULT,
            "nothing of this node, but of: web2",
        ),
        (
            "has a status that there is not",
            Returns(result_of("success", &[node_result("web1", "maybe", json!({}))])),
            FAULT,
            "neither success nor failed",
        ),
        ("answers with something deep", V1Conduct::Deep(300), FAULT, "nested deeper than 128 levels"),
        ("answers with a circle", V1Conduct::Cyclic, FAULT, "circular structure"),
        ("answers with very much", much, FAULT, "max_answer_bytes"),
        ("is gone", V1Conduct::Gone, FAULT, "cannot be called any more"),
        ("panics", V1Conduct::Panics, FAULT, "panicked: scripted panic"),
    ]
}

/// What is streamed.
fn streams() -> Vec<Row> {
    let three = chunks(&[(Stdout, "a"), (Stderr, "e"), (Stdout, "b")]);
    let half = chunks(&[(Stdout, "half")]);
    let much = chunks(&[(Stdout, &"x".repeat(5_000))]);
    vec![
        ("streams", Streams(three, ok()), "succeeded", "succeeded|ab|e"),
        (
            "streams half and fails",
            Streams(half.clone(), Box::new(rejects("Error", "boom"))),
            FAULT,
            "|half|",
        ),
        ("streams nothing", Streams(chunks(&[(Stdout, "")]), ok()), "succeeded", "|done|"),
        (
            "streams too much to hold",
            Streams(much, ok()),
            "succeeded",
            "5000 bytes of streamed output are left out",
        ),
        ("streams after its answer", StreamsLate(secs(1), half, ok()), "succeeded", "succeeded|done|"),
    ]
}

/// R7.4, R10.4, R10.8: whatever an object does, its node gets an outcome that says so, in time, and the next call is made.
#[tokio::test(start_paused = true)]
async fn every_behaviour_is_the_outcome_of_its_node() {
    let table: Vec<Row> = results().into_iter().chain(faults()).chain(streams()).collect();
    assert!(table.len() >= 50, "{}", table.len());
    for (what, conduct, word, part) in table {
        let object = V1Object::new("custom", "execution").on("executeAction", conduct);
        let mut settings = V1Settings::default();
        settings.max_unread_bytes = 1_000;
        settings.max_answer_bytes = 8_000_000;
        let rig = V1Rig::with(&object, settings).await;
        let began = Instant::now();
        let seen = rig.run(command("custom", "uptime", "web1")).await;
        assert!(began.elapsed() < secs(3_610), "{what}: {:?}", began.elapsed());
        let line = seen.line();
        assert_eq!(seen.outcome.word(), word, "{what}: {line}");
        assert!(line.contains(part), "{what}: {line}");
        assert!(line.len() < 40_000, "{what}: {} bytes", line.len());
        if word == FAULT {
            let trace = seen.outcome.error().unwrap().plugin.as_ref().unwrap();
            assert_eq!(trace.name.as_str(), "custom", "{what}");
        }
        object.set("executeAction", Returns(success("web1", "again")));
        let next = rig.run(command("custom", "uptime", "web1")).await;
        assert_eq!(next.line(), "succeeded|again|", "{what}: it is asked again");
    }
}

/// R7.4: the stack of what was thrown is kept.
#[tokio::test(start_paused = true)]
async fn a_stack_is_kept() {
    let object = V1Object::new("custom", "execution").on("executeAction", rejects("TypeError", "x"));
    let seen = V1Rig::new(&object).await.run(command("custom", "uptime", "web1")).await;
    let trace = seen.outcome.error().unwrap().plugin.clone().unwrap();
    assert_eq!(trace.stack.as_deref(), Some("TypeError: x\n    at scripted (plugin.js:7:1)"));
}

/// R10.8: methods are looked up when they are called: one that was replaced, removed or comes back counts.
#[tokio::test(start_paused = true)]
async fn methods_are_looked_up_when_they_are_called() {
    let object = V1Object::new("custom", "execution");
    let rig = V1Rig::new(&object).await;
    let line = || async { rig.run(command("custom", "a", "web1")).await.line() };
    assert_eq!(line().await, "succeeded|done|");
    object.set("executeAction", Returns(success("web1", "replaced")));
    assert_eq!(line().await, "succeeded|replaced|");
    object.remove("executeAction");
    let told = line().await;
    assert!(told.contains("has no method executeAction now"), "{told}");
    object.set("executeAction", Returns(success("web1", "back")));
    assert_eq!(line().await, "succeeded|back|");
    object.set("isInitialized", Returns(json!(false)));
    let told = line().await;
    assert!(told.starts_with("plugin fault: plugin custom: is not initialized|"), "{told}");
    object.set("isInitialized", V1Conduct::Never);
    let told = line().await;
    assert!(told.contains("isInitialized did not answer within 10000 ms"), "{told}");
    object.remove("isInitialized");
    assert_eq!(line().await, "succeeded|back|", "older plugins have no such method");
}

/// R10.8: an object gets copies and may do with them what it likes.
#[tokio::test(start_paused = true)]
async fn arguments_are_copies() {
    let object = V1Object::new("custom", "execution").method("executeAction", |mut args, _| async move {
        let target = args[0]["target"].take();
        args[0]["parameters"]["poison"] = json!(true);
        args.clear();
        Ok(success(target.as_str().unwrap(), "x"))
    });
    let rig = V1Rig::new(&object).await;
    let ended = rig.rig.execute(command("custom", "a", "web1,web2,web3")).await;
    assert_eq!(ended.summary.progress.succeeded, 3);
    let calls = object.calls_of("executeAction");
    assert!(calls.iter().all(|call| call.args[0]["parameters"] == json!({})), "{calls:?}");
}
