//! Requirement 7 on real nodes: attempts after the first.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use pabawi_tests::{Lab, lines_of};
use serde_json::Value;

fn attempts(lab: &Lab, node: &str) -> Vec<(u64, String)> {
    let shown = lab.pab(["executions", "events", "last"]).succeeds().events();
    let of_node = |event: &&Value| event["node"] == node;
    let ends = shown.iter().filter(of_node).filter(|event| event.get("result").is_some());
    ends.map(|event| {
        (event["attempt"].as_u64().unwrap(), event["result"]["outcome"].as_str().unwrap().to_owned())
    })
    .collect()
}

/// R7.5, R7.6
#[test]
fn a_node_that_comes_back_is_reached_by_a_retry() {
    let lab = Lab::new(2);
    lab.fleet().stop_node(1).unwrap();
    let mut running = lab
        .run_events("web[01-02]", "echo up")
        .args(["--retries", "99", "--retry-wait", "200ms", "--retry-growth", "constant"])
        .args(["--log-level", "info", "--log-format", "json"])
        .spawn();
    let failed = running.events_until("a failed attempt", |event| event["type"] == "attemptFailed");
    assert!(failed.iter().any(|event| event["node"] == "web02"));
    lab.fleet().start_node(1).unwrap();
    let ended = running.end();
    assert_eq!(ended.code(), Some(0), "{ended}");
    let ends = attempts(&lab, "web02");
    assert!(ends.len() >= 2, "{ends:?}");
    assert_eq!(ends[0], (1, "unreachable".to_owned()));
    assert_eq!(ends.last().unwrap(), &(ends.len() as u64, "succeeded".to_owned()));
    assert_eq!(attempts(&lab, "web01"), [(1, "succeeded".to_owned())]);
    let log = ended.err();
    assert!(log.contains("attempt failed, trying again") && log.contains("\"attempt\":2"), "{log}");
}

/// R7.5: nothing that may have run is run twice by itself.
#[test]
fn a_command_that_failed_is_repeated_only_when_it_is_idempotent() {
    let lab = Lab::new(1);
    let count = lab.write("count", "");
    let command = format!("echo x >> {0}; test $(wc -l < {0}) -ge 3", count.display());
    let options = ["--retries", "5", "--retry-on", "exited", "--retry-wait", "10ms"];
    let _ = lab.run("web01", &command).args(options).exits(1);
    assert_eq!(lines_of(&count).len(), 1);
    let ran = lab.run("web01", &command).args(options).args(["--idempotent"]).succeeds();
    assert_eq!(lines_of(&count).len(), 3);
    assert!(ran.err().contains("web01: attempt 1: exit status 1; trying again in"), "{ran}");
}

/// R1.6, R7.5
#[test]
fn the_limit_over_all_attempts_ends_them() {
    let lab = Lab::new(1);
    lab.fleet().stop_node(0).unwrap();
    let ran = lab
        .run_events("web01", "true")
        .args(["--retries", "99", "--retry-wait", "100ms", "--retry-growth", "constant"])
        .args(["--retry-deadline", "1s"])
        .exits(3);
    let failed = ran.events().iter().filter(|event| event["type"] == "attemptFailed").count();
    assert!((1..=12).contains(&failed), "{failed}");
}

/// R7.7, R7.8: a node that could not be reached again and again is refused at once, in the next call too, until it is
/// time for a probe or somebody resets it.
#[test]
fn a_node_that_fails_again_and_again_is_refused_until_somebody_says_otherwise() {
    let lab = Lab::new(2);
    lab.fleet().stop_node(1).unwrap();
    let run = || lab.run("web[01-02]", "true").args(["--node-breaker", "2"]);
    for _ in 0..2 {
        let ran = run().exits(1);
        assert!(ran.err().contains("web02  unreachable"), "{ran}");
    }
    lab.fleet().start_node(1).unwrap();
    let refused = run().exits(1);
    assert!(refused.err().contains("web02  rejected"), "{refused}");
    assert!(refused.err().contains("the next probe may pass at"), "{refused}");
    let listed = lab.pab(["breakers", "list", "--format", "ndjson"]).succeeds().events();
    assert_eq!(
        (listed.len(), &listed[0]["component"], &listed[0]["state"]),
        (1, &"node:web02".into(), &"open".into())
    );
    assert!(lab.pab(["breakers", "list"]).succeeds().out().contains("node:web02"));
    let _ = lab.pab(["breakers", "reset", "node:web02"]).succeeds();
    assert_eq!(lab.pab(["breakers", "list", "--format", "json"]).succeeds().json(), Value::Array(vec![]));
    let _ = run().succeeds();
    let bad = lab.pab(["breakers", "reset", "web02"]).exits(2);
    assert!(bad.err().contains("plugin:NAME or node:NAME"), "{bad}");
}
