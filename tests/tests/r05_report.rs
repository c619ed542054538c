//! Requirement 5: what an execution did as JSON, and as a page for people that is looked at in a real browser.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::PermissionsExt;

use pabawi::report::HtmlReport;
use pabawi::{
    Caller, CommandAction, EntryPoint, ExecutionRecord, ExecutionRequest, ExportPart, NodeId, NodeOutcome,
    Progress, TargetExpression,
};
use pabawi_tests::{Lab, parse_lines, rendered};
use serde_json::{Value, json};

/// R5.3, R5.5: everything comes back, each output once.
#[test]
fn an_execution_can_be_exported_whole() {
    let lab = Lab::new(3);
    let script = r"echo same; printf 'raw\377' >&2";
    let _ = lab.run("web[01-03]", script).succeeds();
    let document = lab.pab(["executions", "export", "last"]).succeeds().json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["execution"]["status"], "completed", "{document}");
    assert_eq!(document["targets"].as_array().unwrap().len(), 3);
    assert_eq!(document["attempts"].as_array().unwrap().len(), 3);
    let events = document["events"].as_array().unwrap();
    assert_eq!(events.first().unwrap()["type"], "queued");
    assert_eq!(events.last().unwrap()["type"], "finished");
    let outputs = document["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), 2, "equal outputs stand there once: {outputs:?}");
    let datas: Vec<&Value> = outputs.iter().map(|output| &output["data"]).collect();
    assert!(datas.contains(&&json!("same\n")), "{datas:?}");
    assert!(
        datas.contains(&&json!({ "base64": "cmF3/w==" })),
        "bytes that are no text stay whole: {datas:?}"
    );
    for list in ["journal", "leftOut"] {
        assert!(document[list].is_array(), "{list}: {document}");
    }

    let lines = lab.pab(["executions", "export", "last", "--format", "ndjson"]).succeeds().out();
    let parts = parse_lines(&lines);
    assert_eq!(parts[0]["part"], "execution");
    let count = |kind: &str| parts.iter().filter(|part| part["part"] == kind).count();
    assert_eq!((count("target"), count("attempt"), count("output")), (3, 3, 2));
    assert_eq!(count("event"), events.len());
    // What was written can be read again by a program of the framework.
    for part in parts {
        let _: ExportPart = serde_json::from_value(part).unwrap();
    }
    let _ = lab.pab(["executions", "export", "no-such"]).exits(2);
    let refused = lab.pab(["executions", "export", "last", "-o", "/no/such/folder/x"]).exits(2);
    assert!(refused.err().contains("--output /no/such/folder/x"), "{refused}");
}

