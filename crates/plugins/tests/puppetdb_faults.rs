//! A PuppetDB that goes wrong: each way is a clear error in bounded time, and never tells a secret.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProvider as _, InventorySource as _};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_domain::secret::Secret;
use pabawi_plugins::puppetdb::{
    PuppetDbClient, PuppetDbError, PuppetDbFacts, PuppetDbFault, PuppetDbInventory, PuppetDbSettings,
};
use pabawi_testkit::certificates::TestCa;
use pabawi_testkit::hostile::{BlackHole, HostileKind, HostilePeer};
use pabawi_testkit::http::{HttpReply, HttpRequest, ScriptedHttp};
use pabawi_testkit::wait;
use serde_json::{Value, json};

/// Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(30);
const TOKEN: &str = "0vUxq-hunter2";

async fn server(answer: impl Fn(&HttpRequest) -> HttpReply + Send + Sync + 'static) -> ScriptedHttp {
    ScriptedHttp::start(answer).await.unwrap()
}

fn settings(server: &ScriptedHttp) -> PuppetDbSettings {
    PuppetDbSettings::new(format!("http://{}", server.address()))
}

fn inventory(settings: PuppetDbSettings) -> PuppetDbInventory {
    PuppetDbInventory::new(PuppetDbClient::new(settings).unwrap())
}

async fn error_of(settings: PuppetDbSettings) -> PuppetDbError {
    let began = Instant::now();
    let error = inventory(settings).read().await.unwrap_err();
    assert!(began.elapsed() < LIMIT, "{error} took {:?}", began.elapsed());
    error
}

