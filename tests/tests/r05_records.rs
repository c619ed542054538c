//! Requirement 5, as far as running commands touches it: history, progress, complete and summarized output.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use pabawi_testkit::fleet::Fleet;
use pabawi_tests::{Lab, parse_lines, python, sha256};
use serde_json::Value;

/// The ids that `executions list` shows with these filters, newest first.
fn listed(lab: &Lab, filters: &[&str]) -> Vec<String> {
    let ran = lab.pab(["executions", "list", "--format", "ndjson"]).args(filters).succeeds();
    let records = parse_lines(&ran.out());
    records.iter().map(|record| record["id"].as_str().unwrap_or_else(|| panic!("{ran}")).to_owned()).collect()
}

/// The id of the newest execution.
fn last(lab: &Lab) -> String {
    listed(lab, &["--limit", "1"]).remove(0)
}

/// R5.5
#[test]
fn every_execution_is_kept_with_who_what_where_and_how_it_ended() {
    let lab = Lab::new(2);
    let _ = lab.run("web[01-02]", "echo kept; exit 0").succeeds();
    let _ = lab.run("web01", "exit 4").exits(1);
    let ids = listed(&lab, &[]);
    assert_eq!(ids.len(), 2);
    let shown = lab.pab(["executions", "show", &ids[1], "--format", "json"]).succeeds().json();
    let text = shown.to_string();
    let record = &shown;
    assert_eq!(record["id"], ids[1].as_str(), "{text}");
    assert_eq!(record["caller"]["entryPoint"], "cli", "{text}");
    assert!(record["caller"]["user"].as_str().is_some_and(|user| !user.is_empty()), "{text}");
    assert_eq!(record["actionText"], "echo kept; exit 0", "{text}");
    assert_eq!(record["status"], "completed", "{text}");
    assert_eq!(record["summary"]["succeeded"], 2, "{text}");
    assert!(record["summary"]["durationMs"].is_u64(), "{text}");
    assert!(text.contains("web01") && text.contains("web02"), "{text}");
    for time in ["submittedAt", "startedAt", "finishedAt"] {
        assert!(record[time].as_str().is_some_and(|at| at.ends_with('Z')), "{time}: {text}");
    }
    // The same for people.
    let table = lab.pab(["executions", "list"]).succeeds().out();
    assert!(
        table.contains("echo kept") && table.contains("completed") && table.contains("failed"),
        "{table}"
    );
    let page = lab.pab(["executions", "show", &ids[0]]).succeeds().out();
    assert!(page.contains("exit status 4") && page.contains("web01"), "{page}");
    // A unique beginning of an id stands for the id.
    let short = lab.pab(["executions", "show", &ids[0][..ids[0].len() - 6], "--format", "json"]).succeeds();
    assert!(short.out().contains(&ids[0]), "{short}");
}

/// R2.6, R5.4
#[test]
fn progress_tells_the_rate_and_what_is_left() {
    let lab = Lab::new(2);
    let gate = lab.path("gate");
    let command =
        format!("case $PABAWI_NODE in web02) until [ -e {} ]; do sleep 0.1; done; esac", gate.display());
    let mut running = lab.run_events("web[01-02]", &command).spawn();
    let told = running.events_until("progress", |event| event["type"] == "progress");
    let report = told.last().unwrap();
    assert_eq!(
        (&report["completed"], &report["running"], &report["total"]),
        (&1.into(), &1.into(), &2.into())
    );
    let rate = report["pace"]["perSecond"].as_f64().unwrap();
    assert!(rate > 0.0 && rate <= 1.0, "{report}");
    assert!(report["pace"]["remainingMs"].as_u64().unwrap() > 0, "{report}");
    assert!(report["pace"]["expectedAt"].as_str().unwrap() > report["at"].as_str().unwrap(), "{report}");
    // Another process knows it from the store.
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().json();
    assert!(shown["pace"]["remainingMs"].as_u64().unwrap() > 0, "{shown}");
    let page = lab.pab(["executions", "show", "last"]).succeeds().out();
    assert!(page.contains("left       about ") && page.contains("nodes a second)"), "{page}");
    std::fs::write(&gate, "").unwrap();
    let events = running.end().events();
    let [.., last, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        (&last["type"], &last["completed"], &end["type"]),
        (&"progress".into(), &2.into(), &"finished".into())
    );
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().json();
    assert_eq!(shown["pace"], Value::Null, "{shown}");
}

