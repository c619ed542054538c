//! What a page has of what is more than it has a place for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use pabawi_domain::export::ExportPart;
use pabawi_report::HtmlReport;
use serde_json::{Value, json};

fn execution() -> Value {
    let request = json!({ "action": { "type": "command", "command": "true" }, "targets": "@all" });
    let progress = json!({ "total": 1, "queued": 0, "running": 0, "succeeded": 1, "failed": 0, "cancelled": 0,
        "skipped": 0, "interrupted": 0 });
    json!({ "part": "execution", "value": {
        "id": "0197c0de-0000-7000-8000-000000000001", "caller": { "user": "ops", "entryPoint": "rust" },
        "request": request, "actionKind": "command", "actionText": "true", "status": "completed",
        "progress": progress, "submittedAt": "2026-01-02T03:04:05Z",
    } })
}

fn hash(number: usize) -> String {
    format!("{number:064x}")
}

/// A target that printed that output.
fn target(node: &str, output: usize) -> Value {
    json!({ "part": "target", "value": {
        "position": 0, "target": { "node": node, "endpoint": { "address": "127.0.0.1" } }, "state": "finished", "attempt": 1,
        "result": { "outcome": "succeeded" }, "startedAt": "2026-01-02T03:04:05Z", "finishedAt": "2026-01-02T03:04:06Z",
        "stdout": { "hash": hash(output), "totalBytes": 5, "omittedBytes": 0 },
    } })
}

/// An output of which that is kept, with a hole of nine bytes at a place.
fn output(number: usize, kept: &str, hole: Option<usize>) -> Value {
    let mut value = json!({ "hash": hash(number), "offset": 0, "data": kept, "keptBytes": kept.len(),
        "totalBytes": kept.len() + if hole.is_some() { 9 } else { 0 } });
    if let Some(at) = hole {
        value["omission"] = json!({ "at": at, "bytes": 9 });
    }
    json!({ "part": "output", "value": value })
}

fn entry(node: &str, number: usize, summary: &str) -> Value {
    json!({ "part": "journal", "value": {
        "id": format!("0197c0de-0000-7000-8000-{number:012x}"), "node": node, "eventType": "note", "source": "user",
        "at": format!("2026-01-02T03:04:05.{:03}Z", number % 1000), "user": "ops", "action": "note", "summary": summary,
        "isLive": false,
    } })
}

