//! Traces on their way: over the store's contract, to a collector that takes them, fails, is away, or speaks TLS.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{CorrelationId, ExecutionId, NodeId};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::phases::RunPhases;
use pabawi_domain::ports::{ConnectPhases, ExecutionStore, StoreWrite};
use pabawi_domain::record::NewExecution;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::secret::Secret;
use pabawi_domain::summary::{Progress, SummaryFold};
use pabawi_testkit::certificates::TestCa;
use pabawi_testkit::contract::StoreSubject;
use pabawi_testkit::http::{HttpReply, HttpRequest, ScriptedHttp};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_traces::{TraceOptions, TracedStore, Traces};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const LIMIT: Duration = Duration::from_secs(20);
const CORRELATION: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pabawi_testkit::execution_store_contract!(contract, super::subject);

/// A store that is looked over the shoulder; its collector is away.
async fn subject() -> StoreSubject {
    let traces = Traces::open(&TraceOptions::new("http://127.0.0.1:9")).unwrap();
    StoreSubject::new(Arc::new(TracedStore::new(Arc::new(MemoryStore::new()), traces)), ())
}

fn id() -> ExecutionId {
    ExecutionId::from_parts(1_700_000_000_000, *b"abcdefghij")
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn execution(correlation: Option<&str>) -> NewExecution {
    let action = Action::Command(CommandAction::new("uptime"));
    let mut request = ExecutionRequest::new(action, TargetExpression::new("web1,web2,web3"));
    request.correlation_id = correlation.map(|id| CorrelationId::new(id).unwrap());
    NewExecution {
        id: id(),
        caller: Caller { user: "ops".to_owned(), entry_point: EntryPoint::Rust },
        request,
        targets: ["web1", "web2", "web3"].map(|name| Target::new(node(name), Endpoint::default())).into(),
        plugins: Default::default(),
        submitted_at: at(0),
    }
}

/// What is stored of an execution on three nodes: one that succeeds, one that fails twice, and one that is skipped.
fn life() -> Vec<EventKind> {
    let lost = NodeOutcome::Unreachable {
        error: NodeError::new(node("web2"), ErrorCode::ConnectionRefused, "connection refused"),
        termination: None,
    };
    let skipped = NodeOutcome::Skipped { why: SkipReason::MaxFailures };
    let connected = ConnectPhases { wait_us: 0, dns_us: 1_000, tcp_us: 2_000, kex_us: 3_000, auth_us: 4_000 };
    let ran = RunPhases { start_us: 5_000, first_byte_us: Some(6_000), run_us: 10_000, drain_us: 500 };
    let finished = |name: &str, attempt, result: &NodeOutcome, phases| EventKind::NodeFinished {
        node: node(name),
        attempt,
        result: result.clone(),
        duration_ms: 1,
        phases,
        stdout: None,
        stderr: None,
        progress: Progress::default(),
    };
    let mut fold = SummaryFold::new(3);
    for (result, had_started) in [(&NodeOutcome::Succeeded, true), (&lost, true), (&skipped, false)] {
        if had_started {
            fold.start();
        }
        fold.finish(result, had_started);
    }
    vec![
        EventKind::Queued { targets: 3 },
        EventKind::Started,
        EventKind::NodeStarted { node: node("web1"), attempt: 1 },
        EventKind::NodeStarted { node: node("web2"), attempt: 1 },
        EventKind::NodeConnected { node: node("web1"), reused: false, phases: connected },
        EventKind::AttemptFailed { node: node("web2"), attempt: 1, result: lost.clone(), retry_in_ms: 1 },
        EventKind::NodeStarted { node: node("web2"), attempt: 2 },
        finished("web1", 1, &NodeOutcome::Succeeded, Some(ran)),
        finished("web2", 2, &lost, None),
        finished("web3", 0, &skipped, None),
        EventKind::Finished { summary: fold.summary(100) },
    ]
}

async fn live(store: &TracedStore, correlation: Option<&str>) {
    store.create(execution(correlation)).await.unwrap();
    for (place, kind) in life().into_iter().enumerate() {
        let seq = u64::try_from(place).unwrap() + 1;
        let event =
            ExecutionEvent { execution_id: id(), seq, at: at(i64::try_from(seq).unwrap() * 10), kind };
        let write = StoreWrite::Events { id: id(), events: vec![Arc::new(event)] };
        store.append(&[write]).await.unwrap();
    }
}

fn opened(options: &TraceOptions) -> (TracedStore, Traces) {
    let traces = Traces::open(options).unwrap();
    (TracedStore::new(Arc::new(MemoryStore::new()), traces.clone()), traces)
}

/// All spans of some requests, and the name of the service that they came from.
fn spans(requests: &[HttpRequest]) -> (Vec<Span>, String) {
    let (mut all, mut service) = (Vec::new(), String::new());
    for request in requests {
        for resource in ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap().resource_spans {
            for attribute in &resource.resource.as_ref().unwrap().attributes {
                if attribute.key == "service.name" {
                    service = text(attribute.value.as_ref().unwrap().value.as_ref().unwrap());
                }
            }
            all.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    (all, service)
}

fn text(value: &opentelemetry_proto::tonic::common::v1::any_value::Value) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    Some(text(found.value.as_ref()?.value.as_ref()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// R5.6, R8.7
#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_a_span_with_one_for_each_attempt() {
    let collector = ScriptedHttp::start(|_| HttpReply::whole("200 OK", "", "")).await.unwrap();
    let mut options = TraceOptions::new(format!("http://{}", collector.address()));
    options.headers.insert("Authorization".to_owned(), Secret::new("Bearer a%2Fb"));
    options.service = "fleet".to_owned();
    let (store, traces) = opened(&options);
    live(&store, Some("ticket-7")).await;
    traces.close(LIMIT).await;

    let requests = collector.requests();
    assert_eq!(requests[0].line, "POST /v1/traces");
    assert_eq!(requests[0].header("content-type"), Some("application/x-protobuf"));
    assert_eq!(requests[0].header("authorization"), Some("Bearer a%2Fb"), "as it was given");
    assert_eq!(requests[0].header("host"), Some(collector.address().to_string().as_str()));
    let (all, service) = spans(&requests);
    assert_eq!(service, "fleet");
    assert_eq!(all.len(), 5, "{all:#?}");

    let root = all.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
    assert_eq!(root.name, "command");
    assert_eq!(hex(&root.trace_id), id().as_uuid().simple().to_string());
    assert_eq!(attribute(root, "pabawi.action").as_deref(), Some("uptime"));
    assert_eq!(attribute(root, "pabawi.execution.id"), Some(id().to_string()));
    assert_eq!(attribute(root, "pabawi.correlation.id").as_deref(), Some("ticket-7"));
    assert_eq!(attribute(root, "user.name").as_deref(), Some("ops"));
    assert_eq!(attribute(root, "pabawi.targets").as_deref(), Some("3"));
    assert_eq!(attribute(root, "pabawi.succeeded").as_deref(), Some("1"));
    assert_eq!(root.status.as_ref().unwrap().code, 2, "an error: not all of it was done");
    assert_eq!(root.start_time_unix_nano, 1_700_000_000_000_000_000);
    assert_eq!(root.end_time_unix_nano, 1_700_000_000_110_000_000);

    let of = |name: &str| -> Vec<&Span> {
        let is = |span: &&Span| attribute(span, "pabawi.node").as_deref() == Some(name);
        let found: Vec<&Span> = all.iter().filter(is).collect();
        assert!(
            found.iter().all(|span| span.parent_span_id == root.span_id && span.trace_id == root.trace_id)
        );
        found
    };
    let [good] = of("web1")[..] else { panic!("{all:#?}") };
    assert_eq!(
        (good.start_time_unix_nano / 1_000_000, good.end_time_unix_nano / 1_000_000),
        (1_700_000_000_030, 1_700_000_000_080)
    );
    assert_eq!(attribute(good, "process.exit.code").as_deref(), Some("0"));
    for (phase, seconds) in [
        ("queue", "0.01"),
        ("connectWait", "0"),
        ("dns", "0.001"),
        ("tcp", "0.002"),
        ("keyExchange", "0.003"),
        ("authentication", "0.004"),
        ("start", "0.005"),
        ("firstByte", "0.006"),
        ("run", "0.004"),
        ("drain", "0.0005"),
    ] {
        assert_eq!(attribute(good, &format!("pabawi.phase.{phase}")).as_deref(), Some(seconds), "{phase}");
    }
    let tries = of("web2");
    let told: Vec<_> = tries.iter().map(|span| attribute(span, "pabawi.attempt").unwrap()).collect();
    assert_eq!(told, ["1", "2"]);
    assert!(tries.iter().all(|span| span.status.as_ref().unwrap().code == 2), "{tries:#?}");
    assert!(tries[0].status.as_ref().unwrap().message.contains("connection refused"), "{tries:#?}");
    let [left] = of("web3")[..] else { panic!("{all:#?}") };
    assert_eq!(attribute(left, "pabawi.outcome").as_deref(), Some("skipped"));
    assert_eq!(left.start_time_unix_nano, left.end_time_unix_nano);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_part_of_a_trace_stays_in_it() {
    let collector = ScriptedHttp::start(|_| HttpReply::whole("200 OK", "", "")).await.unwrap();
    // The path may be there already, and another one before it.
    let endpoint = format!("http://{}/otlp/v1/traces/", collector.address());
    let (store, traces) = opened(&TraceOptions::new(endpoint));
    live(&store, Some(CORRELATION)).await;
    traces.close(LIMIT).await;
    assert_eq!(collector.requests()[0].line, "POST /otlp/v1/traces");
    let (all, _) = spans(&collector.requests());
    assert!(all.iter().all(|span| hex(&span.trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736"));
    let root = all.iter().find(|span| span.name == "command").unwrap();
    assert_eq!(hex(&root.parent_span_id), "00f067aa0ba902b7");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_busy_collector_refuses_is_sent_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let answer = move |_: &HttpRequest| match counter.fetch_add(1, Ordering::SeqCst) {
        0 => HttpReply::whole("503 Service Unavailable", "Retry-After: 0\r\n", "busy"),
        _ => HttpReply::whole("200 OK", "", ""),
    };
    let collector = ScriptedHttp::start(answer).await.unwrap();
    let (store, traces) = opened(&TraceOptions::new(format!("http://{}", collector.address())));
    live(&store, None).await;
    traces.close(LIMIT).await;
    let requests = collector.requests();
    assert!(requests.len() >= 2, "{}", requests.len());
    assert_eq!(requests[0].body, requests[1].body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_silent_holds_nobody_for_longer_than_allowed() {
    let silent = ScriptedHttp::start(|_| HttpReply::Silence(Vec::new())).await.unwrap();
    for endpoint in [format!("http://{}", silent.address()), "http://127.0.0.1:9".to_owned()] {
        let mut options = TraceOptions::new(endpoint);
        options.timeout = Duration::from_secs(600);
        let (store, traces) = opened(&options);
        live(&store, None).await;
        assert!(store.execution(id()).await.unwrap().is_some());
        // The test's own limit is far below the one for requests.
        tokio::time::timeout(LIMIT, traces.close(Duration::from_millis(200))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_goes_to_a_collector_that_the_given_authority_has_signed() {
    let ca = TestCa::new("collectors").unwrap();
    let files = ca.issue("collector", &[std::net::Ipv4Addr::LOCALHOST]).unwrap();
    let mut acceptor =
        openssl::ssl::SslAcceptor::mozilla_intermediate_v5(openssl::ssl::SslMethod::tls()).unwrap();
    acceptor.set_private_key_file(&files.key, openssl::ssl::SslFiletype::PEM).unwrap();
    acceptor.set_certificate_chain_file(&files.certificate).unwrap();
    let acceptor = acceptor.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let ssl = openssl::ssl::Ssl::new(acceptor.context()).unwrap();
            let mut stream = tokio_openssl::SslStream::new(ssl, stream).unwrap();
            let accepted = std::pin::Pin::new(&mut stream).accept().await;
            let mut first = [0; 4];
            if accepted.is_ok() && stream.read_exact(&mut first).await.is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                let _ = told.send(Some(first));
            } else {
                let _ = told.send(None);
            }
        }
    });
    let mut options = TraceOptions::new(format!("https://{address}"));
    options.ca_file = Some(ca.certificate());
    let (store, traces) = opened(&options);
    live(&store, None).await;
    assert_eq!(tokio::time::timeout(LIMIT, heard.recv()).await.unwrap().unwrap(), Some(*b"POST"));
    traces.close(LIMIT).await;

    options.ca_file = Some(TestCa::new("others").unwrap().certificate());
    // Its directory is gone, and so the file.
    let gone = Traces::open(&options).err().unwrap().to_string();
    assert!(gone.contains("otlp.caFile"), "{gone}");
    let other = TestCa::new("others").unwrap();
    options.ca_file = Some(other.certificate());
    let (store, traces) = opened(&options);
    live(&store, None).await;
    assert_eq!(tokio::time::timeout(LIMIT, heard.recv()).await.unwrap().unwrap(), None);
    traces.close(Duration::from_millis(200)).await;
    server.abort();
}

#[tokio::test]
async fn options_that_cannot_be_used_are_named() {
    let fault = |change: &dyn Fn(&mut TraceOptions)| {
        let mut options = TraceOptions::new("http://127.0.0.1:4318");
        change(&mut options);
        Traces::open(&options).err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (endpoint, expected) in [
        ("127.0.0.1:4318", "must be written like"),
        ("ftp://host", "must be written like"),
        ("http://", "must be written like"),
        ("", "must be written like"),
        ("http://u:canary@host:4318", "must not hold a user or password"),
        ("http://host:4318/?a=b", "must end after the path"),
    ] {
        let told = fault(&|options| options.endpoint = endpoint.to_owned());
        assert!(told.contains("otlp.endpoint") && told.contains(expected), "{endpoint}: {told}");
        assert!(!told.contains("canary"), "{told}");
    }
    let told = fault(&|options| drop(options.headers.insert("a b".to_owned(), Secret::new("canary"))));
    assert!(told.contains("otlp.headers.a b") && !told.contains("canary"), "{told}");
    let told = fault(&|options| drop(options.headers.insert("x".to_owned(), Secret::new("can\nary"))));
    assert!(told.contains("otlp.headers.x"), "{told}");
    assert!(fault(&|options| options.timeout = Duration::ZERO).contains("otlp.timeout"));
    assert!(fault(&|options| options.service.clear()).contains("otlp.service"));
    assert!(fault(&|options| options.ca_file = Some("/nonexistent".into())).contains("otlp.caFile"));
}
