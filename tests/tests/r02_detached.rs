//! Detached commands: `pab` is killed again and again over many nodes and comes back, and every command has run once and
//! its output is there to the last byte.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pabawi_testkit::fleet::Fleet;
use pabawi_tests::{LIMIT, Lab, Random, lines_of, parse_lines, unique};
use serde_json::{Value, json};

/// Nodes of the large test, and how many of them one sshd serves.
const NODES: usize = 100;
const PER_PROCESS: usize = 10;
/// `pab` is killed so often at the least.
const KILLS: usize = 12;
/// For all rounds of kills together.
const TIME: Duration = Duration::from_secs(300);

/// The spools of an execution that are left on this machine.
fn spools(id: &str) -> Vec<PathBuf> {
    let users = std::fs::read_dir("/var/tmp").unwrap().filter_map(Result::ok);
    users
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("pabawi-"))
        .filter_map(|entry| std::fs::read_dir(entry.path()).ok())
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(id))
        .map(|entry| entry.path())
        .collect()
}

fn executions(lab: &Lab) -> Vec<Value> {
    let listed = lab.pab(["executions", "list", "--limit", "1000", "--format", "ndjson"]).succeeds();
    parse_lines(&listed.out())
}

fn targets(lab: &Lab, id: &str) -> Vec<Value> {
    let shown = lab.pab(["executions", "show", id, "--format", "json"]).succeeds().json();
    shown["nodes"].as_array().unwrap().clone()
}

/// What the command prints on a node of that address.
fn printed(ip: &str) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for turn in 0..5 {
        out.extend_from_slice(format!("{ip} {turn}\0\u{1}").as_bytes());
        out.extend_from_slice(b"\xff\n");
        out.extend_from_slice(&[0; 3001]);
        err.extend_from_slice(format!("err {turn}\0{ip}").as_bytes());
    }
    (out, err)
}

/// Starts, kills and resumes until every node has ended; returns the ids of the executions, the first one first.
fn round(lab: &Lab, random: &mut Random, number: usize, kills: &mut usize) -> Vec<String> {
    let place = lab.path(&format!("counters-{number}"));
    std::fs::create_dir(&place).unwrap();
    let command = format!(
        "set -- $SSH_CONNECTION; echo ran >>{}/$3; i=0; while [ $i -lt 5 ]; do printf '%s %s\\000\\001\\377\\n' $3 $i; \
         head -c 3001 /dev/zero; printf 'err %s\\000%s' $i $3 >&2; sleep 0.2; i=$((i + 1)); done; \
         exit $((${{3##*.}} % 3))",
        place.display()
    );
    let before: BTreeSet<String> = ids(lab).into_iter().collect();
    let limit = Instant::now() + TIME;
    // Ends when all nodes have ended; the assertion bounds it.
    loop {
        assert!(Instant::now() < limit, "{kills} kills and no end");
        let mine: Vec<String> = ids(lab).into_iter().filter(|id| !before.contains(id)).collect();
        let call = match mine.last() {
            None => lab.run_events("all", &command).args(["--detach", "--concurrency", "30", "--debug"]),
            Some(last) if left(lab, last) == 0 => return mine,
            Some(last) => {
                let config = lab.fleet().ssh_config().display().to_string();
                lab.pab(["executions", "resume", last, "--ssh-config", &config, "--format", "ndjson"])
            }
        };
        let mut running = call.limit(Duration::from_secs(120)).spawn();
        if *kills >= KILLS {
            let ran = running.end_within(Duration::from_secs(120));
            assert!(matches!(ran.code(), Some(0 | 1)), "{ran}");
            continue;
        }
        // Half of the kills come after some line, the others after some time.
        if random.below(2) == 0 {
            for _ in 0..random.below(200) {
                if running.line().is_none() {
                    break;
                }
            }
        } else {
            // Not to wait for something, but to hit a moment that no line marks.
            std::thread::sleep(Duration::from_millis(100 + random.below(2_500)));
        }
        if !running.has_ended() {
            *kills += 1;
        }
        running.kill();
    }
}

/// The ids of all executions, the oldest first.
fn ids(lab: &Lab) -> Vec<String> {
    let mut ids: Vec<String> =
        executions(lab).iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
    // They sort by the time.
    ids.sort();
    ids
}