/// R5.1, R5.2, R5.3, R7.3
#[test]
fn the_log_tells_start_failures_and_end_as_structured_entries() {
    let lab = Lab::new(2);
    lab.fleet().stop_node(1).unwrap();
    let ran = lab
        .run("web[01-02]", "echo logged")
        .args(["--log-level", "info", "--log-format", "json", "--quiet"])
        .exits(1);
    let entries = parse_lines(&ran.err());
    let id = last(&lab);
    let find = |message: &str| {
        let found =
            entries.iter().find(|entry| entry["message"] == message && entry["execution_id"] == id.as_str());
        found.unwrap_or_else(|| panic!("{message:?} is not among {entries:#?}"))
    };
    let start = find("execution started");
    let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let user = String::from_utf8(user).unwrap();
    for (field, part) in [("user", user.trim()), ("expression", "web[01-02]"), ("action", "echo logged")] {
        assert!(start[field].as_str().is_some_and(|value| value.contains(part)), "{field}: {start}");
    }
    let end = find("execution finished");
    assert_eq!(
        (&end["status"], &end["succeeded"], &end["failed"]),
        (&"partial".into(), &1.into(), &1.into())
    );
    assert!(end["duration_ms"].is_u64(), "{end}");
    let failure = entries.iter().find(|entry| entry["node"] == "web02").unwrap_or_else(|| panic!("{ran}"));
    assert_eq!(failure["level"], "WARN", "{failure}");
    assert!(failure.to_string().contains("refused"), "{failure}");
}

/// R5.1, R5.2, R7.6: each line from the start to the end has the ids of the request and of the execution, whoever speaks.
#[test]
fn each_line_of_the_log_has_the_ids_of_its_request_and_execution() {
    let lab = Lab::new(2);
    lab.fleet().stop_node(1).unwrap();
    let call = lab.run("web[01-02]", "exit 3").args(["--retries", "1", "--retry-wait", "10ms", "--quiet"]);
    let call = call.args(["--correlation-id", "ticket-9", "--log-level", "trace", "--log-format", "json"]);
    let ran = call.exits(1);
    let entries = parse_lines(&ran.err());
    let id = last(&lab);
    let place = |message: &str| {
        let found = entries.iter().position(|entry| entry["message"].as_str().unwrap().contains(message));
        found.unwrap_or_else(|| panic!("{message:?} is not among {entries:#?}"))
    };
    let (start, end) = (place("execution started"), place("execution finished"));
    let between = &entries[start..=end];
    assert!(between.len() >= 4, "{entries:#?}");
    for entry in between {
        assert_eq!(entry["execution_id"], id.as_str(), "{entry}");
        assert_eq!(entry["correlation_id"], "ticket-9", "{entry}");
    }
    let again = between.iter().find(|entry| entry["message"] == "trying again").unwrap();
    assert_eq!((&again["attempt"], &again["node"]), (&2.into(), &"web02".into()), "{again}");
    // The same for people, on one line each, and none of it where nothing is to be logged.
    let ran = lab.run("web01", "true").args(["--correlation-id", "a-b", "--log-level", "info"]).succeeds();
    let line = ran.err().lines().find(|line| line.contains("execution started")).map(str::to_owned);
    let line = line.unwrap_or_else(|| panic!("{ran}"));
    assert!(line.contains("correlation_id=a-b") && line.contains(" INFO pabawi_engine::"), "{line}");
    let ran = lab.run("web01", "true").args(["--log-level", "off", "--quiet"]).succeeds();
    assert_eq!(ran.err(), "", "{ran}");
}

