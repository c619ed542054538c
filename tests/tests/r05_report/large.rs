//! 5,000 nodes.

use std::time::Instant;

use pabawi_tests::LIMIT;
use serde_json::Value;

use crate::look::{failures_are_right, filtered, groups_are_right, opened, stands_alone, timeline_is_right};
use crate::tool::Tool;

/// One node in a hundred prints something else and fails, some cannot be reached, one is reached at the second try, and some have
/// more to tell in the journal.
const TELL: &str = r#"
def tell(node, place):
    number = int(node[4:])
    if place % 500 == 499:
        time.sleep(0.1)
    if number % 1000 == 7:
        return [{"failed": {"code": "connection_refused", "message": "no answer", "mayHaveStarted": False}}]
    if number == 11 and not os.path.exists(os.path.join(seen, node)):
        open(os.path.join(seen, node), "w").close()
        return [{"failed": {"code": "connection_refused", "message": "not yet", "mayHaveStarted": False}}]
    if number % 100 == 3:
        return [{"stdout": "one\ntwo\nother\n"}, {"stderr": "cannot do three\n"}, {"exited": 9}]
    told = [{"stdout": "one\ntwo\nthree\n"}, {"exited": 0}]
    if number == 42:
        event = {"eventType": "config_change", "action": "renew", "summary": "version 2 is there", "details": {"version": 2}}
        told.insert(0, {"event": event})
    return told
"#;

/// R5.3, R5.6, R5.9: the page of a run over 5,000 nodes says what the records say, of each node, and can be read and searched.
#[test]
fn a_page_of_five_thousand_nodes_can_be_read() {
    let tool = Tool::new(TELL);
    let ran = tool.run("node[0000-4999]").args(["--quiet", "--retries", "1", "--retry-wait", "100ms"]);
    let _ = ran.limit(LIMIT * 4).exits(1);
    let begun = Instant::now();
    let (document, mut page) = tool.reported();
    let size = std::fs::metadata(tool.path("page.html")).unwrap().len();
    let load = page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart");
    let elements = page.evaluate(r#"document.getElementsByTagName("*").length"#).as_u64().unwrap();
    println!("{size} bytes, {elements} elements, loaded in {load} ms, all made in {:?}", begun.elapsed());
    assert!(size < 6 * 1024 * 1024, "{size} bytes");
    assert!(elements < 5000 * 20, "{elements} elements");

    let outcomes: Vec<&str> = document["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["result"]["outcome"].as_str().unwrap())
        .collect();
    let count = |word: &str| outcomes.iter().filter(|outcome| **outcome == word).count();
    assert_eq!((count("succeeded"), count("exited"), count("unreachable")), (4945, 50, 5));
    assert_eq!(timeline_is_right(&document, &mut page), 5000 + 5 + 1);
    failures_are_right(&document, &mut page);
    groups_are_right(&document, &mut page, "stdout");
    groups_are_right(&document, &mut page, "stderr");
    let difference = page.evaluate(
        r##"[...document.querySelectorAll("#stdout .diff")].map(one => [...one.children].map(line => line.textContent))"##,
    );
    assert_eq!(difference, serde_json::json!([[" one", " two", "-three", "+other"]]));

    let journal = document["journal"].as_array().unwrap();
    assert_eq!(journal.len(), 5000 + 1, "one for each node, and what the plugin told");
    let entries = page.evaluate(
        r##"[...document.querySelectorAll("#list details")].map(one => [one.querySelector("summary span").textContent,
            [...one.querySelectorAll("li")].map(entry => entry.textContent.trim())])"##,
    );
    every_entry_is_told(journal, &entries);
    let about = opened(&mut page, "node0042");
    assert!(about.contains("version 2 is there") && about.contains("version: 2"), "{about}");
    assert!(opened(&mut page, "node0003").contains("exit status 9"));

    let (shown, told) = filtered(&mut page, "NODE000", "");
    assert_eq!((shown.len(), told.as_str()), (10, "10 of 5000"));
    let (shown, told) = filtered(&mut page, "", "exited");
    assert_eq!((shown.len(), told.as_str()), (50, "50 of 5000"));
    let (shown, _) = filtered(&mut page, "node07", "exited");
    assert_eq!(shown, ["node0703"]);
    assert_eq!(filtered(&mut page, "", "").0.len(), 5000);
    stands_alone(&mut page);
}

/// Each entry stands in the part of its node, with all that it says, in the order of time.
fn every_entry_is_told(journal: &[Value], shown: &Value) {
    let mut told = 0;
    for row in shown.as_array().unwrap() {
        let of_node: Vec<&Value> = journal.iter().rev().filter(|entry| entry["node"] == row[0]).collect();
        let entries = row[1].as_array().unwrap();
        assert_eq!(entries.len(), of_node.len(), "{row}");
        for (text, entry) in entries.iter().zip(of_node) {
            let text = text.as_str().unwrap();
            let at: jiff::Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
            let time = at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string();
            assert!(text.starts_with(&time), "not {time}: {text}");
            for field in ["eventType", "user", "source", "resultStatus", "summary"] {
                let value = entry.get(field).map_or("", |value| value.as_str().unwrap());
                assert!(text.contains(value), "{field}: not {value}: {text}");
            }
            for (name, value) in entry["details"].as_object().unwrap() {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                assert!(text.contains(&format!("{name}: {value}")), "not {name}: {value}: {text}");
            }
            told += 1;
        }
    }
    assert_eq!(told, journal.len());
}