/// Nodes of an execution whose end is not stored.
fn left(lab: &Lab, id: &str) -> usize {
    let ended = |target: &&Value| target["state"] == "finished" && target["outcome"] != "skipped";
    let targets = targets(lab, id);
    targets.len() - targets.iter().filter(ended).count()
}

#[test]
fn every_command_runs_once_and_every_byte_arrives_however_often_pab_is_killed() {
    let lab = Lab::with(Fleet::builder().nodes(NODES).nodes_per_process(PER_PROCESS));
    let mut random = Random::new();
    let mut kills = 0;
    let mut number = 0;
    while kills < KILLS {
        number += 1;
        let chain = round(&lab, &mut random, number, &mut kills);
        // The execution that stored the end of each node, and the end.
        let mut ends: BTreeMap<String, (&str, Value)> = BTreeMap::new();
        for id in &chain {
            for target in targets(&lab, id) {
                if target["state"] == "finished" && target["outcome"] != "skipped" {
                    let node = target["node"].as_str().unwrap().to_owned();
                    assert!(ends.insert(node, (id, target.clone())).is_none(), "two ends: {target}");
                }
            }
        }
        assert_eq!(ends.len(), NODES);
        for node in lab.fleet().nodes() {
            let ip = node.address.ip().to_string();
            let counter = lab.path(&format!("counters-{number}")).join(&ip);
            let (id, end) = &ends[&node.name];
            assert_eq!(lines_of(&counter), ["ran"], "{id}: {end}");
            let code: i64 = ip.rsplit('.').next().unwrap().parse::<i64>().unwrap() % 3;
            match code {
                0 => assert_eq!(end["outcome"], "succeeded", "{end}"),
                code => {
                    assert_eq!((&end["outcome"], &end["code"]), (&"exited".into(), &code.into()), "{end}")
                }
            }
            let stored = lab.pab(["executions", "output", id, "--node", &node.name]).succeeds();
            assert!((stored.stdout, stored.stderr) == printed(&ip), "{} prints something else", node.name);
        }
        // One is left where the kill came between the storing of a result and the removal of its spool. The next run that
        // reaches the node removes it.
        let _ = lab.run("all", "true").args(["--quiet"]).succeeds();
        let left: Vec<PathBuf> = chain.iter().flat_map(|id| spools(id)).collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "after {} executions", chain.len());
    }
}

/// A wave that was killed goes on: what ran is fetched, what waited is run, in one execution.
#[test]
fn a_killed_execution_is_gone_on_with_and_leaves_no_spool() {
    let lab = Lab::new(4);
    let counter = lab.path("counter");
    let command = format!("echo ran >>{}; echo one; sleep 2; echo two; exit 3", counter.display());
    let mut running = lab.run_events("web[01-04]", &command).args(["--detach", "--concurrency", "2"]).spawn();
    let mut begun = 0;
    let mut id = String::new();
    while begun < 2 {
        let events = running.events_until("output", |event| event["type"] == "output");
        id = events[0]["executionId"].as_str().unwrap().to_owned();
        begun += 1;
    }
    running.kill();
    assert_eq!(spools(&id).len(), 2);
    let config = lab.fleet().ssh_config().display().to_string();
    let resumed = lab.pab(["executions", "resume", &id, "--ssh-config", &config]).limit(LIMIT).exits(1);
    assert!(resumed.err().contains("none is run twice"), "{resumed}");
    assert_eq!(lines_of(&counter).len(), 4);
    let last = ids(&lab).pop().unwrap();
    let ends = targets(&lab, &last);
    assert_eq!(ends.len(), 4);
    for end in &ends {
        assert_eq!((&end["outcome"], &end["code"]), (&"exited".into(), &3.into()), "{end}");
    }
    let stored = lab.pab(["executions", "output", &last]).succeeds();
    assert_eq!(stored.out(), "one\ntwo\n".repeat(4));
    assert_eq!((spools(&id).len(), spools(&last).len()), (0, 0));
}

