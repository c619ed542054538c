//! Requirement 8.1, 8.2, 8.4, 8.5, 8.8: many nodes at once within limits, reused connections, bounded memory,
//! and cancellation that really stops.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::Duration;

use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use pabawi_tests::{
    LIMIT, Lab, Running, data_of, finished_nodes, held_writer, lines_of, outcome_of, own_memory, python,
    result_of, unique,
};
use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// R8.1
#[test]
fn nodes_run_at_the_same_time() {
    let lab = Lab::new(4);
    // Each waits until all four have come: one after the other they would wait for ever.
    let place = lab.path("here");
    std::fs::create_dir(&place).unwrap();
    let command = format!(
        "set -- $SSH_CONNECTION; : > {0}/$3; until [ $(ls {0} | wc -l) -eq 4 ]; do sleep 0.05; done",
        place.display()
    );
    let ran = lab.run_events("web[01-04]", &command).args(["--concurrency", "4"]).succeeds();
    assert_eq!(finished_nodes(&ran.events()).len(), 4);
}

/// The most that overlapped, from lines `start <ns>` and `end <ns>`.
fn peak(path: &Path) -> usize {
    let mut moments: Vec<(u64, bool)> = lines_of(path)
        .iter()
        .map(|line| {
            let (word, at) = line.split_once(' ').unwrap();
            (at.parse().unwrap(), word == "start")
        })
        .collect();
    moments.sort_unstable();
    let (mut now, mut most) = (0_usize, 0);
    for (_, starts) in moments {
        now = if starts { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    most
}

/// R8.2
#[test]
fn never_more_than_the_limit_run_at_once() {
    let lab = Lab::new(9);
    for limit in [1, 3] {
        let file = lab.path(&format!("moments-{limit}"));
        let command = format!(
            "echo start $(date +%s%N) >> {0}; sleep 0.3; echo end $(date +%s%N) >> {0}",
            file.display()
        );
        let _ = lab.run("web[01-09]", &command).args(["--concurrency", &limit.to_string()]).succeeds();
        assert_eq!(lines_of(&file).len(), 18);
        assert!(peak(&file) <= limit, "{} at once, {limit} allowed", peak(&file));
    }
}

/// R8.2
#[test]
fn a_slow_node_holds_one_place_and_not_the_whole_window() {
    let lab = Lab::new(6);
    let gate = lab.path("gate");
    let slow = lab.fleet().node(0).unwrap().address.ip();
    let command = format!(
        "set -- $SSH_CONNECTION; [ $3 != {slow} ] || until [ -e {} ]; do sleep 0.05; done",
        gate.display()
    );
    let mut running = lab.run_events("web[01-06]", &command).args(["--concurrency", "2"]).spawn();
    // In batches of two, the third node would wait for the first.
    let mut finished = Vec::new();
    while finished.len() < 5 {
        let events = running.events_until("a node", |event| event["type"] == "nodeFinished");
        finished.extend(finished_nodes(&events));
    }
    assert!(!finished.contains(&"web01".to_owned()), "{finished:?}");
    std::fs::write(&gate, "").unwrap();
    assert_eq!(running.end().code(), Some(0));
}

/// R8.2
#[test]
fn one_limit_holds_for_ansible_and_clustershell_names_too() {
    let lab = Lab::new(3);
    for option in ["--forks", "--fanout"] {
        let file = lab.path(option);
        let command = format!(
            "echo start $(date +%s%N) >> {0}; sleep 0.2; echo end $(date +%s%N) >> {0}",
            file.display()
        );
        let _ = lab.run("web[01-03]", &command).args([option, "1"]).succeeds();
        assert_eq!(peak(&file), 1);
    }
}

/// What one node prints in the test of memory, in bytes.
const FLOOD: u64 = 256 * 1024 * 1024;
/// Most memory that `pab` may need for it. The rest of the flood has to wait on the node.
const MEMORY: u64 = 96 * 1024 * 1024;

/// R8.5, R8.6
#[test]
fn a_slow_reader_slows_the_node_and_costs_no_memory_and_no_byte() {
    let lab = Lab::new(1);
    let number = unique();
    // Every line differs, so that a piece that is lost, doubled or moved changes the hash.
    let command = format!("seq -f '%.0f {number}' 1 100000000 | head -c {FLOOD}");
    let mut running =
        lab.run_events("web01", &command).args(["--debug"]).limit(Duration::from_secs(240)).spawn();
    let mut writer = None;
    wait::until("the flood to begin", LIMIT, || {
        writer = lab.processes(&format!("head -c {FLOOD}")).into_iter().find(|found| found.name == "head");
        writer.is_some()
    })
    .unwrap();
    let writer = writer.unwrap().pid;
    // Nobody reads: the program on the node has to come to a stop long before its end.
    let before = held_writer(writer);
    assert!(before < FLOOD / 2, "{before} bytes were written although nobody read");
    let held = own_memory(running.pid()).unwrap();
    assert!(held < MEMORY, "{held} bytes were held for a reader who does not read");

    let mut hash = Sha256::new();
    let (mut offset, mut peak, mut summary) = (0_u64, held, Value::Null);
    while let Some(event) = running.event() {
        if event["type"] == "output" {
            assert_eq!(event["offset"], offset, "pieces follow each other");
            let data = data_of(&event["data"]);
            offset += data.len() as u64;
            hash.update(&data);
            peak = peak.max(own_memory(running.pid()).unwrap_or(0));
        } else if event["type"] == "nodeFinished" {
            summary = event;
        }
    }
    let ran = running.end();
    assert_eq!(ran.code(), Some(0), "{ran}");
    assert_eq!(offset, FLOOD);
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(summary["stdout"], hash.as_str(), "what was seen is what was hashed");
    assert!(peak < MEMORY, "{peak} bytes were needed");
    // And what was kept is the same again.
    let kept = python(
        "import hashlib,os,sys\nd=sys.argv[1]+'.outputs'\nprint([hashlib.sha256(open(os.path.join(r,f),'rb').read()).hexdigest() for r,_,fs in os.walk(d) for f in fs])",
        &lab.database(),
    );
    assert_eq!(kept, format!("['{hash}']"), "debug mode keeps it whole");
}

/// Starts a command that lasts on all nodes, and waits until it runs there.
fn lasting(lab: &Lab, targets: &str, nodes: usize, number: &str) -> Running {
    let running = lab.run_events(targets, &format!("sleep {number}")).spawn();
    lab.wait_for_processes(&format!("sleep {number}"), nodes);
    running
}

fn assert_cancelled(events: &[Value], nodes: &[&str]) {
    for node in nodes {
        let result = result_of(events, node).unwrap_or_else(|| panic!("{node}: {events:#?}"));
        assert_eq!(result["outcome"], "cancelled", "{node}: {result}");
        assert_eq!(result["termination"]["state"], "confirmed", "{node}: {result}");
    }
}

/// R8.8
#[test]
fn ctrl_c_ends_the_command_on_every_node_and_reports_it() {
    let lab = Lab::new(3);
    let number = unique();
    let running = lasting(&lab, "web[01-03]", 3, &number);
    running.signal(Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code(), Some(130), "{ran}");
    assert_eq!(lab.processes(&number), []);
    let events = ran.events();
    assert_cancelled(&events, &["web01", "web02", "web03"]);
    assert_eq!(events.last().unwrap()["summary"]["status"], "cancelled");
    assert!(events.iter().any(|event| event["type"] == "cancelRequested"), "{ran}");
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().out();
    assert!(shown.contains("cancelled") && shown.contains("confirmed"), "{shown}");
}

/// R8.8
#[test]
fn ctrl_c_twice_leaves_at_once_and_the_nodes_are_left_clean_all_the_same() {
    let lab = Lab::new(1);
    let number = unique();
    // It is deaf, so the first Ctrl-C takes its time.
    let command = format!("trap '' TERM HUP INT; sleep {number}; sleep {number}; :");
    let mut running = lab.run_events("web01", &command).spawn();
    lab.wait_for_processes(&format!("sleep {number}"), 1);
    running.signal(Signal::INT);
    let _ = running.events_until("the request", |event| event["type"] == "cancelRequested");
    if !running.has_ended() {
        running.signal(Signal::INT);
    }
    let ran = running.end();
    assert_eq!(ran.code(), Some(130), "{ran}");
    // The lifeline of the lost connection ends it.
    lab.wait_for_processes(&number, 0);
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().out();
    assert!(shown.contains("cancelled") || shown.contains("interrupted"), "{shown}");
}

/// The process on a node that floods, once it has come to a stop because nobody reads.
fn stuck_flood(lab: &Lab, number: &str) {
    let mut found = None;
    wait::until("the flood", LIMIT, || {
        found = lab.processes(&format!("yes {number}")).into_iter().find(|process| process.name == "yes");
        found.is_some()
    })
    .unwrap();
    let _ = held_writer(found.unwrap().pid);
}

/// R8.8
#[test]
fn ctrl_c_works_while_nobody_reads_the_output() {
    let lab = Lab::new(1);
    for format in ["ndjson", "table"] {
        // As behind a pager that nobody scrolls.
        let number = unique();
        let mut running = lab.run("web01", &format!("yes {number}")).args(["--format", format]).spawn();
        stuck_flood(&lab, &number);
        running.signal(Signal::INT);
        lab.wait_for_processes(&format!("yes {number}"), 0);
        assert!(!running.has_ended(), "what was printed is not thrown away while it can be shown");
        running.signal(Signal::INT);
        wait::until("pab to leave", LIMIT, || running.has_ended()).unwrap();
        let ran = running.end();
        assert_eq!(ran.code(), Some(130), "{format}: {}", ran.err());
    }
}

/// R8.8
#[test]
fn after_a_cancellation_a_late_reader_still_gets_everything() {
    let lab = Lab::new(1);
    let number = unique();
    let mut running = lab.run_events("web01", &format!("yes {number}")).spawn();
    stuck_flood(&lab, &number);
    running.signal(Signal::INT);
    lab.wait_for_processes(&format!("yes {number}"), 0);
    let events = running.events_until("the end", |event| event["type"] == "finished");
    assert_cancelled(&events, &["web01"]);
    assert_eq!(running.end().code(), Some(130));
}

/// R8.8
#[test]
fn termination_by_sigterm_is_a_cancellation_too() {
    let lab = Lab::new(1);
    let number = unique();
    let running = lasting(&lab, "web01", 1, &number);
    running.signal(Signal::TERM);
    let ran = running.end();
    assert_ne!(ran.code(), Some(0), "{ran}");
    lab.wait_for_processes(&number, 0);
}

/// R8.8
#[test]
fn another_process_cancels_and_asking_twice_does_no_harm() {
    let lab = Lab::new(2);
    let number = unique();
    let mut running = lab.run_events("web[01-02]", &format!("sleep {number}")).spawn();
    let first = running.event().expect("an event");
    let id = first["executionId"].as_str().unwrap().to_owned();
    lab.wait_for_processes(&format!("sleep {number}"), 2);
    let _ = lab.pab(["executions", "cancel", &id]).succeeds();
    let ran = running.end();
    assert_ne!(ran.code(), Some(0), "{ran}");
    assert_cancelled(&ran.events(), &["web01", "web02"]);
    assert_eq!(lab.processes(&number), []);
    // It is over: asking again changes nothing and says so.
    let again = lab.pab(["executions", "cancel", &id]).ran();
    assert!((again.out() + &again.err()).contains("ended already"), "{again}");
    let unknown = lab.pab(["executions", "cancel", "00000000-0000-7000-8000-000000000000"]).ran();
    assert_ne!(unknown.code(), Some(0), "{unknown}");
}

/// R8.8
#[test]
fn one_node_is_cancelled_and_the_others_go_on() {
    let lab = Lab::new(3);
    let gate = lab.path("gate");
    let command = format!("until [ -e {} ]; do sleep 0.05; done", gate.display());
    let mut running = lab.run_events("web[01-03]", &command).spawn();
    let id = running.event().expect("an event")["executionId"].as_str().unwrap().to_owned();
    lab.wait_for_processes(&command, 3);
    let _ = lab.pab(["executions", "cancel", &id, "--node", "web02"]).succeeds();
    let events = running.events_until("the node's end", |event| event["type"] == "nodeFinished");
    assert_cancelled(&events, &["web02"]);
    lab.wait_for_processes(&command, 2);
    std::fs::write(&gate, "").unwrap();
    let ran = running.end();
    let events = ran.events();
    for node in ["web01", "web03"] {
        assert_eq!(outcome_of(&events, node), "succeeded", "{ran}");
    }
}

/// R8.8
#[test]
fn a_kill_needs_no_consent_of_the_command() {
    let lab = Lab::new(1);
    let number = unique();
    let command = format!("trap 'echo asked politely' TERM HUP INT; sleep {number}; sleep {number}; :");
    let mut running = lab.run_events("web01", &command).spawn();
    let id = running.event().expect("an event")["executionId"].as_str().unwrap().to_owned();
    lab.wait_for_processes(&format!("sleep {number}"), 1);
    let _ = lab.pab(["executions", "cancel", &id, "--kill"]).succeeds();
    let ran = running.end();
    assert_cancelled(&ran.events(), &["web01"]);
    assert!(!ran.out().contains("asked politely\\n"), "SIGKILL came first: {ran}");
    assert_eq!(lab.processes(&number), []);
}

/// R8.8
#[test]
fn what_waits_for_its_turn_is_cancelled_without_having_run() {
    let lab = Lab::new(3);
    let file = lab.path("ran");
    let number = unique();
    let command = format!("set -- $SSH_CONNECTION; echo $3 >> {}; sleep {number}", file.display());
    let running = lab.run_events("web[01-03]", &command).args(["--concurrency", "1"]).spawn();
    lab.wait_for_processes(&format!("sleep {number}"), 1);
    running.signal(Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code(), Some(130), "{ran}");
    assert_eq!(lines_of(&file).len(), 1, "only the first one ran");
    let events = ran.events();
    let summary = &events.last().unwrap()["summary"];
    assert_eq!((&summary["cancelled"], &summary["queued"]), (&3.into(), &0.into()), "{ran}");
    let started = events.iter().filter(|event| event["type"] == "nodeStarted").count();
    assert_eq!(started, 1, "{ran}");
}

/// R8.4, R8.8
#[test]
fn every_connection_is_closed_afterwards() {
    let lab = Lab::with(Fleet::builder().nodes(2));
    let _ = lab.run("web[01-02]", "exit 1").exits(1);
    for node in 0..2 {
        assert_eq!(lab.connections_seen(node), 1, "one connection is enough for one command");
        let closed = || lab.fleet().open_connections(node).unwrap() == 0;
        wait::until("the connection to be closed", LIMIT, closed).unwrap();
    }
}
