//! Requirement 2 on real nodes: in which order nodes are taken, and when no further one is.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use pabawi_tests::{Lab, lines_of};
use serde_json::Value;

/// Events of one type.
fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// R2.9
#[test]
fn one_after_the_other_in_the_declared_order_until_one_fails() {
    let lab = Lab::new(4);
    let seen = lab.write("seen", "");
    let command = format!("echo $PAB_NODE >> {0}; test $(wc -l < {0}) -lt 3", seen.display());
    let ran = lab
        .run("web03,web01,web04,web02", &command)
        .args(["--sequential", "--fail-fast", "--format", "ndjson"])
        .exits(1);
    let order: Vec<_> = of_type(&ran.events(), "nodeStarted")
        .iter()
        .map(|event| event["node"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, ["web03", "web01", "web04"]);
    assert_eq!(lines_of(&seen).len(), 3, "the fourth was never touched");
    assert!(ran.err().contains("stopped: 1 failed; 1 nodes are not started"), "{ran}");
}

/// R2.8, R2.9: a wave begins when the one before has ended and its check has succeeded.
#[test]
fn waves_come_one_after_the_other_and_each_is_checked() {
    let lab = Lab::new(6);
    let log = lab.write("log", "");
    let command = format!("echo run >> {}", log.display());
    let check = format!("echo check >> {}", log.display());
    let ran = lab
        .run_events("web[01-06]", &command)
        .args(["--waves", "1,2,50%", "--health-check", &check, "--wave-pause", "10ms"])
        .succeeds();
    assert_eq!(lines_of(&log).join(" "), "run check run run check check run run run check check check");
    let waves: Vec<_> = of_type(&ran.events(), "waveStarted")
        .iter()
        .map(|event| (event["wave"].as_u64().unwrap(), event["nodes"].as_u64().unwrap()))
        .collect();
    assert_eq!(waves, [(1, 1), (2, 2), (3, 3)]);
    let checks = lab.pab(["executions", "list", "--text", "echo check", "--format", "ndjson"]).succeeds();
    assert_eq!(checks.events().len(), 3, "each check is an execution of its own");
    assert_eq!(checks.events()[0]["request"]["parent"], ran.events()[0]["executionId"]);
}

/// R2.5, R7.2: what is not well goes no further, and says why.
#[test]
fn an_unhealthy_wave_stops_the_rollout() {
    let lab = Lab::new(5);
    let touched = lab.write("touched", "");
    let command = format!("echo x >> {}", touched.display());
    let ran = lab
        .run("web[01-05]", &command)
        .args(["--waves", "2", "--health-check", "echo sick >&2; exit 1"])
        .exits(1);
    assert_eq!(lines_of(&touched).len(), 2);
    assert!(ran.err().contains("wave 1 is not well"), "{ran}");
    let last = lab.run("web[01-02]", "true").args(["--waves", "2", "--health-check", "false"]).exits(1);
    assert!(last.err().contains("wave 1 is not well") && last.err().contains("2 of 2 succeeded"), "{last}");
}

/// R7.1, R2.5: nodes that cannot be reached count as any other failure.
#[test]
fn no_further_node_is_touched_when_too_many_have_failed() {
    let lab = Lab::new(6);
    lab.fleet().stop_node(1).unwrap();
    let touched = lab.write("touched", "");
    let command = format!("echo x >> {}; test $(wc -l < {0}) -ne 2", touched.display());
    let ran =
        lab.run_events("web[01-06]", &command).args(["--concurrency", "1", "--max-failures", "1"]).exits(1);
    // web01 succeeds, web02 is unreachable, web03 fails.
    assert_eq!(lines_of(&touched).len(), 2);
    let stopped = of_type(&ran.events(), "rolloutStopped")[0].clone();
    assert_eq!((stopped["failures"].as_u64(), stopped["skipped"].as_u64()), (Some(2), Some(3)));
    let rest = lab.pab(["executions", "rerun", "last", "--not-started", "--format", "ndjson"]);
    let rest = rest.args(["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()]).succeeds();
    assert_eq!(of_type(&rest.events(), "nodeFinished").len(), 3, "the others can be done later");
}

#[test]
fn a_canary_is_drawn_by_chance_and_can_be_drawn_again() {
    let lab = Lab::new(8);
    let drawn = |extra: &[&str]| -> (BTreeSet<String>, u64) {
        let ran = lab.run_events("web[01-08]", "true").args(["--canary", "25%"]).args(extra).succeeds();
        let events = ran.events();
        let nodes = of_type(&events, "nodeFinished");
        let nodes = nodes.iter().map(|event| event["node"].as_str().unwrap().to_owned()).collect();
        let id = events[0]["executionId"].as_str().unwrap().to_owned();
        let shown = lab.pab(["executions", "show", &id, "--format", "json"]).succeeds().json();
        (nodes, shown["request"]["rollout"]["canary"]["seed"].as_u64().unwrap())
    };
    let (nodes, seed) = drawn(&[]);
    assert_eq!(nodes.len(), 2);
    assert_eq!(drawn(&["--seed", &seed.to_string()]), (nodes, seed));
}

/// R9.6, R12.10
#[test]
fn bad_rollouts_are_refused_with_the_option() {
    let lab = Lab::new(1);
    for (options, parts) in [
        (&["--waves", "0"][..], &["--waves", "must be at least 1"][..]),
        (&["--waves", "1,120%"], &["--waves", "120%"]),
        (&["--waves=-3"], &["--waves", "such as 20%"]),
        (&["--waves", "many"], &["--waves", "such as 20%"]),
        (&["--max-failures", "101%"], &["--max-failures", "100%"]),
        (&["--canary", "0"], &["--canary", "at least 1"]),
        (&["--stragglers", "0.5"], &["--stragglers", "from 1 to 1000"]),
        (&["--health-check", "true"], &["--waves"]),
        (&["--waves", "1", "--health-check", " "], &["--health-check", "must not be empty"]),
        (&["--retries", "100"], &["--retries", "99"]),
        (&["--retries", "4294967296"], &["--retries"]),
        (&["--retries=-1"], &["--retries", "-1"]),
        (&["--retries", "1", "--retry-on", "boredom"], &["--retry-on", "boredom", "unreachable"]),
        (&["--retries", "1", "--retry-wait", "0s"], &["--retry-wait"]),
        (&["--sequential", "--waves", "1"], &["--sequential", "--waves"]),
    ] {
        let ran = lab.run("web01", "echo started").args(options).exits(2);
        for part in parts {
            assert!(ran.err().contains(part), "{options:?}: {part:?} is not in {ran}");
        }
    }
    assert_eq!(lab.all_connections_seen(), 0, "nothing was started");
}

/// R2.10, R5.5: after a crash a rollout goes on at its wave; what was done is not done again, and what nobody knows of
/// is left alone until somebody says otherwise.
#[test]
fn a_rollout_whose_process_was_killed_goes_on_at_its_wave() {
    let lab = Lab::new(8);
    let count = lab.path("count");
    std::fs::create_dir(&count).unwrap();
    let open = lab.path("open");
    // Each node counts what was done on it; web05 never ends while the file is not there.
    let command = format!(
        "set -- $SSH_CONNECTION; echo x >> {}/$3; test $3 != {} || until test -e {}; do sleep 0.05; done",
        count.display(),
        lab.fleet().node(4).unwrap().address.ip(),
        open.display()
    );
    let mut running =
        lab.run_events("web[01-08]", &command).args(["--waves", "2,3", "--max-failures", "1"]).spawn();
    running.events_until("the second wave but for web05", |event| {
        event["type"] == "nodeFinished" && event["progress"]["succeeded"] == 4
    });
    running.kill();
    std::fs::write(&open, "").unwrap();
    let counts = || -> usize {
        let files = std::fs::read_dir(&count).unwrap();
        files.map(|file| lines_of(&file.unwrap().path()).len()).sum()
    };
    let config = ["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()];
    let resume = || lab.pab(["executions", "resume"]).args(config);
    let id = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events()[0]["id"].clone();
    let id = id.as_str().unwrap();
    let resumed = resume().args([id, "--format", "ndjson"]).succeeds();
    assert!(resumed.err().contains("not known on web05"), "{resumed}");
    let nodes: Vec<_> = of_type(&resumed.events(), "nodeStarted")
        .iter()
        .map(|event| event["node"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(nodes.len(), 3, "the third wave: {nodes:?}");
    assert_eq!(of_type(&resumed.events(), "waveStarted").len(), 1);
    assert_eq!(counts(), 8, "nothing was done twice");
    // Asking again is the same; with the unknown one it is another.
    let again = resume().args([id, "--format", "ndjson"]).succeeds();
    assert_eq!(again.events()[0]["executionId"], resumed.events()[0]["executionId"]);
    let unknown = resume().args([id, "--rerun-unknown", "--format", "ndjson"]).succeeds();
    assert_eq!(of_type(&unknown.events(), "nodeFinished").len(), 4);
    let refused = resume().args(["last"]).exits(2);
    assert!(refused.err().contains("only one whose process died"), "{refused}");
}

/// R2.6: the laggards are ended and named.
#[test]
fn a_straggler_is_ended_on_its_node() {
    let lab = Lab::new(4);
    let slow = lab.fleet().node(2).unwrap().address.ip();
    let command = format!("set -- $SSH_CONNECTION; test $3 != {slow} || exec sleep 4711");
    let ran = lab.run_events("web[01-04]", &command).args(["--stragglers", "3"]).exits(1);
    let events = ran.events();
    let straggler = events.iter().find(|event| event["node"] == "web03" && event["type"] == "nodeFinished");
    let result = &straggler.unwrap()["result"];
    assert_eq!((&result["outcome"], &result["phase"]), (&"timedOut".into(), &"straggler".into()));
    assert_eq!(result["termination"]["state"], "confirmed");
    assert!(lab.processes("sleep 4711").is_empty());
}
