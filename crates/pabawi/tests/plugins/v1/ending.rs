//! Many nodes, ends and breakers: what an object of v1.x costs when it is slow or cannot be stopped.

use std::time::Duration;

use pabawi_domain::event::EventKind;
use pabawi_domain::outcome::{NodeOutcome, Termination};
use pabawi_domain::output::StreamKind::Stdout;
use pabawi_domain::ports::TerminateMode;
use pabawi_engine::CancelScope;
use pabawi_plugins::v1::V1Settings;
use pabawi_testkit::scripted::Gate;
use pabawi_testkit::v1::{V1Conduct, V1Object, success};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::support::{V1Rig, command};
use crate::support::{ann, settle};

const GRACEFUL: TerminateMode = TerminateMode::Graceful { grace: Duration::from_secs(2) };

/// An object whose calls wait for a gate.
fn gated(gate: &Gate) -> V1Object {
    let answer = V1Conduct::Returns(success("web1", "done"));
    V1Object::new("custom", "execution").on("executeAction", V1Conduct::Gated(gate.clone(), Box::new(answer)))
}

/// R8.2, R2.8: several nodes are one call each, so many at once, each with its own end.
#[tokio::test(start_paused = true)]
async fn each_node_is_a_call_and_calls_are_limited() {
    let object = V1Object::new("custom", "execution").method("executeAction", |args, _| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let target = args[0]["target"].as_str().unwrap().to_owned();
        Ok(if target == "many7" { Value::Null } else { success(&target, &target) })
    });
    let rig = V1Rig::new(&object).await;
    let mut request = command("custom", "uptime", "many*95");
    request.concurrency = Some(95);
    let began = Instant::now();
    let ended = rig.rig.execute(request).await;
    assert_eq!((ended.summary.progress.succeeded, ended.summary.progress.failed), (94, 1));
    let calls = object.calls_of("executeAction");
    assert_eq!((calls.len(), object.most_running()), (95, 10));
    assert!(calls.iter().all(|call| call.args[0]["target"].is_string()));
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert_eq!(rig.rig.tool_runs("custom").largest, 95);
}

/// R8.8: a call that goes on cannot be stopped, and that is said; what has not begun is never begun.
#[tokio::test(start_paused = true)]
async fn a_call_of_v1_cannot_be_stopped() {
    let gate = Gate::new();
    let object = gated(&gate);
    let mut settings = V1Settings::default();
    settings.actions_at_once = 1;
    let rig = V1Rig::with(&object, settings).await;
    let mut request = command("custom", "uptime", "web1,web2");
    request.concurrency = Some(2);
    let id = rig.rig.submit(request).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    rig.rig.wait(id).await;
    let first = rig.rig.outcome(id, "web1").await;
    let why = "a v1.x plugin cannot be stopped".to_owned();
    assert_eq!(first, NodeOutcome::Cancelled { termination: Some(Termination::Unconfirmed { why }) });
    let second = rig.rig.outcome(id, "web2").await;
    assert_eq!(second, NodeOutcome::Cancelled { termination: Some(Termination::Confirmed) });
    gate.open();
    settle().await;
    assert_eq!(object.calls_of("executeAction").len(), 1, "the second was never called");
    assert_eq!(rig.adapter.stats().late, 1, "the answer of the first is counted and dropped");
}

/// R8.2, R1.6: a call that nobody waits for any more takes no other one's turn.
#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_holds_no_other_up() {
    let object = V1Object::new("custom", "execution").on("executeAction", V1Conduct::Never);
    let mut settings = V1Settings::default();
    settings.actions_at_once = 1;
    let rig = V1Rig::with(&object, settings).await;
    let mut request = command("custom", "uptime", "web1");
    request.timeouts.node_ms = Some(5_000);
    let seen = rig.run(request).await;
    assert_eq!(seen.outcome.word(), "timedOut");
    let Some(Termination::Unconfirmed { why }) = seen.outcome.termination() else { panic!("{seen:?}") };
    assert_eq!(why, "a v1.x plugin cannot be stopped");
    object.set("executeAction", V1Conduct::Returns(success("web1", "next")));
    let began = Instant::now();
    assert_eq!(rig.run(command("custom", "uptime", "web1")).await.line(), "succeeded|next|");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(rig.adapter.stats().unanswered, 1);
}

/// R8.8: a hook beside the interface of v1.x can stop it, and is believed as far as it goes.
#[tokio::test(start_paused = true)]
async fn a_hook_may_stop_it() {
    for (conduct, expected) in [
        (V1Conduct::Returns(json!(true)), None),
        (V1Conduct::Returns(Value::Null), Some("does not say that it is over")),
        (V1Conduct::rejects("Error", "no"), Some("cancelAction was rejected: Error: no")),
        (V1Conduct::Never, Some("cancelAction did not answer within 4000 ms")),
    ] {
        let object = gated(&Gate::new()).on("cancelAction", conduct.clone());
        let rig = V1Rig::new(&object).await;
        let id = rig.rig.submit(command("custom", "uptime", "web1")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        rig.rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
        rig.rig.wait(id).await;
        let outcome = rig.rig.outcome(id, "web1").await;
        let NodeOutcome::Cancelled { termination: Some(termination) } = outcome else {
            panic!("{outcome:?}")
        };
        match (expected, termination) {
            (None, Termination::Confirmed) => {}
            (Some(part), Termination::Unconfirmed { why }) if why.contains(part) => {}
            other => panic!("{conduct:?}: {other:?}"),
        }
        let call = &object.calls_of("cancelAction")[0];
        assert_eq!(call.args, [json!({"executionId": id.to_string(), "target": "web1"})]);
    }
}

/// R1.4, R5.4: chunks are told while the call goes on.
#[tokio::test(start_paused = true)]
async fn chunks_are_told_while_they_come() {
    let gate = Gate::new();
    let answer = V1Conduct::Gated(gate.clone(), Box::new(V1Conduct::Returns(success("web1", "all of it"))));
    let streams = V1Conduct::Streams(vec![(Stdout, "now".to_owned())], Box::new(answer));
    let object = V1Object::new("custom", "execution").on("executeAction", streams);
    let rig = V1Rig::new(&object).await;
    let id = rig.rig.submit(command("custom", "uptime", "web1")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let events = rig.rig.store.stored_events(id);
    let is_output = |kind: &EventKind| matches!(kind, EventKind::Output { .. });
    assert!(events.iter().any(|event| is_output(&event.kind)), "{events:?}");
    gate.open();
    rig.rig.wait(id).await;
    assert_eq!(rig.seen(id, "web1").await.stdout, "now");
}

/// R7.7, R7.8: an object that does not answer again and again is left alone for a time.
#[tokio::test(start_paused = true)]
async fn its_breaker_opens() {
    let object = V1Object::new("custom", "execution").on("executeAction", V1Conduct::Never);
    let mut settings = V1Settings::default();
    settings.action_timeout = Duration::from_secs(10);
    settings.actions_at_once = 100;
    let rig = V1Rig::with(&object, settings).await;
    let failures = rig.rig.engine.limits().plugin_breaker.unwrap().failures;
    let mut request = command("custom", "uptime", &format!("many*{}", failures + 5));
    request.concurrency = Some(failures + 5);
    let began = Instant::now();
    rig.rig.execute(request).await;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let calls = object.calls_of("executeAction").len();
    let refused = rig.run(command("custom", "uptime", "web1")).await;
    assert_eq!(refused.outcome.word(), "rejected");
    assert_eq!(object.calls_of("executeAction").len(), calls, "it was not called");
    assert_eq!(rig.adapter.stats().unanswered, calls as u64);
}