/// What the server at hand sends, and what is said about it: a part of the message, the code, whether to ask again.
#[tokio::test]
async fn every_wrong_answer_is_a_clear_error() {
    let whole = HttpReply::whole;
    let json = "Content-Type: application/json\r\n";
    let html = "Content-Type: text/html;charset=utf-8\r\n";
    let cases: Vec<(HttpReply, &str, ErrorCode, bool)> = vec![
        (
            whole("200 OK", html, "<html>Welcome</html>"),
            "\"text/html\" and no JSON",
            ErrorCode::ProtocolViolation,
            false,
        ),
        (
            whole("200 OK", json, "[{\"certname\":\"a\"},{\"cert"),
            "ends in the middle",
            ErrorCode::ProtocolViolation,
            false,
        ),
        (whole("200 OK", json, ""), "it is empty", ErrorCode::ProtocolViolation, false),
        (
            whole("200 OK", json, "{\"error\":1}"),
            "a list of objects is expected",
            ErrorCode::ProtocolViolation,
            false,
        ),
        (whole("200 OK", json, "[1]"), "a list of objects is expected", ErrorCode::ProtocolViolation, false),
        (whole("200 OK", json, "[{\"name\":\"a\"}]"), "no certname", ErrorCode::ProtocolViolation, false),
        (
            whole(
                "503 Service Unavailable",
                "Retry-After: 17\r\n",
                "PuppetDB is currently down. Try again later.",
            ),
            "answered 503, it cannot answer now, and wants to be asked again in 17 s; it says: PuppetDB is",
            ErrorCode::Unavailable,
            true,
        ),
        (
            whole("502 Bad Gateway", html, "<h1>nginx</h1>"),
            "answered 502, it cannot answer now",
            ErrorCode::Unavailable,
            true,
        ),
        (
            whole("500 Server Error", "", "ERROR:\ncolumn"),
            "it says: ERROR: column",
            ErrorCode::Unavailable,
            true,
        ),
        (
            whole("400 Bad Request", "", "PQL parse error at line 1"),
            "PQL parse error at line 1",
            ErrorCode::BadConfig,
            false,
        ),
        (whole("404 Not Found", html, "<html>"), "no query API there", ErrorCode::BadConfig, false),
        (whole("204 No Content", "", ""), "answered 204", ErrorCode::ProtocolViolation, false),
        (
            whole("302 Found", "Location: https://u:secret@elsewhere:1/x?token=secret\r\n", ""),
            "a redirect to https://elsewhere:1, which is not followed",
            ErrorCode::BadConfig,
            false,
        ),
        (
            whole("401 Unauthorized", "", "bad 0vUxq-hunter2!"),
            "it says: bad ***!",
            ErrorCode::AuthFailed,
            false,
        ),
        (
            whole("403 Forbidden", "", "permission denied"),
            "check that the token is good",
            ErrorCode::AuthFailed,
            false,
        ),
        (HttpReply::Close(Vec::new()), "closed the connection", ErrorCode::ConnectionReset, true),
        (
            HttpReply::Close(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
            "does not speak HTTP",
            ErrorCode::ProtocolViolation,
            false,
        ),
        (HttpReply::Reset(Vec::new()), "waiting for its answer", ErrorCode::ConnectionReset, true),
        (
            HttpReply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"cert".to_vec()),
            "in the middle of its answer",
            ErrorCode::ConnectionReset,
            true,
        ),
        (
            HttpReply::Close(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{\"ce\r\n".to_vec(),
            ),
            "in the middle of its answer",
            ErrorCode::ConnectionReset,
            true,
        ),
    ];
    for (reply, part, code, retryable) in cases {
        let shown = format!("{reply:?}");
        let server = server(move |_| reply.clone()).await;
        let mut settings = settings(&server);
        settings.token = Some(Secret::new(TOKEN));
        let error = error_of(settings).await;
        let message = error.to_string();
        assert!(message.contains(part), "{shown}: {message}");
        assert_eq!((error.fault.code(), error.fault.is_retryable()), (code, retryable), "{message}");
        assert!(message.starts_with(&format!("PuppetDB http://{}: ", server.address())), "{message}");
        assert!(!message.contains("hunter2") && !message.contains("secret"), "{message}");
        assert_eq!(server.requests().len(), 1, "nothing was asked twice: {message}");
        assert_eq!(server.requests()[0].header("x-authentication"), Some(TOKEN));
    }
}

#[tokio::test]
async fn silence_ends_at_the_deadline_wherever_it_comes() {
    let beginning = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[".to_vec();
    for (reply, stage) in [
        (HttpReply::Silence(Vec::new()), "waiting for its answer"),
        (HttpReply::Silence(b"HTTP/1.1 200 OK\r\n".to_vec()), "waiting for its answer"),
        (HttpReply::Silence(beginning), "in the middle of its answer"),
    ] {
        let server = server(move |_| reply.clone()).await;
        let mut settings = settings(&server);
        settings.timeout_ms = 300;
        let error = error_of(settings).await;
        let expected = PuppetDbFault::TimedOut { limit: Duration::from_millis(300), stage };
        assert_eq!((&error.fault, error.fault.is_retryable()), (&expected, true));
        assert!(error.to_string().contains("no answer within 300ms"), "{error}");
    }
}

/// A port that takes connections and never speaks TLS, and one that does not even take them.
#[tokio::test]
async fn silence_before_the_question_ends_at_the_deadline_too() {
    let ca = TestCa::new("Pabawi test CA").unwrap();
    let peer = HostilePeer::start(HostileKind::Silent).await.unwrap();
    let hole = BlackHole::start().await.unwrap();
    for (address, stage) in [(peer.address(), "in the TLS handshake"), (hole.address(), "connecting")] {
        let mut settings = PuppetDbSettings::new(format!("https://{address}"));
        settings.ca_file = Some(ca.certificate());
        settings.timeout_ms = 300;
        let error = error_of(settings).await;
        assert_eq!(error.fault, PuppetDbFault::TimedOut { limit: Duration::from_millis(300), stage });
    }
    assert_eq!(peer.fired(), 1);
}

#[tokio::test]
async fn a_question_that_is_given_up_leaves_no_connection() {
    let server = server(|_| HttpReply::Silence(Vec::new())).await;
    let source = inventory(settings(&server));
    let asking = tokio::spawn(async move { source.fetch().await.map(|_| ()) });
    wait::until_async("the question to come", LIMIT, || server.requests().len() == 1).await.unwrap();
    assert_eq!(server.open(), 1);
    asking.abort();
    wait::until_async("the connection to end", LIMIT, || server.open() == 0).await.unwrap();
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_at_its_limit() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let announced = HttpReply::Silence(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec());
    // A chunk without end: the head comes again and again as its content.
    let endless = HttpReply::Endless(format!("{head}fffffff\r\n{}", " ".repeat(10_000)).into_bytes());
    let headers = HttpReply::Endless(b"HTTP/1.1 200 OK\r\nX: y\r\n".to_vec());
    for (reply, part) in
        [(announced, "longer than 65536 bytes"), (endless, "longer than 65536 bytes"), (headers, "HTTP")]
    {
        let server = server(move |_| reply.clone()).await;
        let mut settings = settings(&server);
        settings.max_response_bytes = 65_536;
        settings.page_size = 1;
        let error = error_of(settings).await;
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.fault.is_retryable());
    }
}

#[tokio::test]
async fn nobody_listening_and_no_name_are_told_apart() {
    let gone = server(|_| HttpReply::Close(Vec::new())).await;
    let refused = settings(&gone);
    drop(gone);
    tokio::task::yield_now().await;
    let error = error_of(refused).await;
    assert_eq!(error.fault.code(), ErrorCode::ConnectionRefused);
    assert!(error.to_string().contains("is PuppetDB running"), "{error}");

    let dir = tempfile::tempdir().unwrap();
    let mut unknown = PuppetDbSettings::new("https://puppetdb.invalid:8081");
    unknown.ca_file = Some(dir.path().join("ca.pem"));
    // Reading the CA comes before any look-up.
    let error = PuppetDbClient::new(unknown).unwrap_err();
    assert_eq!(error.fields[0].path, "caFile");
    assert!(error.fields[0].message.contains("ca.pem: cannot be read"), "{error}");
}

#[tokio::test]
async fn queries_travel_as_data_to_one_path() {
    let server = server(|_| HttpReply::json(&json!([]))).await;
    let mut settings = settings(&server);
    let pql = "nodes[certname] { certname = \"a\\\"b?query=x&limit=1 /../ \r\n\" }";
    settings.query = Some(pql.to_owned());
    inventory(settings.clone()).read().await.unwrap();
    settings.query = None;
    let facts = PuppetDbFacts::new(PuppetDbClient::new(settings).unwrap());
    let node = NodeId::new("a/../b%22").unwrap();
    facts.collect(&caller(), &[node]).await;
    let [nodes, facts] = server.requests().try_into().unwrap();
    assert_eq!(nodes.line, "POST /pdb/query/v4");
    assert_eq!(nodes.json()["query"], pql);
    assert_eq!(facts.line, "POST /pdb/query/v4/inventory");
    assert_eq!(facts.json()["query"][2], json!(["in", "certname", ["array", ["a/../b%22"]]]));
    assert_eq!(facts.header("connection"), Some("close"));
}

/// A PuppetDB of so many nodes that answers paged queries about them.
fn nodes_of(count: u64) -> impl Fn(&HttpRequest) -> HttpReply + Send + Sync + 'static {
    move |request| {
        let question = request.json();
        if request.line.ends_with("/inventory") {
            let names = question["query"][2][2][1].as_array().cloned().unwrap_or_default();
            let row = |name: &Value| json!({"certname": name, "facts.os.family": "Debian"});
            return HttpReply::json(&names.iter().map(row).collect());
        }
        let (limit, offset) = (question["limit"].as_u64().unwrap(), question["offset"].as_u64().unwrap());
        let rows: Vec<Value> = (offset..count.min(offset + limit))
            .map(|number| json!({"certname": format!("node{number:06}.example.org"), "facts_environment": "production"}))
            .collect();
        let body = Value::from(rows).to_string();
        HttpReply::whole("200 OK", &format!("X-Records: {count}\r\nContent-Type: application/json\r\n"), body)
    }
}

