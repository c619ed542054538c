//! Requirement 1.1 in its options: terminals, masks, background children, lost links, jump hosts, this machine,
//! keys, and repeated submissions, through `pab`.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;

use pabawi_testkit::fleet::{Fleet, KeyType};
use pabawi_testkit::wait;
use pabawi_tests::{LIMIT, Lab, data_of, lines_of, outcome_of, result_of, sha256, unique};
use rustix::process::{Pid, Signal};
use serde_json::Value;

fn stdout(events: &[Value], node: &str) -> Vec<u8> {
    let pieces = events
        .iter()
        .filter(|event| event["type"] == "output" && event["node"] == node && event["stream"] == "stdout");
    pieces.flat_map(|event| data_of(&event["data"])).collect()
}

/// Ends processes that a test left on purpose.
fn kill(lab: &Lab, command_line: &str) {
    for process in lab.processes(command_line) {
        let _ = rustix::process::kill_process(Pid::from_raw(process.pid).unwrap(), Signal::KILL);
    }
}

/// R1.1, R1.4
#[test]
fn a_terminal_is_there_only_when_it_is_asked_for() {
    let lab = Lab::new(1);
    let command = "if [ -t 0 ]; then echo in; fi; if [ -t 1 ]; then echo out; fi; stty size >&2";
    let without = lab.run_events("web01", command).ran().events();
    assert_eq!(stdout(&without, "web01"), b"");
    let ran = lab.run_events("web01", command).args(["--pty"]).succeeds();
    let with = String::from_utf8(stdout(&ran.events(), "web01")).unwrap();
    // One stream, in which stty(1) speaks too.
    assert!(with.contains("in") && with.contains("out") && with.lines().count() == 3, "{with:?}");
}

/// R1.1
#[test]
fn the_mask_and_an_input_of_several_megabytes_reach_every_node() {
    let lab = Lab::new(2);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| u8::try_from(number * 7 % 253).unwrap()).collect();
    let file = lab.write("input", &bytes);
    let ran = lab.run_events("web[01-02]", "umask; sha256sum").args(["--umask", "027"]);
    let events = ran.args(["--stdin".as_ref(), file.as_os_str()]).succeeds().events();
    for node in ["web01", "web02"] {
        let said = String::from_utf8(stdout(&events, node)).unwrap();
        assert_eq!(said, format!("0027\n{}  -\n", sha256(&bytes)), "{node}");
    }
}

/// R1.2, R1.5
#[test]
fn a_background_child_that_keeps_the_pipe_open_does_not_hold_the_run() {
    let lab = Lab::new(1);
    let number = unique();
    let ran = lab.run_events("web01", &format!("sleep {number} & echo done; exit 3")).exits(1);
    let events = ran.events();
    assert_eq!(result_of(&events, "web01").unwrap()["code"], 3, "{ran}");
    assert_eq!(stdout(&events, "web01"), b"done\n");
    // It was started to go on, and nobody asked to end it.
    assert_eq!(lab.processes(&format!("sleep {number}")).len(), 1);
    kill(&lab, &number);
}

/// R1.6, R7.1
#[test]
fn what_shall_outlive_its_link_does() {
    let lab = Lab::new(1);
    let number = unique();
    let running =
        lab.run_events("web01", &format!("sleep {number}")).args(["--on-link-loss", "leave"]).spawn();
    lab.wait_for_processes(&format!("sleep {number}"), 1);
    lab.fleet().cut_links(0).unwrap();
    let ran = running.end();
    let result = result_of(&ran.events(), "web01").unwrap();
    assert_eq!(result["error"]["code"], "link_lost", "{ran}");
    assert_ne!(result["termination"]["state"], "confirmed", "it runs: {ran}");
    assert_eq!(lab.processes(&format!("sleep {number}")).len(), 1);
    kill(&lab, &number);
}

/// R1.6, R8.8
#[test]
fn a_command_with_input_is_ended_as_surely_as_one_without() {
    let lab = Lab::new(1);
    let number = unique();
    let command = format!("cat >/dev/null; trap '' TERM HUP; sleep {number}; sleep {number}; :");
    let ran =
        lab.run_events("web01", &command).args(["--stdin", "-", "--timeout", "2s"]).stdin("text").exits(1);
    let result = result_of(&ran.events(), "web01").unwrap();
    assert_eq!(result["outcome"], "timedOut", "{ran}");
    assert_eq!(result["termination"]["state"], "confirmed", "{ran}");
    assert_eq!(lab.processes(&number), []);
}

