//! Requirement 2 on real nodes: task graphs, from the file to what the nodes have done, also when the process that runs
//! one is killed.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use pabawi_tests::{Lab, Pab, Random, lines_of, unique};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A task that runs a command.
fn task(name: &str, targets: &str, command: &str, after: &[&str]) -> Value {
    json!({"name": name, "targets": targets, "after": after, "action": {"type": "command", "command": command}})
}

fn with(mut task: Value, field: &str, value: Value) -> Value {
    task[field] = value;
    task
}

fn graph(lab: &Lab, tasks: &[Value]) -> std::path::PathBuf {
    lab.write("graph.json", json!({"name": "test", "tasks": tasks}).to_string())
}

/// `pab graph ...` on nodes of the fleet.
fn pab(lab: &Lab, arguments: &[&str]) -> Pab {
    lab.pab(["graph"]).args(arguments).args(["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()])
}

fn run(lab: &Lab, file: &Path) -> Pab {
    pab(lab, &["run", file.to_str().unwrap()])
}

/// Tasks of a run by name, from its JSON document.
fn tasks(document: &Value) -> BTreeMap<String, Value> {
    let tasks = document["tasks"].as_array().unwrap_or_else(|| panic!("no tasks: {document}"));
    tasks.iter().map(|task| (task["name"].as_str().unwrap().to_owned(), task.clone())).collect()
}

fn status(lab: &Lab) -> Value {
    lab.pab(["graph", "status", "last", "--format", "json"]).succeeds().json()
}

fn words(tasks: &BTreeMap<String, Value>) -> Vec<(&str, &str)> {
    tasks.iter().map(|(name, task)| (name.as_str(), task["status"].as_str().unwrap())).collect()
}

/// Writes a word to the counter of the node it runs on.
fn count(place: &Path, word: &str) -> String {
    format!("set -- $SSH_CONNECTION; echo {word} >> {}/$3", place.display())
}

/// What each node has counted.
fn counted(lab: &Lab, place: &Path) -> BTreeMap<String, Vec<String>> {
    let nodes = lab.fleet().nodes().iter();
    nodes.map(|node| (node.name.clone(), lines_of(&place.join(node.address.ip().to_string())))).collect()
}

/// R2.1, R2.2, R2.3, R2.4, R2.6, R2.7, R2.10
#[test]
fn a_graph_runs_in_its_order_with_the_values_of_what_came_before() {
    let lab = Lab::new(3);
    let evil = "it's; $(touch /tmp/never) `touch /tmp/never` \"x\" \\";
    let place = lab.path("value");
    std::fs::write(&place, evil).unwrap();
    let file = graph(
        &lab,
        &[
            with(task("last", "web03", "echo done", &["use"]), "when", json!("always")),
            task("read", "web01", &format!("cat {}; exit 0", place.display()), &[]),
            with(
                task(
                    "use",
                    "web[01-02]",
                    "printf '%s|' ${tasks.read.nodes.web01.stdout} ${parameters.n}",
                    &["read"],
                ),
                "parameters",
                json!({"n": 7}),
            ),
        ],
    );
    let document = run(&lab, &file).args(["--format", "json"]).succeeds().json();
    assert_eq!(document["status"], "completed", "{document}");
    assert_eq!((&document["nodes"]["total"], &document["nodes"]["succeeded"]), (&4.into(), &4.into()));
    assert_eq!(document["pace"]["remainingMs"], 0, "{document}");
    let tasks = tasks(&document);
    let execution = tasks["use"]["executions"][0].as_str().unwrap();
    let output =
        lab.pab(["executions", "output", execution, "--node", "web02", "--stream", "stdout"]).succeeds();
    assert_eq!(output.out(), format!("{evil}|7|"), "a value is one word, and nothing that it holds is run");
    let record = lab.pab(["executions", "show", execution, "--format", "json"]).succeeds().json();
    assert_eq!(record["request"]["parent"], document["id"]);
    for (before, after) in [("read", "use"), ("use", "last")] {
        let (end, start) = (&tasks[before]["finishedAt"], &tasks[after]["startedAt"]);
        assert!(end.as_str().unwrap() <= start.as_str().unwrap(), "{before} {end}, {after} {start}");
    }
    assert_eq!(status(&lab)["tasks"], document["tasks"], "what was shown is what is stored");
    let listed = lab.pab(["graph", "list", "--format", "json"]).succeeds().json();
    assert_eq!(listed["items"][0]["id"], document["id"]);
    // The same for people.
    let ran = run(&lab, &file).succeeds();
    assert!(ran.err().contains("use: completed, 2 of 2 nodes") && ran.out().contains("TASK"), "{ran}");
}

/// R2.5, R2.7
#[test]
fn a_failure_skips_what_needs_it_and_calls_the_rescue() {
    let lab = Lab::new(2);
    lab.fleet().stop_node(1).unwrap();
    let file = graph(
        &lab,
        &[
            task("deploy", "web[01-02]", "true", &[]),
            task("verify", "web01", "true", &["deploy"]),
            task("notify", "web01", "true", &["verify"]),
            with(task("rescue", "web01", "echo rescued", &["verify"]), "when", json!("failed")),
            with(task("calm", "web01", "true", &["other"]), "when", json!("failed")),
            with(task("clean", "web01", "true", &["rescue", "notify"]), "when", json!("always")),
            task("other", "web01", "true", &[]),
        ],
    );
    let ran = run(&lab, &file).args(["--format", "json"]).exits(1);
    let document = ran.json();
    assert_eq!(document["status"], "partial");
    let tasks = tasks(&document);
    assert_eq!(
        words(&tasks),
        [
            ("calm", "skipped"),
            ("clean", "completed"),
            ("deploy", "partial"),
            ("notify", "skipped"),
            ("other", "completed"),
            ("rescue", "completed"),
            ("verify", "skipped"),
        ]
    );
    let reason = tasks["deploy"]["reason"].as_str().unwrap();
    assert!(reason.contains("1 of 2 nodes did not succeed (1 unreachable); web02: unreachable"), "{reason}");
    assert_eq!(
        tasks["verify"]["skipped"],
        json!({"because": "prerequisite", "task": "deploy", "status": "partial"})
    );
    assert_eq!(tasks["notify"]["skipped"]["task"], "verify");
    assert_eq!(tasks["calm"]["skipped"], json!({"because": "nothingFailed"}));
    let nothing = graph(&lab, &[task("a", "web02", "true", &[]), task("b", "web01", "true", &["a"])]);
    let _ = run(&lab, &nothing).exits(3);
    let everything = graph(&lab, &[task("a", "web01", "exit 7", &[])]);
    let _ = run(&lab, &everything).exits(1);
    let table = lab.pab(["graph", "status", document["id"].as_str().unwrap()]).succeeds().out();
    assert!(table.contains("deploy did not succeed on every node"), "{table}");
}

/// R2.1, R9.6
#[test]
fn a_bad_graph_is_refused_with_everything_that_is_wrong_and_leaves_no_trace() {
    let lab = Lab::new(1);
    let file = lab.write(
        "bad.yaml",
        "name: bad\ninclude: bad.yaml\ntasks:\n- {name: a, after: [a], targets: web01, action: {type: command, command: x}}\n",
    );
    let path = file.to_str().unwrap();
    for command in ["check", "show", "run"] {
        let ran = lab.pab(["graph", command, path]).exits(2);
        let part = format!("{path}: line 2 column 1: include: unknown key; known are name, tasks");
        assert!(ran.err().contains(&part), "{ran}");
    }
    let _ = lab.write("bad.yaml", "name: bad\ntasks:\n- {name: a, after: [b], targets: web01, action: {type: command, command: x}}\n- {name: b, after: [a], targets: web01, action: {type: command, command: ''}}\n");
    let ran = run(&lab, &file).exits(2);
    for part in [
        "2 things are not valid",
        "line 3 column 21: tasks[0].after[0]: a cycle of 2 tasks: a after b after a",
        "line 4 column 74: tasks[1].action.command: must not be empty",
    ] {
        assert!(ran.err().contains(part), "{part} is not in {ran}");
    }
    assert!(!lab.database().exists(), "nothing was opened");
    let unknown = graph(&lab, &[task("a", "web01", "true", &[]), task("b", "web77", "true", &["a"])]);
    let ran = run(&lab, &unknown).exits(2);
    assert!(ran.err().contains("tasks[1].targets") && ran.err().contains("web77"), "{ran}");
    assert_eq!(lab.all_connections_seen(), 0, "nothing was started");
}

/// R8.8
#[test]
fn a_graph_is_cancelled_by_ctrl_c_and_from_elsewhere() {
    let lab = Lab::new(2);
    for elsewhere in [false, true] {
        let number = unique();
        let sleep = format!("sleep {number}");
        let file = graph(
            &lab,
            &[
                task("long", "web[01-02]", &sleep, &[]),
                with(task("after", "web01", "true", &["long"]), "when", json!("always")),
            ],
        );
        let mut running = run(&lab, &file).args(["--format", "ndjson"]).spawn();
        let started = running.events_until("the start", |event| event["type"] == "taskStarted");
        assert_eq!(started.last().unwrap()["task"]["status"], "running");
        lab.wait_for_processes(&sleep, 2);
        if elsewhere {
            let _ = lab.pab(["graph", "cancel", "last"]).succeeds();
        } else {
            running.signal(Signal::INT);
        }
        let ran = running.end();
        assert_eq!(ran.code(), Some(130), "{ran}");
        lab.wait_for_processes(&sleep, 0);
        let document = status(&lab);
        assert_eq!(document["status"], "cancelled", "{document}");
        assert_eq!(words(&tasks(&document)), [("after", "skipped"), ("long", "cancelled")]);
    }
}

/// R2.10: after `kill -9` a resume does what was left and nothing twice; what is not known is done when asked for.
#[test]
fn a_killed_graph_goes_on_where_it_was_left() {
    let lab = Lab::new(4);
    let place = lab.path("counters");
    std::fs::create_dir(&place).unwrap();
    let web02 = lab.fleet().node(1).unwrap().address.ip().to_string();
    let (reached, gate) = (lab.path("reached"), lab.path("gate"));
    let number = unique();
    let work = format!(
        "{}; if [ $3 = {web02} ]; then touch {}; until [ -e {} ]; do sleep 0.05; done; fi; : {number}",
        count(&place, "work"),
        reached.display(),
        gate.display()
    );
    let file = graph(
        &lab,
        &[
            task("first", "web[01-04]", &count(&place, "first"), &[]),
            with(task("work", "web[01-04]", &work, &["first"]), "concurrency", json!(1)),
            task("last", "web01", &count(&place, "last"), &["work"]),
        ],
    );
    let mut running = run(&lab, &file).args(["--format", "ndjson"]).spawn();
    pabawi_testkit::wait::until("web02 works", pabawi_tests::LIMIT, || reached.exists()).unwrap();
    running.kill();
    // The lifeline ends what the killed process had left behind.
    lab.wait_for_processes(&number, 0);
    let document = status(&lab);
    assert_eq!(document["status"], "interrupted", "{document}");
    assert_eq!(
        words(&tasks(&document)),
        [("first", "completed"), ("last", "interrupted"), ("work", "interrupted")]
    );

    let ran = pab(&lab, &["resume", "last", "--format", "json"]).exits(1);
    let resumed = tasks(&ran.json());
    assert_eq!(words(&resumed), [("first", "completed"), ("last", "interrupted"), ("work", "interrupted")]);
    assert!(
        resumed["work"]["reason"].as_str().unwrap().contains("ran on web02, and what came of it"),
        "{ran}"
    );
    let once = |more: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for node in ["web01", "web02", "web03", "web04"] {
            all.insert(node.into(), vec!["first".into(), "work".into()]);
        }
        for (node, words) in more {
            all.get_mut(*node).unwrap().extend(words.iter().map(|word| (*word).to_owned()));
        }
        all
    };
    assert_eq!(counted(&lab, &place), once(&[]), "each once, and nothing after it");

    std::fs::write(&gate, "").unwrap();
    let ran = pab(&lab, &["resume", "last", "--rerun-unknown", "--format", "json"]).succeeds();
    let document = ran.json();
    assert_eq!(document["status"], "completed", "{ran}");
    assert_eq!(tasks(&document)["work"]["nodes"]["succeeded"], 4, "{ran}");
    assert_eq!(counted(&lab, &place), once(&[("web01", &["last"]), ("web02", &["work"])]));
    let ran = pab(&lab, &["resume", "last"]).exits(2);
    assert!(ran.err().contains("is completed; only one that is interrupted can be resumed"), "{ran}");
}

/// The id of the newest run, if there is one.
fn newest(lab: &Lab) -> Option<String> {
    let listed = lab.pab(["graph", "list", "--limit", "1", "--format", "json"]).succeeds().json();
    listed["items"][0]["id"].as_str().map(str::to_owned)
}

/// How often the process is killed.
const ROUNDS: u64 = 12;

/// R2.10: at whatever moment it is killed, and however often.
#[test]
fn a_graph_that_is_killed_at_any_moment_starts_nothing_twice() {
    let lab = Lab::new(3);
    let mut random = Random::new();
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let place = lab.path(&format!("counters{round}"));
        std::fs::create_dir(&place).unwrap();
        let step = |name: &str, after: &[&str]| {
            task(name, "web[01-03]", &format!("{}; sleep 0.05", count(&place, name)), after)
        };
        let tasks_of =
            [step("a", &[]), step("b", &["a"]), step("c", &["a"]), step("d", &["b", "c"]), step("e", &["d"])];
        let file = graph(&lab, &tasks_of);
        let before = newest(&lab);
        let mut running = run(&lab, &file).args(["--format", "ndjson"]).spawn();
        for _ in 0..random.below(9) {
            let Some(line) = running.line() else { break };
            let _: Value = serde_json::from_str(&line).unwrap();
        }
        // Not to wait for something, but to hit a moment that no line marks.
        std::thread::sleep(Duration::from_millis(random.below(60)));
        running.kill();
        let newest = newest(&lab);
        if newest == before {
            assert!(counted(&lab, &place).values().all(Vec::is_empty), "it ran and is not recorded");
            continue;
        }
        let mut document = status(&lab);
        if document["status"] == "interrupted" {
            interrupted += 1;
            let _ = pab(&lab, &["resume", "last", "--format", "ndjson"]).ran();
            document = status(&lab);
        }
        let done = counted(&lab, &place);
        for (node, words) in &done {
            let mut once = words.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), words.len(), "round {round}: something ran twice on {node}: {words:?}");
        }
        for (name, task) in tasks(&document) {
            match task["status"].as_str().unwrap() {
                "completed" => assert!(
                    done.values().all(|words| words.contains(&name)),
                    "round {round}: {name} is said to have run everywhere: {done:?}"
                ),
                "interrupted" => {}
                other => panic!("round {round}: {name} cannot be {other}: {document}"),
            }
        }
        if document["status"] == "interrupted" {
            let _ = pab(&lab, &["resume", "last", "--rerun-unknown"]).succeeds();
            assert!(counted(&lab, &place).values().all(|words| words.contains(&"e".to_owned())));
        }
    }
    assert!(interrupted > ROUNDS / 3, "only {interrupted} rounds were interrupted: the test kills too late");
}
