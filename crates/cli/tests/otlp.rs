//! `--otlp-endpoint`: what `pab` runs is a trace at a collector.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::process::{Command, Output};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use pabawi_testkit::http::{HttpReply, ScriptedHttp};
use prost::Message as _;
use tempfile::TempDir;

fn pab(home: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pab"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap()
}

/// R5.6, R8.7
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_a_trace_at_the_collector() {
    let home = TempDir::new().unwrap();
    let collector = ScriptedHttp::start(|_| HttpReply::whole("200 OK", "", "")).await.unwrap();
    let endpoint = format!("http://{}", collector.address());
    let run = tokio::task::spawn_blocking(move || {
        let line =
            ["run", "exit 3", "--targets", "a,b", "--transport", "local", "--otlp-endpoint", &endpoint];
        pab(&home, &line)
    });
    let run = tokio::time::timeout(Duration::from_secs(60), run).await.unwrap().unwrap();
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    let spans: Vec<Span> = collector
        .requests()
        .iter()
        .flat_map(|request| {
            ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap().resource_spans
        })
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let root = spans.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
    assert_eq!(root.name, "command");
    let nodes: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id == root.span_id).collect();
    assert_eq!(nodes.len(), 2, "{spans:#?}");
    for span in nodes {
        assert!(span.attributes.iter().any(|attribute| attribute.key == "process.exit.code"), "{span:#?}");
        assert!(span.attributes.iter().any(|attribute| attribute.key == "pabawi.phase.run"), "{span:#?}");
        assert!(span.start_time_unix_nano >= root.start_time_unix_nano);
        assert!(span.end_time_unix_nano <= root.end_time_unix_nano);
    }
}

#[test]
fn a_bad_endpoint_is_told_before_anything_runs() {
    let home = TempDir::new().unwrap();
    let mark = home.path().join("ran");
    let command = format!("touch {}", mark.display());
    let line =
        ["run", &command, "--targets", "a", "--transport", "local", "--otlp-endpoint", "collector:4318"];
    let run = pab(&home, &line);
    assert_eq!(run.status.code(), Some(2), "{run:?}");
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("--otlp-endpoint") && told.contains("http://127.0.0.1:4318"), "{told}");
    assert!(!mark.exists());
}

#[test]
fn the_endpoint_may_stand_in_the_configuration() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join(".config/pabawi");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "[defaults]\notlp-endpoint = \"ftp://x\"\n").unwrap();
    let run = pab(&home, &["run", "true", "--targets", "a", "--transport", "local"]);
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("otlp"), "{told}");
    assert_eq!(run.status.code(), Some(2), "{told}");
}
