//! What was acknowledged survives `kill -9` at any moment, and nothing is run a second time.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use pabawi_tests::{Lab, Random, lines_of, parse_lines, python, unique};
use serde_json::Value;

/// How often the process is killed.
const ROUNDS: u64 = 60;

/// What the world saw of one execution before its process was killed.
#[derive(Debug, Default)]
struct Seen {
    /// Its number in the test.
    round: u64,
    /// Nodes that were said to have started.
    started: Vec<String>,
    /// Outcomes that were shown.
    outcomes: BTreeMap<String, Value>,
    /// The status that was shown at the end.
    status: Option<Value>,
}

/// Takes note of one line that the process printed.
fn note(seen: &mut BTreeMap<String, Seen>, round: u64, line: &str) {
    // The last line may be cut off: it was not acknowledged then.
    let Ok(event) = serde_json::from_str::<Value>(line) else { return };
    let id = event["executionId"].as_str().unwrap().to_owned();
    let seen = seen.entry(id).or_default();
    seen.round = round;
    match event["type"].as_str().unwrap() {
        "nodeStarted" => seen.started.push(event["node"].as_str().unwrap().to_owned()),
        "nodeFinished" => {
            let node = event["node"].as_str().unwrap().to_owned();
            assert!(seen.outcomes.insert(node, event["result"].clone()).is_none(), "finished twice: {event}");
        }
        "finished" => seen.status = Some(event["summary"]["status"].clone()),
        _ => {}
    }
}

/// R5.5, R8.8
#[test]
fn nothing_acknowledged_is_missing_and_nothing_runs_twice_after_kill_9_at_any_moment() {
    let lab = Lab::new(4);
    let mut random = Random::new();
    let nodes: BTreeMap<String, String> =
        lab.fleet().nodes().iter().map(|node| (node.name.clone(), node.address.ip().to_string())).collect();
    let place = lab.path("counters");
    std::fs::create_dir(&place).unwrap();
    let number = unique();
    let mut seen = BTreeMap::new();
    for round in 0..ROUNDS {
        // Two at once, so that some nodes still wait when the end comes.
        let command = format!(
            "set -- $SSH_CONNECTION; echo {round} >> {}/$3; sleep 0.0{}; exit $((${{3##*.}} % 3)); : {number}",
            place.display(),
            random.below(10)
        );
        let mut running = lab.run_events("web[01-04]", &command).args(["--concurrency", "2"]).spawn();
        // Half of the kills come after some line, the others after some time.
        if random.below(2) == 0 {
            for _ in 0..random.below(22) {
                let Some(line) = running.line() else { break };
                note(&mut seen, round, &line);
            }
        } else {
            // Not to wait for something, but to hit a moment that no line marks.
            std::thread::sleep(Duration::from_millis(random.below(450)));
        }
        running.kill();
        while let Some(line) = running.line() {
            note(&mut seen, round, &line);
        }
    }
    // The lifelines end what the killed processes had left behind.
    lab.wait_for_processes(&number, 0);
    check(&lab, &seen, &nodes);
    let verdict = "import sqlite3,sys\nprint(sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone()[0])";
    assert_eq!(python(verdict, &lab.database()), "ok");
    // The store works as before.
    let _ = lab.run("web[01-04]", "true").succeeds();
}

/// Compares what is stored with what was shown and with what the nodes counted.
fn check(lab: &Lab, seen: &BTreeMap<String, Seen>, nodes: &BTreeMap<String, String>) {
    let listed = lab.pab(["executions", "list", "--limit", "1000", "--format", "ndjson"]).succeeds();
    let records: BTreeMap<String, Value> = parse_lines(&listed.out())
        .into_iter()
        .map(|record| (record["id"].as_str().unwrap().to_owned(), record))
        .collect();
    let shown_ids = seen.len();
    assert!(shown_ids > 10, "only {shown_ids} executions were acknowledged: the test kills too early");
    let counted: BTreeMap<&String, Vec<String>> =
        nodes.iter().map(|(node, ip)| (node, lines_of(&lab.path("counters").join(ip)))).collect();
    for lines in counted.values() {
        let mut once = lines.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), lines.len(), "a command ran twice: {lines:?}");
    }
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for (id, record) in &records {
        let status = record["status"].as_str().unwrap();
        assert!(!["queued", "running"].contains(&status), "nobody runs {id} any more: {record}");
        if let Some(shown) = seen.get(id).and_then(|seen| seen.status.as_ref()) {
            assert_eq!(record["status"], *shown, "{id}");
        }
    }
    for (id, seen) in seen {
        assert!(records.contains_key(id), "{id} was shown and is not stored");
        for (node, target) in targets(lab, id) {
            let ran = counted[&node].contains(&seen.round.to_string());
            let state = target["state"].as_str().unwrap();
            let word = target["outcome"].as_str().unwrap_or(state);
            *states.entry(word.to_owned()).or_default() += 1;
            if let Some(outcome) = seen.outcomes.get(&node) {
                for (field, shown) in outcome.as_object().unwrap() {
                    assert_eq!(target[field], *shown, "{id} {node}: {outcome} was shown, {target} is stored");
                }
                assert!(ran, "{id} {node} is said to have run: {outcome}");
            }
            match state {
                "interrupted" => assert!(target["outcome"].is_null(), "{id} {node}: {target}"),
                "finished" if target["outcome"] == "skipped" => {
                    assert!(!ran, "{id} {node} is said not to have run: {target}");
                    assert!(!seen.started.contains(&node), "{id} {node} was said to have started: {target}");
                }
                "finished" => assert!(ran, "{id} {node}: {target}"),
                other => panic!("{id} {node} cannot be {other}: {target}"),
            }
        }
    }
    for state in ["interrupted", "skipped", "succeeded"] {
        assert!(states.contains_key(state), "no target was {state}: the test shows nothing: {states:?}");
    }
}

/// The stored targets of an execution, by node.
fn targets(lab: &Lab, id: &str) -> BTreeMap<String, Value> {
    let shown = lab.pab(["executions", "show", id, "--format", "json"]).succeeds().json();
    let targets = shown["nodes"].as_array().unwrap_or_else(|| panic!("no nodes: {shown}"));
    targets
        .iter()
        .map(|target| {
            let node = target["node"].as_str().unwrap_or_else(|| panic!("no node: {target}"));
            (node.to_owned(), target.clone())
        })
        .collect()
}

/// R5.5
#[test]
fn a_killed_program_leaves_no_half_written_output_for_ever() {
    let lab = Lab::new(1);
    let spill = lab.path("pabawi.db.spill");
    let files = || std::fs::read_dir(&spill).map_or(0, |entries| entries.count());
    // Long enough not to be kept in memory, and it never ends.
    let command = "yes 0123456789012345678901234567890123456789";
    let mut running = lab.run_events("web01", command).args(["--debug"]).spawn();
    // Ends with the file, or with the limit for one line.
    while files() == 0 {
        let _ = running.line().expect("it goes on");
    }
    running.kill();
    assert!(files() > 0, "the file is there, and nobody is left to remove it");
    let listed = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events();
    assert_eq!(listed[0]["status"], "interrupted");
    assert_eq!(files(), 0, "whoever comes next cleans up");
}