/// R1.1
#[test]
fn nodes_behind_one_and_two_jump_hosts_are_reached() {
    let lab = Lab::new(3);
    let mut config = String::new();
    // web03 is reached through web02, and that through web01.
    for (node, through) in [("web02", "web01"), ("web03", "web02")] {
        let _ = write!(config, "Host {node}\n  ProxyJump {through}\n");
    }
    config += &lab.fleet().ssh_config_text();
    let config = lab.write("jump_config", config);
    let call = |node: &str| {
        let call = lab.pab(["run", "echo $SSH_CONNECTION", "--format", "ndjson", "-t", node]);
        call.args(["--ssh-config".as_ref(), config.as_os_str()]).ran()
    };
    for (index, node) in [(1, "web02"), (2, "web03")] {
        let ran = call(node);
        assert_eq!(outcome_of(&ran.events(), node), "succeeded", "{ran}");
        let said = String::from_utf8(stdout(&ran.events(), node)).unwrap();
        let address = lab.fleet().node(index).unwrap().address.ip().to_string();
        assert!(said.contains(&address), "{said}");
    }
    assert!(lab.connections_seen(0) >= 2, "the way led through the first");
    lab.fleet().stop_node(0).unwrap();
    let ran = call("web03");
    let error = result_of(&ran.events(), "web03").unwrap()["error"].clone();
    assert_eq!(error["code"], "jump_failed", "{ran}");
    assert!(error.to_string().contains("web01") || error.to_string().contains("refused"), "{error}");
}

/// R1.1, R1.6
#[test]
fn this_machine_is_a_node_without_ssh() {
    let lab = Lab::new(1);
    let call = |command: &str| {
        lab.pab(["run", command, "--transport", "local", "--hosts", "here", "--format", "ndjson"])
    };
    let ran = call("echo \"$A $SSH_CONNECTION\"; pwd; exit 4").args(["--env", "A=b", "--cwd", "/"]).exits(1);
    assert_eq!(stdout(&ran.events(), "here"), b"b \n/\n");
    assert_eq!(result_of(&ran.events(), "here").unwrap()["code"], 4);
    let number = unique();
    let ran =
        call(&format!("trap '' TERM; sleep {number} & sleep {number}; :")).args(["--timeout", "1s"]).exits(1);
    assert_eq!(result_of(&ran.events(), "here").unwrap()["termination"]["state"], "confirmed", "{ran}");
    let left = pabawi_testkit::process::all();
    assert!(left.iter().all(|process| !process.command_line.contains(&number)), "{left:#?}");
    assert_eq!(lab.all_connections_seen(), 0);
}

/// R1.1
#[test]
fn every_kind_of_key_logs_in() {
    let lab = Lab::with(
        Fleet::builder().user_key(KeyType::Ed25519).user_key(KeyType::Ecdsa).user_key(KeyType::Rsa),
    );
    let text = lab.fleet().ssh_config_text();
    let first = lab.fleet().user_key().path.display().to_string();
    for key in lab.fleet().user_keys() {
        let config = lab.write("key_config", text.replace(&first, &key.path.display().to_string()));
        let call = lab.pab(["run", "true", "-t", "web01"]);
        let _ = call.args(["--ssh-config".as_ref(), config.as_os_str()]).succeeds();
    }
}

/// R1.2, R1.3
#[test]
fn the_same_key_starts_nothing_a_second_time() {
    let lab = Lab::new(1);
    let file = lab.path("ran");
    let command = format!("echo once >> {}", file.display());
    let call = || lab.run("web01", &command).args(["--idempotency-key", "deploy-42", "--format", "json"]);
    let (first, second) = (call().succeeds().json(), call().succeeds().json());
    assert_eq!(first["id"], second["id"]);
    assert_eq!(lines_of(&file), ["once"]);
    let ran = lab.run("web01", "echo other").args(["--idempotency-key", "deploy-42"]).exits(2);
    assert!(ran.err().contains("key"), "{ran}");
}

/// R5.4, R8.8
#[test]
fn another_terminal_follows_what_runs() {
    let lab = Lab::new(1);
    let gate = lab.path("gate");
    let command = format!("echo first; until [ -e {} ]; do sleep 0.05; done; echo second", gate.display());
    let mut running = lab.run_events("web01", &command).spawn();
    let mut live = running.events_until("output", |event| event["type"] == "output");
    let mut other = lab.pab(["executions", "events", "last", "--follow"]).spawn();
    let mut seen = other.events_until("the same output", |event| event["type"] == "output");
    assert_eq!(stdout(&seen, "web01"), b"first\n");
    std::fs::write(&gate, "").unwrap();
    live.extend(running.end().events());
    seen.extend(other.end().events());
    assert_eq!(seen, live);
}

/// R5.5, R8.1
#[test]
fn several_programs_use_one_database_at_the_same_time() {
    let lab = Lab::new(2);
    let place = lab.path("here");
    std::fs::create_dir(&place).unwrap();
    // All four have to be there at once, or none of them ends.
    let command = format!(
        "mktemp {0}/XXXXXX >&2; until [ $(ls {0} | wc -l) -eq 8 ]; do sleep 0.05; done",
        place.display()
    );
    let running: Vec<_> = (0..4).map(|_| lab.run_events("web[01-02]", &command).spawn()).collect();
    wait::until("all to be there", LIMIT, || std::fs::read_dir(&place).unwrap().count() == 8).unwrap();
    for one in running {
        let ran = one.end();
        assert_eq!(ran.code(), Some(0), "{ran}");
    }
    let listed = lab.pab(["executions", "list", "--status", "completed", "--format", "ndjson"]).succeeds();
    assert_eq!(listed.events().len(), 4, "none of them took another for dead: {listed}");
}