/// R9.6: what a command reads can be a secret; it is not stored, so a rerun is given it again.
#[test]
fn standard_input_can_be_a_secret() {
    let lab = Lab::new(1);
    let file = lab.write("secret", "first line of it\nsecond line of it\n");
    let file = file.to_str().unwrap();
    let ran = lab.run("web01", "cat; wc -c </dev/null").args(["--secret-stdin", file]).succeeds();
    assert!(ran.out().contains("***") && !ran.out().contains("line of it"), "{ran}");
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds();
    assert_eq!(shown.json()["request"]["action"]["stdin"]["secret"], "***", "{shown}");
    let config = lab.fleet().ssh_config();
    let again = |more: &[&str]| {
        let call = lab.pab(["executions", "rerun", "last", "--all", "--ssh-config"]).args([config]);
        call.args(more)
    };
    let refused = again(&[]).exits(2);
    assert!(refused.err().contains("--secret-stdin (action.stdin): the secret was not stored"), "{refused}");
    let ran = again(&["--secret-stdin", file]).succeeds();
    assert!(ran.out().contains("***") && !ran.out().contains("line of it"), "{ran}");
    let _ = lab.run("web01", "cat").args(["--secret-stdin", file, "--stdin", file]).exits(2);
}

/// R5.8
#[test]
fn history_is_searched_by_time_user_target_status_and_text() {
    let lab = Lab::new(2);
    let _ = lab.run("web01", "echo alpha").succeeds();
    let first = last(&lab);
    let _ = lab.run("web02", "echo beta; exit 1").exits(1);
    let second = last(&lab);
    let ran = lab.run("web[01-02]", "set -- $SSH_CONNECTION; echo gamma 100%; case $3 in *1) exit 1;; esac");
    let ran = ran.ran();
    let third = last(&lab);
    let status = if ran.code() == Some(0) { "completed" } else { "partial" };
    let all = [third.clone(), second.clone(), first.clone()];

    assert_eq!(listed(&lab, &["--target", "web01"]), [third.clone(), first.clone()]);
    assert_eq!(listed(&lab, &["--target", "web02"]), [third.clone(), second.clone()]);
    assert_eq!(listed(&lab, &["--target", "web99"]), Vec::<String>::new());
    assert_eq!(listed(&lab, &["--status", "failed"]), std::slice::from_ref(&second));
    assert!(listed(&lab, &["--status", status]).contains(&third));
    assert_eq!(listed(&lab, &["--status", "completed,failed,partial"]), all);
    assert_eq!(listed(&lab, &["--status", "queued"]), Vec::<String>::new());
    assert_eq!(listed(&lab, &["--text", "BETA"]), std::slice::from_ref(&second));
    assert_eq!(listed(&lab, &["--text", "100%"]), std::slice::from_ref(&third));
    assert_eq!(listed(&lab, &["--text", "_lpha"]), Vec::<String>::new(), "no wildcards");
    assert_eq!(listed(&lab, &["--since", "1h"]), all);
    assert_eq!(listed(&lab, &["--until", "1h"]), Vec::<String>::new());
    assert_eq!(
        listed(&lab, &["--since", "2020-01-01T00:00:00Z", "--until", "2021-01-01T00:00:00Z"]),
        [""; 0]
    );
    assert_eq!(listed(&lab, &["--target", "web02", "--status", "failed", "--text", "beta"]), [second]);

    let shown = lab.pab(["executions", "show", &first, "--format", "json"]).succeeds().json();
    let user = shown["caller"]["user"].as_str().unwrap();
    assert_eq!(listed(&lab, &["--user", user]), all);
    assert_eq!(listed(&lab, &["--user", "somebody-else"]), [""; 0]);
}