/// R3.1, R8.5: 100,000 nodes come in answers of at most 300 KB.
#[tokio::test]
async fn a_hundred_thousand_nodes_come_in_small_answers() {
    let server = server(nodes_of(100_000)).await;
    let mut settings = settings(&server);
    settings.max_response_bytes = 300_000;
    settings.page_size = 2000;
    settings.facts = vec!["os.family".to_owned()];
    settings.group_by = vec!["os.family".to_owned(), "environment".to_owned()];
    let snapshot = inventory(settings).fetch().await.unwrap();
    assert_eq!(snapshot.nodes.len(), 100_000);
    assert_eq!(snapshot.groups.iter().map(|group| group.nodes.len()).collect::<Vec<_>>(), [100_000, 100_000]);
    assert_eq!(snapshot.nodes[99_999].metadata["os"]["family"], "Debian");
    let asked = server.requests();
    let pages: Vec<&HttpRequest> = asked.iter().filter(|request| request.line.ends_with("/v4")).collect();
    assert_eq!(pages.len(), 51);
    assert!(pages.iter().all(|page| page.json()["limit"].as_u64().unwrap() <= 2001));
    assert!(pages[0].json()["include_total"].as_bool().unwrap());
}

/// Pages that are longer than is read are asked for smaller.
#[tokio::test]
async fn pages_that_are_too_long_become_smaller() {
    let server = server(nodes_of(500)).await;
    let mut settings = settings(&server);
    settings.max_response_bytes = 4096;
    settings.page_size = 400;
    let snapshot = inventory(settings).fetch().await.unwrap();
    assert_eq!(snapshot.nodes.len(), 500);
}

