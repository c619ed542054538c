//! Requirement 1: a command runs on nodes, its streams, exit statuses, limits and failures come back.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use pabawi_tests::{Lab, data_of, finished_nodes, lines_of, outcome_of, result_of, unique};
use serde_json::Value;

/// All output of one stream of one node, with the offsets checked.
fn stream(events: &[Value], node: &str, stream: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for event in events
        .iter()
        .filter(|event| event["type"] == "output" && event["node"] == node && event["stream"] == stream)
    {
        assert_eq!(event["offset"], all.len(), "pieces follow each other: {event}");
        all.extend(data_of(&event["data"]));
    }
    all
}

/// R1.1, R1.5, R12.2
#[test]
fn a_command_runs_on_every_target_and_each_has_its_own_exit_status() {
    let lab = Lab::new(3);
    // The address by which the node was reached decides.
    let address = lab.fleet().node(1).unwrap().address.ip().to_string();
    let command = format!("set -- $SSH_CONNECTION; if [ $3 = {address} ]; then exit 7; fi; echo from $3");
    let events = lab.run_events("web[01-03]", &command).exits(1).events();
    assert_eq!(result_of(&events, "web02").unwrap()["code"], 7);
    for (index, node) in [(0, "web01"), (2, "web03")] {
        assert_eq!(outcome_of(&events, node), "succeeded");
        let ip = lab.fleet().node(index).unwrap().address.ip();
        assert_eq!(stream(&events, node, "stdout"), format!("from {ip}\n").into_bytes());
    }
    // 255 is what OpenSSH's client says of its own failures; here it is a status like any other.
    for code in [1, 2, 126, 127, 255] {
        let events = lab.run_events("web01", &format!("exit {code}")).exits(1).events();
        let result = result_of(&events, "web01").unwrap();
        assert_eq!((&result["outcome"], &result["code"]), (&"exited".into(), &code.into()));
    }
    let events = lab.run_events("web01", "kill -SEGV $$").exits(1).events();
    let result = result_of(&events, "web01").unwrap();
    assert_eq!((&result["outcome"], &result["signal"]), (&"signalled".into(), &"SEGV".into()));
}

/// R1.1
#[test]
fn options_reach_the_command() {
    let lab = Lab::new(1);
    let place = lab.path("place with ' and \"");
    std::fs::create_dir(&place).unwrap();
    let ran = lab.run("web01", "pwd; cat").args(["--cwd".as_ref(), place.as_os_str()]).args(["--stdin", "-"]);
    let ran = ran.args(["--format", "ndjson"]).stdin("first\nsecond\0third").succeeds();
    let said = stream(&ran.events(), "web01", "stdout");
    assert_eq!(said, format!("{}\nfirst\nsecond\0third", place.display()).into_bytes());

    let missing = lab.run_events("web01", "echo ran").args(["--cwd", "/no/such/folder"]).ran();
    let result = result_of(&missing.events(), "web01").unwrap();
    assert_eq!(result["error"]["code"], "bad_working_directory", "{missing}");
    assert!(result["error"]["message"].as_str().unwrap().contains("/no/such/folder"), "{missing}");
    assert_eq!(stream(&missing.events(), "web01", "stdout"), b"", "the command was not started");
}

/// R1.2, R5.4
#[test]
fn synchronous_means_that_the_call_ends_with_the_last_node() {
    let lab = Lab::new(2);
    let gate = lab.path("gate");
    let command = format!("until [ -e {} ]; do sleep 0.05; done; echo passed", gate.display());
    let mut running = lab.run_events("web[01-02]", &command).spawn();
    let mut events = running.events_until("the start", |event| event["type"] == "started");
    lab.wait_for_processes(&command, 2);
    assert!(!running.has_ended());
    std::fs::write(&gate, "").unwrap();
    let ran = running.end();
    assert_eq!(ran.code(), Some(0), "{ran}");
    events.extend(ran.events());
    assert_eq!(events.last().unwrap()["summary"]["status"], "completed");
    let mut nodes = finished_nodes(&events);
    nodes.sort();
    assert_eq!(nodes, ["web01", "web02"]);
}