/// R5.5, R5.8
#[test]
fn a_long_history_is_read_page_by_page() {
    let lab = Lab::new(1);
    for number in 0..5 {
        let _ = lab.run("web01", &format!("echo {number}")).succeeds();
    }
    let all = listed(&lab, &[]);
    assert_eq!(all.len(), 5);
    let mut paged = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..4 {
        let mut call = lab.pab(["executions", "list", "--format", "json", "--limit", "2"]);
        if let Some(cursor) = &cursor {
            call = call.args(["--cursor", cursor]);
        }
        let page = call.succeeds().json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
        paged.extend(items.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all, "each once, in order");
    let ran = lab.pab(["executions", "list", "--cursor", "nonsense"]).exits(2);
    assert!(ran.err().contains("cursor"), "{ran}");
}

/// R5.4
#[test]
fn progress_is_told_while_it_happens_and_can_be_read_again_later() {
    let lab = Lab::new(3);
    let gate = lab.path("gate");
    let command = format!(
        "set -- $SSH_CONNECTION; case $3 in {}) until [ -e {} ]; do sleep 0.05; done;; esac",
        lab.fleet().node(2).unwrap().address.ip(),
        gate.display()
    );
    let mut running = lab.run_events("web[01-03]", &command).spawn();
    let finished = |event: &Value| event["type"] == "nodeFinished";
    let mut live = running.events_until("the first node", finished);
    live.extend(running.events_until("the second node", finished));
    let progress = &live.last().unwrap()["progress"];
    assert_eq!(
        (&progress["total"], &progress["succeeded"], &progress["running"]),
        (&3.into(), &2.into(), &1.into())
    );
    std::fs::write(&gate, "").unwrap();
    let ran = running.end();
    live.extend(ran.events());
    assert_eq!(ran.code(), Some(0), "{ran}");
    assert_eq!(live.last().unwrap()["type"], "finished");
    // What was seen live is what was stored.
    let again = lab.pab(["executions", "events", "last"]).succeeds().events();
    assert_eq!(again, live);
}

/// What a command prints, longer than what is kept of it without debug mode.
const LONG: &str = "seq 1 400000";

fn long_output() -> Vec<u8> {
    (1..=400_000).fold(String::new(), |text, number| text + &number.to_string() + "\n").into_bytes()
}

fn stored(lab: &Lab) -> Vec<u8> {
    lab.pab(["executions", "output", "last", "--node", "web01", "--stream", "stdout"]).succeeds().stdout
}

/// R5.10, R5.12
#[test]
fn debug_mode_keeps_every_byte() {
    let lab = Lab::new(1);
    let document = lab.run("web01", LONG).args(["--debug", "--format", "json"]).succeeds().json();
    let returned = &document["nodes"][0]["stdout"];
    assert_eq!(returned["data"].as_str().unwrap().as_bytes(), long_output());
    assert!(returned["omitted"].is_null());
    let kept = stored(&lab);
    assert_eq!(kept.len(), long_output().len());
    assert_eq!(sha256(&kept), sha256(&long_output()));
}

/// R5.11, R5.12
#[test]
fn without_debug_mode_the_first_and_last_part_are_kept_and_the_hole_is_marked() {
    let lab = Lab::new(1);
    let whole = long_output();
    let document = lab.run("web01", LONG).args(["--format", "json"]).succeeds().json();
    let returned = &document["nodes"][0]["stdout"];
    let kept = returned["data"].as_str().unwrap();
    assert!(kept.len() < whole.len() / 2, "{} bytes of {} were returned", kept.len(), whole.len());
    assert!(kept.starts_with("1\n2\n3\n"), "the beginning is there");
    assert!(kept.ends_with("399999\n400000\n"), "the end is there");
    // The hole is marked: where it is, and how much is missing.
    let (at, missing) = (returned["omitted"]["at"].as_u64(), returned["omitted"]["bytes"].as_u64());
    let at = usize::try_from(at.unwrap_or_else(|| panic!("{}", returned["omitted"]))).unwrap();
    let missing = usize::try_from(missing.unwrap()).unwrap();
    assert_eq!(kept.len() + missing, whole.len());
    assert_eq!(kept.as_bytes()[..at], whole[..at]);
    assert_eq!(kept.as_bytes()[at..], whole[at + missing..]);
    // The hash is that of everything, so equal outputs are still known as equal.
    assert_eq!(returned["sha256"], sha256(&whole).as_str());
    let again = lab.pab(["executions", "output", "last", "--node", "web01"]).succeeds();
    assert_eq!(again.out(), kept);
    assert!(again.err().contains(&missing.to_string()), "the hole is told to people too: {}", again.err());
    // The next request may decide otherwise.
    let _ = lab.run("web01", "echo short").succeeds();
    assert_eq!(stored(&lab), b"short\n");
}

/// R5.5
#[test]
fn a_failed_run_is_kept_with_the_chain_of_its_causes() {
    let lab = Lab::new(1);
    lab.fleet().stop_node(0).unwrap();
    let _ = lab.run("web01", "true").ran();
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().out();
    assert!(shown.contains("connection_refused") && shown.contains("refused"), "{shown}");
    assert!(shown.contains(r#""status":"failed""#) || shown.contains(r#""status": "failed""#), "{shown}");
}

/// R5.5
#[test]
fn equal_outputs_are_stored_once_and_secrets_never() {
    let lab = Lab::with(Fleet::builder().nodes(4));
    let _ = lab.run("web[01-04]", LONG).args(["--debug"]).succeeds();
    let hashes = python(
        "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nprint(c.execute('select count(*) from pabawi_exec_outputs').fetchone()[0])",
        &lab.database(),
    );
    assert_eq!(hashes, "1", "four nodes printed the same");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(lab.database()).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "only the owner reads the records");
}

/// R5.7: where the time went is told for real nodes: the one that slept ran long, the one behind it waited.
#[test]
fn what_made_an_execution_slow_is_explained() {
    let lab = Lab::new(2);
    let _ = lab.run("web[01-02]", "sleep 0.5; echo done").args(["--concurrency", "1"]).succeeds();
    let report = lab.pab(["executions", "explain-slow", "last", "--format", "json"]).succeeds().json();
    let phases = report["phases"].as_array().unwrap();
    let names: Vec<&str> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    assert!(names.contains(&"keyExchange") && names.contains(&"firstByte"), "{names:?}");
    let at = |name: &str| names.iter().position(|one| *one == name).unwrap();
    let us = |node: &Value, phase: &str| node["phases"][at(phase)].as_u64().unwrap();
    let slowest = &report["slowest"].as_array().unwrap()[0];
    assert!(us(slowest, "queue") >= 500_000, "it waited for the other one: {report}");
    assert!(us(slowest, "firstByte") >= 500_000, "{report}");
    for phase in ["tcp", "keyExchange", "authentication", "start"] {
        assert!(us(slowest, phase) > 0, "{phase}: {report}");
    }
    let table = lab.pab(["executions", "explain-slow", "last", "--top", "1"]).succeeds().out();
    assert!(table.contains("SLOWEST NODE") && table.contains("first byte"), "{table}");
    let _ = lab.pab(["executions", "explain-slow", "no-such"]).exits(2);
}

/// R5.8: executions are found by what did them, and counted by where they stand.
#[test]
fn executions_are_found_by_plugin_and_counted_by_status() {
    let lab = Lab::new(2);
    let _ = lab.run("web[01-02]", "true").succeeds();
    let _ = lab.run("web01", "exit 4").exits(1);
    let local = lab.pab(["run", "true", "--hosts", "here", "--transport", "local"]).succeeds();
    for (plugin, count) in [("ssh", 2), ("local", 1), ("bolt", 0)] {
        let found = listed(&lab, &["--plugin", plugin]);
        assert_eq!(found.len(), count, "{plugin}: {local}");
    }
    let newest = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().json();
    assert_eq!(newest["plugins"], serde_json::json!(["local"]), "{newest}");
    let totals = lab.pab(["executions", "totals", "--format", "json"]).succeeds().json();
    let expected = serde_json::json!({
        "total": 3,
        "byStatus": {
            "queued": 0, "running": 0, "completed": 2, "partial": 0, "failed": 1, "cancelled": 0, "interrupted": 0
        }
    });
    assert_eq!(totals, expected);
    let table = lab.pab(["executions", "totals", "--plugin", "ssh", "--target", "web02"]).succeeds().out();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.contains(&vec!["completed", "1"]) && rows.contains(&vec!["total", "1"]), "{table}");
    let refused = lab.pab(["executions", "totals", "--plugin", "no plugin"]).exits(2);
    assert!(refused.err().contains("--plugin: "), "{refused}");
}