/// R5.3, R5.6: what failed and why, who printed what, and nothing of a node's output can act on the page.
#[test]
fn a_page_tells_what_happened_and_obeys_no_output() {
    let lab = Lab::new(4);
    let script = "echo '<script>document.title=\"owned\"</script><img src=x onerror=\"document.title=1\">'; \
                  printf 'one\\ntwo\\nthree\\n'; printf '\\033]0;owned\\007\\n'";
    let _ = lab.run("web[01-03]", script).succeeds();
    let _ =
        lab.run("web[01-04]", "echo common; test $(( ${SSH_CONNECTION##* } % 2 )) = 3 || exit 7").exits(1);
    let page = lab.path("page.html");
    let _ =
        lab.pab(["executions", "report", "last", "--html", "-o"]).args([page.to_str().unwrap()]).succeeds();
    assert_eq!(std::fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = rendered(&page);
    assert!(shown.contains("What did not succeed"), "{shown}");
    assert!(shown.contains("exit status 7") && shown.contains("web[01-04]"), "{shown}");
    assert!(shown.contains("4 of 4"), "the script of the page ran: {shown}");

    let id = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().out();
    let first = parse_lines(&id)[1]["id"].as_str().unwrap().to_owned();
    let hostile = lab.path("hostile.html");
    std::fs::write(&hostile, lab.pab(["executions", "report", &first, "--html"]).succeeds().out()).unwrap();
    let shown = rendered(&hostile);
    assert!(shown.contains("&lt;script&gt;document.title"), "{shown}");
    assert!(!shown.contains("<img"), "{shown}");
    assert!(!shown.contains("<title>owned") && !shown.contains("<title>1"), "{shown}");
    assert!(shown.contains("\\x1b]0;owned\\x07"), "what a terminal would obey is shown: {shown}");
    assert!(shown.contains("3 of 3"), "{shown}");
    let _ = lab.pab(["executions", "report", "last"]).exits(2);
}

/// R5.3: 5,000 nodes, 50 of them with an output of their own.
#[test]
fn a_page_of_five_thousand_nodes_can_be_read() {
    let mut report = HtmlReport::new(|nodes| format!("{} nodes", nodes.len()));
    parts_of(5000).into_iter().for_each(|part| report.add(part));
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("large.html");
    let mut bytes = Vec::new();
    report.write(&mut bytes).unwrap();
    assert!(bytes.len() < 6 * 1024 * 1024, "{} bytes", bytes.len());
    std::fs::write(&page, &bytes).unwrap();
    let shown = rendered(&page);
    assert!(shown.contains("5000 of 5000"), "the table can be filtered");
    assert!(shown.contains("<option value=\"exited\">exited (50)</option>"), "the outcomes are counted");
    assert_eq!(shown.matches("<tr data-o=").count(), 5000);
    assert!(shown.contains("2 variants") && shown.contains("4950 nodes"), "outputs stand there once");
    assert!(
        shown.contains("<del>-three</del>") && shown.contains("<ins>+other</ins>"),
        "with the difference"
    );
}

fn parts_of(nodes: usize) -> Vec<ExportPart> {
    let names: Vec<NodeId> = (0..nodes).map(|n| NodeId::new(format!("node{n:04}")).unwrap()).collect();
    let at = |ms: usize| format!("2026-01-02T03:04:{:02}.{:03}Z", ms / 1000, ms % 1000);
    let (same, other) = ("aa".repeat(32), "bb".repeat(32));
    let request = ExecutionRequest::new(
        pabawi::Action::Command(CommandAction::new("uptime")),
        TargetExpression::new("node[0000-4999]"),
    );
    let failing = |n: usize| n % 100 == 3;
    let mut progress = Progress::of_targets(nodes as u64);
    for n in 0..nodes {
        progress.start();
        let outcome = if failing(n) { NodeOutcome::Exited { code: 9 } } else { NodeOutcome::Succeeded };
        progress.finish(&outcome, true);
    }
    let record = ExecutionRecord {
        id: "0197c0de-0000-7000-8000-000000000001".parse().unwrap(),
        caller: Caller { user: "ops".into(), entry_point: EntryPoint::Rust },
        action_kind: request.action.kind(),
        action_text: "uptime".into(),
        request,
        plugins: std::collections::BTreeSet::new(),
        status: progress.status(),
        progress,
        submitted_at: at(0).parse().unwrap(),
        started_at: Some(at(1).parse().unwrap()),
        finished_at: Some(at(59_000).parse().unwrap()),
        summary: None,
        reruns: Vec::new(),
    };
    let mut parts = vec![ExportPart::Execution(Box::new(record))];
    for (n, name) in names.iter().enumerate() {
        let (hash, result) = match failing(n) {
            true => (&other, json!({ "outcome": "exited", "code": 9 })),
            false => (&same, json!({ "outcome": "succeeded" })),
        };
        let target = json!({
            "position": n, "target": { "node": name, "endpoint": { "address": "127.0.0.1" } }, "state": "finished",
            "attempt": 1, "result": result, "startedAt": at(n * 10), "finishedAt": at(n * 10 + 900),
            "stdout": { "hash": hash, "totalBytes": 14, "omittedBytes": 0 },
        });
        parts.push(ExportPart::Target(serde_json::from_value(target).unwrap()));
    }
    for (hash, text) in [(&same, "one\ntwo\nthree\n"), (&other, "one\ntwo\nother\n")] {
        let output = json!({ "hash": hash, "offset": 0, "data": text, "keptBytes": 14, "totalBytes": 14 });
        parts.push(ExportPart::Output(serde_json::from_value(output).unwrap()));
    }
    parts
}
