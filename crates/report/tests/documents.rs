//! Documents of parts that come as they should, and as they should not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use pabawi_domain::export::ExportPart;
use pabawi_report::{HtmlReport, JsonDocument, ReportError};
use serde_json::{Value, json};

fn execution() -> ExportPart {
    let request = json!({ "action": { "type": "command", "command": "true" }, "targets": "a" });
    let progress = json!({ "total": 0, "queued": 0, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0,
        "skipped": 0, "interrupted": 0 });
    let record = json!({
        "id": "0197c0de-0000-7000-8000-000000000001", "caller": { "user": "<ops>", "entryPoint": "rust" },
        "request": request, "actionKind": "command", "actionText": "true", "status": "completed",
        "progress": progress, "submittedAt": "2026-01-02T03:04:05Z",
    });
    ExportPart::Execution(serde_json::from_value(record).unwrap())
}

fn output(offset: u64, data: &str) -> ExportPart {
    let piece =
        json!({ "hash": "aa".repeat(32), "offset": offset, "data": data, "keptBytes": 6, "totalBytes": 6 });
    ExportPart::Output(serde_json::from_value(piece).unwrap())
}

/// R5.5
#[test]
fn a_document_has_every_list_also_where_it_is_empty() {
    let mut document = JsonDocument::new(Vec::new());
    for part in [execution(), output(0, "abc"), output(3, "def")] {
        document.add(&part).unwrap();
    }
    let value: Value = serde_json::from_slice(&document.finish().unwrap()).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["outputs"].as_array().unwrap().len(), 2);
    for list in ["targets", "attempts", "events", "journal", "leftOut"] {
        assert_eq!(value[list], json!([]), "{list}");
    }
}

/// R5.5
#[test]
fn parts_out_of_order_are_refused() {
    let mut document = JsonDocument::new(Vec::new());
    assert!(matches!(document.add(&output(0, "x")), Err(ReportError::NoExecution)));
    document.add(&execution()).unwrap();
    assert!(matches!(document.add(&execution()), Err(ReportError::Order { kind: "execution" })));
    let left = ExportPart::LeftOut { kind: "journal".into(), why: "denied".into() };
    document.add(&left).unwrap();
    assert!(matches!(document.add(&output(0, "x")), Err(ReportError::Order { kind: "outputs" })));
    assert!(matches!(HtmlReport::new(|_| String::new()).write(Vec::new()), Err(ReportError::NoExecution)));
    assert!(matches!(JsonDocument::new(Vec::new()).finish(), Err(ReportError::NoExecution)));
}

/// R5.3
#[test]
fn a_page_of_an_execution_without_nodes_is_whole() {
    let mut report = HtmlReport::new(|_| String::new());
    report.add(execution());
    let mut bytes = Vec::new();
    report.write(&mut bytes).unwrap();
    let page = String::from_utf8(bytes).unwrap();
    assert!(page.contains("&lt;ops&gt;") && page.ends_with("</html>\n"), "{page}");
}