#[tokio::test]
async fn more_nodes_than_an_inventory_holds_are_refused_before_they_are_read() {
    let server = server(nodes_of(1_000_001)).await;
    let error = error_of(settings(&server)).await;
    assert!(error.to_string().contains("gives 1000001 rows, at most 1000000"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

/// A node that goes while the list is read moves all behind it forward by one; no node may be lost by that.
#[tokio::test]
async fn a_list_that_shifts_while_it_is_read_is_read_again() {
    let removed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&removed);
    let shifting = move |times: usize| {
        let counter = Arc::clone(&counter);
        counter.store(0, Ordering::SeqCst);
        move |request: &HttpRequest| {
            let question = request.json();
            let (limit, offset) = (question["limit"].as_u64().unwrap(), question["offset"].as_u64().unwrap());
            // Each second page begins after the first node has gone.
            if offset > 0 && counter.load(Ordering::SeqCst) < times {
                counter.fetch_add(1, Ordering::SeqCst);
            }
            let first = counter.load(Ordering::SeqCst) as u64;
            let rows: Vec<Value> = (first + offset..20u64.min(first + offset + limit))
                .map(|n| json!({"certname": format!("n{n:02}")}))
                .collect();
            HttpReply::json(&Value::from(rows))
        }
    };
    let once = server(shifting(1)).await;
    let mut small = settings(&once);
    small.page_size = 5;
    let snapshot = inventory(small).fetch().await.unwrap();
    assert_eq!(snapshot.nodes.len(), 19);
    assert_eq!(removed.load(Ordering::SeqCst), 1, "the list did shift");

    let always = server(shifting(1000)).await;
    let mut small = settings(&always);
    small.page_size = 5;
    let error = inventory(small).fetch().await.unwrap_err();
    assert!(error.retryable && error.message.contains("changed 3 times"), "{error}");
}

fn caller() -> Caller {
    Caller { user: "ops".into(), entry_point: EntryPoint::Rust }
}

fn nodes(count: usize) -> Vec<NodeId> {
    (0..count).map(|number| NodeId::new(format!("n{number}")).unwrap()).collect()
}

/// R4.5: what is too large for one answer is asked for in parts, and a node of which even that is too much fails alone.
#[tokio::test]
async fn facts_that_are_too_large_are_asked_for_in_parts() {
    let server = server(|request| {
        let names = request.json()["query"][2][2][1].as_array().cloned().unwrap_or_default();
        let row = |name: &Value| {
            let size = if name == "n3" { 9000 } else { 1000 };
            let facts = json!({"big": "x".repeat(size)});
            json!({"certname": name, "timestamp": "2026-11-26T02:00:00.123Z", "facts": facts})
        };
        HttpReply::json(&names.iter().map(row).collect())
    })
    .await;
    let mut settings = settings(&server);
    settings.max_response_bytes = 5000;
    let facts = PuppetDbFacts::new(PuppetDbClient::new(settings).unwrap());
    let mut asked = nodes(8);
    asked.push(asked[0].clone());
    let answers = facts.collect(&caller(), &asked).await;
    assert_eq!(answers.len(), 9);
    for (node, answer) in asked.iter().zip(&answers) {
        match answer {
            Ok(facts) => assert!(facts.node == *node && facts.facts["big"].as_str().unwrap().len() == 1000),
            Err(error) => assert_eq!((node.as_str(), error.error.code), ("n3", ErrorCode::LimitReached)),
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
}

/// A PuppetDB that hangs costs one deadline, not one for each part.
#[tokio::test]
async fn a_provider_that_fails_is_not_asked_for_the_rest() {
    let server = server(|_| HttpReply::whole("503 Service Unavailable", "", "maintenance")).await;
    let mut settings = settings(&server);
    settings.facts_chunk = 10;
    let facts = PuppetDbFacts::new(PuppetDbClient::new(settings).unwrap());
    let answers = facts.collect(&caller(), &nodes(100)).await;
    assert_eq!(server.requests().len(), 1);
    assert_eq!(answers.len(), 100);
    for (node, answer) in nodes(100).iter().zip(answers) {
        let error = answer.unwrap_err();
        assert_eq!((&error.error.node, error.error.code), (node, ErrorCode::Unavailable));
        assert!(error.to_string().contains("maintenance"), "{error}");
    }
}

/// Nodes choose their facts: what one of them sends must not keep those of others from being read.
#[tokio::test]
async fn facts_that_cannot_be_read_spoil_no_others() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let server = server(move |request| {
        let column = if request.line.ends_with("/inventory") { "facts" } else { "facts.bad" };
        let row = |name: &str, value: &str| {
            format!("{{\"{column}\":{{\"v\":{value}}},\"timestamp\":\"2026-11-26T02:00:00Z\",\"certname\":\"{name}\"}}")
        };
        let rows = [row("n0", "1"), row("n1", &deep), row("n2", "1e999"), row("n3", "3")];
        HttpReply::whole("200 OK", "Content-Type: application/json\r\n", format!("[{}]", rows.join(",")))
    })
    .await;
    let client = PuppetDbClient::new(settings(&server)).unwrap();
    let answers = PuppetDbFacts::new(client.clone()).collect(&caller(), &nodes(4)).await;
    assert_eq!(
        (&answers[0].as_ref().unwrap().facts["v"], &answers[3].as_ref().unwrap().facts["v"]),
        (&json!(1), &json!(3))
    );
    for (answer, part) in [(&answers[1], "recursion limit"), (&answers[2], "number out of range")] {
        let error = &answer.as_ref().unwrap_err().error;
        assert!(error.code == ErrorCode::ProtocolViolation && error.message.contains(part), "{error}");
    }
    let snapshot = PuppetDbInventory::new(client).fetch().await.unwrap();
    assert_eq!(snapshot.nodes.len(), 4);
    assert_eq!(snapshot.warnings.len(), 2, "{:?}", snapshot.warnings);
    assert!(
        snapshot.warnings[0].starts_with("node n1: no metadata of it: recursion limit"),
        "{:?}",
        snapshot.warnings
    );
}

#[tokio::test]
async fn facts_that_are_none_are_told_for_their_node() {
    let server = server(|_| {
        HttpReply::json(&json!([
            {"certname": "n0", "timestamp": "2026-11-26T02:00:00.123Z", "facts": {"kernel": "Linux"}},
            {"certname": "n1", "timestamp": "yesterday", "facts": {}},
            {"certname": "n2", "timestamp": "2026-11-26T02:00:00.123Z", "facts": null},
        ]))
    })
    .await;
    let facts = PuppetDbFacts::new(PuppetDbClient::new(settings(&server)).unwrap());
    let answers = facts.collect(&caller(), &nodes(4)).await;
    assert_eq!(answers[0].as_ref().unwrap().facts["kernel"], "Linux");
    let messages: Vec<(ErrorCode, String)> = answers[1..]
        .iter()
        .map(|answer| {
            let error = &answer.as_ref().unwrap_err().error;
            (error.code, error.message.clone())
        })
        .collect();
    assert!(messages[0].1.contains("\"yesterday\" is no time"), "{messages:?}");
    assert!(messages[1].1.contains("facts are null"), "{messages:?}");
    assert_eq!(messages[2].0, ErrorCode::NotFound, "{messages:?}");
}