/// R1.3
#[test]
fn the_id_is_there_and_stored_before_the_command_has_ended() {
    let lab = Lab::new(1);
    let gate = lab.path("gate");
    let command = format!("until [ -e {} ]; do sleep 0.05; done", gate.display());
    let mut running = lab.run_events("web01", &command).spawn();
    let first = running.event().expect("an event");
    assert_eq!((&first["type"], &first["seq"]), (&"queued".into(), &1.into()));
    let id = first["executionId"].as_str().unwrap();
    // Another process already sees it under that id, while the command cannot have ended.
    let shown = lab.pab(["executions", "show", id, "--format", "json"]).succeeds();
    assert!(shown.out().contains(id), "{shown}");
    assert!(!running.has_ended());
    std::fs::write(&gate, "").unwrap();
    assert_eq!(running.end().code(), Some(0));
}

/// R1.4
#[test]
fn the_streams_stay_apart_and_bytes_stay_bytes() {
    let lab = Lab::new(1);
    let command = r"printf 'out\n'; printf 'err\n' >&2; printf '\377\000z\305' ; printf '\303\251' >&2";
    let events = lab.run_events("web01", command).succeeds().events();
    assert_eq!(stream(&events, "web01", "stdout"), b"out\n\xff\x00z\xc5");
    assert_eq!(stream(&events, "web01", "stderr"), "err\né".as_bytes());
    let output = |stream: &str| {
        lab.pab(["executions", "output", "last", "--node", "web01", "--stream", stream]).succeeds()
    };
    assert_eq!(output("stdout").stdout, b"out\n\xff\x00z\xc5");
    assert_eq!(output("stderr").stdout, "err\né".as_bytes());
}

/// R1.4, R5.4
#[test]
fn output_is_seen_while_the_command_runs() {
    let lab = Lab::new(1);
    let gate = lab.path("gate");
    let command = format!("echo before; until [ -e {} ]; do sleep 0.05; done; echo after", gate.display());
    let mut running = lab.run_events("web01", &command).spawn();
    let seen = running.events_until("output", |event| event["type"] == "output");
    assert_eq!(stream(&seen, "web01", "stdout"), b"before\n");
    std::fs::write(&gate, "").unwrap();
    let ran = running.end();
    let events: Vec<Value> = seen.into_iter().chain(ran.events()).collect();
    assert_eq!(stream(&events, "web01", "stdout"), b"before\nafter\n");
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>(), "numbered without gaps");
}

/// R1.6
#[test]
fn a_timeout_ends_the_command_on_the_node_and_says_so() {
    let lab = Lab::new(4);
    let number = unique();
    // Plain; deaf to what is asked politely; a tree; and a command that prints without end.
    for (node, command) in [
        ("web01", format!("sleep {number}")),
        ("web02", format!("trap '' TERM HUP INT; sleep {number}; sleep {number}")),
        ("web03", format!("(sleep {number} & sleep {number}) & sleep {number} | cat; wait")),
        ("web04", format!("while :; do echo {number}; done")),
    ] {
        let ran = lab.run_events(node, &command).args(["--timeout", "2s"]).exits(1);
        let result = result_of(&ran.events(), node).unwrap();
        assert_eq!(result["outcome"], "timedOut", "{command}: {result}");
        assert_eq!(result["phase"], "run", "{command}: {result}");
        assert_eq!(result["termination"]["state"], "confirmed", "{command}: {result}");
        // What was reported is looked at: nothing is left at the time of the report.
        assert_eq!(lab.processes(&number), [], "{command}");
    }
    let shown = lab.pab(["executions", "show", "last"]).succeeds().out();
    assert!(shown.contains("timed out") && shown.contains("confirmed"), "{shown}");
}

/// R1.6
#[test]
fn a_process_that_left_its_group_is_named_or_gone_but_never_called_confirmed_while_it_runs() {
    let lab = Lab::new(1);
    let number = unique();
    let command = format!("setsid sleep {number} & sleep 0.3; sleep {number}00");
    let ran = lab.run_events("web01", &command).args(["--timeout", "2s"]).exits(1);
    let result = result_of(&ran.events(), "web01").unwrap();
    assert_eq!(result["outcome"], "timedOut", "{ran}");
    let left = lab.processes(&format!("sleep {number}"));
    assert!(left.iter().all(|process| !process.command_line.ends_with("00")), "ours is gone: {left:?}");
    if left.is_empty() {
        return;
    }
    assert_eq!(result["termination"]["state"], "survivors", "{left:?} runs on: {ran}");
    let named = &result["termination"]["processes"][0];
    assert_eq!(named["pid"], left[0].pid, "{ran}");
    assert!(named["command"].as_str().unwrap().contains(&number), "{ran}");
}