fn page(parts: impl IntoIterator<Item = Value>) -> String {
    let mut report = HtmlReport::new(|nodes| format!("{} names", nodes.len()));
    for part in [execution()].into_iter().chain(parts) {
        let part: ExportPart = serde_json::from_value(part).unwrap();
        report.add(part);
    }
    let mut bytes = Vec::new();
    report.write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// R5.3, R5.9: entries of nodes that are no targets have a part of their own, and what may not be seen is told.
#[test]
fn every_entry_has_its_place() {
    let left = json!({ "part": "leftOut", "value": { "kind": "journal", "why": "<b>denied</b>" } });
    let told = page([
        target("web1", 1),
        entry("other", 3, "about <b>another</b>"),
        entry("web1", 2, "its own"),
        left,
    ]);
    let (nodes, others) = told.split_once("<section id=others>").unwrap();
    assert!(nodes.contains("its own") && !nodes.contains("another"), "{told}");
    assert!(others.contains("<h3>other</h3>") && others.contains("about &lt;b&gt;another"), "{told}");
    assert!(!others.contains("its own"));
    assert!(told.contains("<dt>Left out<dd>journal: &lt;b&gt;denied"), "{told}");
    assert!(!page([target("web1", 1), entry("web1", 2, "its own")]).contains("id=others"));
}

/// R5.3, R5.9: of a node with very much in its journal the newest entries are there, and of every node the newest one, however
/// much others have.
#[test]
fn the_journal_on_a_page_is_bounded() {
    let told = page(
        [target("web1", 1)]
            .into_iter()
            .chain((0..60).rev().map(|n| entry("web1", n, &format!("entry {n}.")))),
    );
    assert_eq!(told.matches("<li><small>").count(), 50);
    let place = |text: &str| told.find(text).unwrap();
    assert!(place("10 older ones are in the export only") < place("entry 10."), "the oldest are left out");
    assert!(
        place("entry 10.") < place("entry 11.") && place("entry 11.") < place("entry 59."),
        "in the order of time"
    );
    assert!(!told.contains("entry 9."));

    let long = "long ".repeat(4000);
    let all = (0..2000).rev().map(|n| entry(&format!("web{}", n % 1000), n, &long));
    let targets = (0..1000).map(|n| target(&format!("web{n}"), 1));
    let told = page(targets.chain(all).chain([entry("late", 1, &long)]));
    assert!(told.len() < 12 * 1024 * 1024, "{} bytes", told.len());
    // The text of each is cut, and one of each node is there all the same.
    assert!(told.contains("[cut: 20000 bytes in all]"));
    let left_out = told.matches("<li class=left>1 older ones are in the export only").count();
    assert!(left_out > 900, "{left_out}");
    assert_eq!(told.matches("<li><small>").count(), 1000 + (1000 - left_out) + 1);
}

/// R5.3: the outputs of the most nodes are there, wherever their hashes stand among many others.
#[test]
fn the_largest_groups_are_on_the_page() {
    let most = (0..50).map(|n| target(&format!("same{n}"), 900));
    let own = (0..300).map(|n| target(&format!("web{n}"), n));
    let outputs =
        (0..300).map(|n| output(n, &format!("own {n}\n"), None)).chain([output(900, "equal\n", None)]);
    let told = page(most.chain(own).chain(outputs));
    let first = told.find("<h3 id=\"stdout-0\">50 nodes, 5 B</h3>").unwrap();
    assert!(told[first..].find("<pre>equal\n</pre>").unwrap() < 200, "{}", &told[first..first + 300]);
    assert_eq!(told.matches("<ins>+own ").count(), 99);
    assert!(told.contains("and 201 more, of 201 nodes: the export has them"));
    assert_eq!(told.matches("<a href=\"#stdout-").count(), 50 + 99, "what is not there has no link");
}

/// R5.3, R5.11: what stood before a hole never reads as if it stood behind it.
#[test]
fn a_hole_stays_where_it_is() {
    let shown = |kept: &str, at: usize| {
        let told = page([target("web1", 1), output(1, kept, Some(at))]);
        told.split_once("<pre>").unwrap().1.split_once("</pre>").unwrap().0.to_owned()
    };
    assert_eq!(shown("headtail", 4), "head\n[... 9 bytes left out ...]\ntail");
    assert_eq!(shown("head", 4), "head\n[... 9 bytes left out ...]\n");
    assert_eq!(shown("tail", 0), "[... 9 bytes left out ...]\ntail");
    let long = "x".repeat(40_000);
    // 32 KiB of the head, and all of the short tail, with nothing of the head before it.
    let told = shown(&format!("{long}tail"), 40_000);
    let cut = 40_000 - 32 * 1024;
    assert_eq!(told, format!("{}\n[... {} bytes left out ...]\ntail", "x".repeat(32 * 1024), cut + 9));
    let told = shown(&format!("head{long}"), 4);
    assert_eq!(told, format!("head\n[... {} bytes left out ...]\n{}", cut + 9, "x".repeat(32 * 1024)));
}

/// R5.3: outputs that differ where it cannot be seen are not shown as if they did not differ.
#[test]
fn a_difference_that_cannot_be_seen_is_told() {
    let told = page([
        target("web1", 1),
        target("web2", 1),
        target("web3", 2),
        output(1, "one\ntwo\n", None),
        output(2, "one\r\ntwo\n", None),
    ]);
    assert!(told.contains("differs from the largest group in ends of lines"), "{told}");
    assert!(!told.contains("<pre class=diff>"), "{told}");
}