/// `pab` is killed when a result is stored and its spool is not removed yet: the node answers nothing new by then. The next
/// run on the node removes it.
#[test]
fn a_kill_before_the_spool_is_removed_leaves_it_only_until_the_next_run_there() {
    let place = std::env::temp_dir().join(format!("pabawi-gate-{}", unique()));
    let (go, gate) = (place.with_extension("go"), place.with_extension("shut"));
    // Whoever comes to the shut gate waits and is turned away when it is opened.
    let keeper = format!(
        "ForceCommand if [ -e {0} ]; then while [ -e {0} ]; do sleep 0.1; done; exit 1; fi; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"",
        gate.display()
    );
    let lab = Lab::with(Fleet::builder().nodes(1).setting(&keeper));
    let command = format!(
        "echo begun; until [ -e {} ]; do sleep 0.1; done; touch {}; exit 3",
        go.display(),
        gate.display()
    );
    let mut running = lab.run_events("web01", &command).args(["--detach"]).spawn();
    let _ = running.events_until("the output", |event| event["type"] == "output");
    std::fs::write(&go, "").unwrap();
    let _ = running.events_until("the result", |event| event["type"] == "nodeFinished");
    running.kill();
    let id = ids(&lab).pop().unwrap();
    let end = targets(&lab, &id).pop().unwrap();
    assert_eq!((&end["state"], &end["code"]), (&"finished".into(), &3.into()), "{end}");
    assert_eq!(spools(&id).len(), 1);
    std::fs::remove_file(&gate).unwrap();
    std::fs::remove_file(&go).unwrap();
    let _ = lab.run("web01", "true").succeeds();
    assert_eq!(spools(&id), Vec::<PathBuf>::new());
}

/// R2.10: a graph that was killed goes back to the detached commands of its task, and none is run twice.
#[test]
fn a_killed_graph_goes_back_to_the_commands_of_its_tasks() {
    let lab = Lab::new(3);
    let (counter, gate) = (lab.path("counter"), lab.path("gate"));
    let work = format!(
        "echo ran >>{}; echo one; until [ -e {} ]; do sleep 0.1; done; echo two",
        counter.display(),
        gate.display()
    );
    let graph = json!({"name": "g", "tasks": [
        {"name": "work", "targets": "web[01-03]", "concurrency": 2,
         "action": {"type": "command", "command": work, "detach": true}},
        {"name": "use", "targets": "web01", "after": ["work"],
         "action": {"type": "command", "command": "printf '%s' ${tasks.work.nodes.web02.stdout}"}},
    ]});
    let file = lab.write("graph.json", graph.to_string());
    let config = lab.fleet().ssh_config().display().to_string();
    let pab =
        |words: &[&str]| lab.pab(["graph"]).args(words).args(["--ssh-config", &config, "--format", "json"]);
    for words in [["run", file.to_str().unwrap()], ["resume", "last"]] {
        let mut running = pab(&words).spawn();
        let executions = if words[0] == "run" { 1 } else { 2 };
        pabawi_testkit::wait::until("two commands run and are followed", LIMIT, || {
            let ids = ids(&lab);
            let is_running = |target: &&Value| target["state"] == "running";
            ids.len() == executions
                && targets(&lab, &ids[executions - 1]).iter().filter(is_running).count() == 2
                && lines_of(&counter).len() == 2
        })
        .unwrap();
        running.kill();
    }
    let document = lab.pab(["graph", "status", "last", "--format", "json"]).succeeds().json();
    assert_eq!(
        (&document["status"], &document["tasks"][0]["status"]),
        (&"interrupted".into(), &"interrupted".into())
    );
    std::fs::write(&gate, "").unwrap();
    let document = pab(&["resume", "last"]).succeeds().json();
    assert_eq!(document["status"], "completed", "{document}");
    assert_eq!(lines_of(&counter).len(), 3, "each node once");
    let last = document["tasks"][1]["executions"][0].as_str().unwrap();
    let value = lab.pab(["executions", "output", last]).succeeds().out();
    assert_eq!(value, "one\ntwo", "what was printed before the kill is part of the value");
    for id in ids(&lab) {
        assert_eq!(spools(&id), Vec::<PathBuf>::new());
    }
}

/// Nobody can make the engine read the spool of somebody else.
#[test]
fn what_cannot_be_detached_is_refused() {
    let lab = Lab::new(1);
    let _ = lab.run("web01", "cat").args(["--detach", "--stdin", "-"]).exits(2);
    let local = lab.run("web01", "true").args(["--detach", "--transport", "local"]).exits(1);
    assert!(local.err().contains("cannot start a detached command"), "{local}");
    let cancelled = lab.run("web01", "sleep 600").args(["--detach", "--timeout", "1s"]).exits(1);
    assert!(cancelled.err().contains("timed out"), "{cancelled}");
    assert!(spools(&ids(&lab).pop().unwrap()).is_empty());
}