/// R1.6
#[test]
fn the_limit_of_the_whole_execution_ends_running_and_waiting_nodes() {
    let lab = Lab::new(3);
    let number = unique();
    let ran = lab
        .run_events("web[01-03]", &format!("sleep {number}"))
        .args(["--concurrency", "2", "--execution-timeout", "3s"])
        .ran();
    let events = ran.events();
    let phases: BTreeMap<String, String> = ["web01", "web02", "web03"]
        .iter()
        .map(|node| {
            let result = result_of(&events, node).unwrap_or_else(|| panic!("{ran}"));
            assert_eq!(result["outcome"], "timedOut", "{ran}");
            ((*node).to_owned(), result["phase"].as_str().unwrap().to_owned())
        })
        .collect();
    assert!(phases.values().all(|phase| phase == "execution" || phase == "queue"), "{phases:?}");
    assert_eq!(lab.processes(&number), []);
}

/// R1.7
#[test]
fn variables_arrive_byte_for_byte_without_the_servers_consent() {
    // Stock sshd accepts no variables from a client.
    let lab = Lab::with(pabawi_testkit::fleet::Fleet::builder().setting("AcceptEnv NOTHING"));
    let values = [
        ("PLAIN", "value"),
        ("EMPTY", ""),
        ("QUOTES", r#"it's "quoted" \ and $HOME `id` $(id) !x"#),
        ("LINES", "one\n two \n\tthree\n"),
        ("UNICODE", "zażółć gęślą jaźń 🦀"),
        ("_EQUALS", "a=b=c"),
    ];
    let command = values.map(|(name, _)| format!(r#"printf '%s\0' "${name}""#)).join("; ");
    let pairs = values.iter().flat_map(|(name, value)| ["--env".to_owned(), format!("{name}={value}")]);
    let events = lab.run_events("web01", &command).args(pairs).succeeds().events();
    let said = String::from_utf8(stream(&events, "web01", "stdout")).unwrap();
    let expected: String = values.iter().map(|(_, value)| format!("{value}\0")).collect();
    assert_eq!(said, expected);
}

/// R1.7
#[test]
fn a_value_is_in_no_argument_list_on_the_node() {
    let lab = Lab::new(1);
    let (number, canary) = (unique(), format!("canary{}", unique()));
    let command = format!("sleep {number}");
    let mut running = lab.run_events("web01", &command).args(["--env", &format!("TOKEN={canary}")]).spawn();
    lab.wait_for_processes(&command, 1);
    let shown: Vec<_> = lab.processes(&canary).into_iter().filter(|process| process.name != "pab").collect();
    assert_eq!(shown, [], "ps(1) would show the value");
    running.kill();
    lab.wait_for_processes(&command, 0);
}

/// R1.8, R7.3
#[test]
fn a_failure_names_its_reason_and_keeps_what_was_printed() {
    let lab = Lab::new(1);
    let ran = lab.run("web01", "echo partly done; echo no such thing >&2; exit 3").exits(1);
    for part in ["web01", "exit status 3", "no such thing"] {
        assert!(ran.out().contains(part) || ran.err().contains(part), "{part:?} is missing: {ran}");
    }
    let document = lab.run("web01", "exit 3").args(["--format", "json"]).exits(1).json().to_string();
    assert!(document.contains(r#""code":3"#) && document.contains(r#""outcome":"exited""#), "{document}");

    lab.fleet().stop_node(0).unwrap();
    let ran = lab.run_events("web01", "true").ran();
    let error = result_of(&ran.events(), "web01").unwrap()["error"].clone();
    assert_eq!(error["node"], "web01");
    assert_eq!(error["code"], "connection_refused");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("refused")), "{error}");
}

/// R1.1
#[test]
fn a_target_that_is_named_twice_runs_once() {
    let lab = Lab::new(2);
    let file = lab.path("ran");
    let command = format!("set -- $SSH_CONNECTION; echo $3 >> {}", file.display());
    let ran = lab.run_events("web01,web[01-02],web01", &command).succeeds();
    assert_eq!(finished_nodes(&ran.events()).len(), 2, "{ran}");
    let mut lines = lines_of(&file);
    lines.sort();
    lines.dedup();
    assert_eq!((lines.len(), lines_of(&file).len()), (2, 2));
}
