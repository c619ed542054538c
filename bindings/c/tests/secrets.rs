//! Secrets that a program in C gives to the library are in nothing that comes out of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;

use pabawi_testkit::canary::{Canary, Form, Places, said, said_in};
use serde_json::{Value, json};
use support::{Program, With};

/// How each run ends, and its command, task and time.
const RUNS: [(&str, &str, &str, u64); 5] = [
    ("success", "true", "works", 30_000),
    ("failure", "exit 3", "fails", 30_000),
    ("timeout", "sleep 60", "hangs", 2_000),
    ("breaks", "kill -ABRT $$", "breaks", 30_000),
    ("debug", "true", "works", 30_000),
];
/// Where something is told of each.
const WAYS: [&str; 15] = [
    "outcome",
    "events",
    "results",
    "attempts",
    "slow",
    "json",
    "ndjson",
    "html",
    "history",
    "journal",
    "metrics",
    "prometheus",
    "error",
    "log",
    "measured",
];

/// Writes the requests and what the plugin tells, runs them all, and gathers what came out.
fn run(canary: &Canary, is_secret: bool) -> Places {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("told")).unwrap();
    let all = said(&canary.text);
    let third = canary.text.floor_char_boundary(canary.text.len() / 3);
    let (head, tail) = canary.text.split_at(third);
    let pieces = [all.clone(), format!("[[split:{head}"), format!("{tail}]]\n")];
    let lines = pieces
        .iter()
        .flat_map(|text| ["stdout", "stderr"].map(|to| json!({"node": "n1", to: text}).to_string()));
    write("output.jsonl", &lines.collect::<Vec<_>>().join("\n"));
    write("message", &all);
    let value = if is_secret { json!({"secret": canary.text}) } else { json!(canary.text) };
    let stdin = if is_secret { value.clone() } else { json!({"bytes": canary.text}) };
    let parameter = if is_secret { "password" } else { "word" };
    let mut names = Vec::new();
    for (name, then, task, limit) in RUNS {
        let command = format!("printf '[[plain:%s]]' \"$TOKEN\"; printf '[[url:'; cat; printf ']]'; {then}");
        let command = json!({"type": "command", "command": command, "env": {"TOKEN": value}, "stdin": stdin});
        let task = json!({"type": "task", "name": task, "parameters": {parameter: canary.text}});
        for (kind, action, targets, transport) in
            [("command", command, "here", "local"), ("task", task, "n1", "gossip")]
        {
            let request = json!({
                "action": action, "targets": targets, "transport": transport, "debug": name == "debug",
                "timeouts": {"nodeMs": limit},
            });
            names.push(format!("{kind}-{name}"));
            write(&format!("{kind}-{name}.json"), &request.to_string());
        }
    }
    let options = json!({
        "database": folder.path().join("db/pabawi.db"), "authorizer": "allowAll", "workerThreads": 2, "logLevel": "debug",
    });
    std::fs::create_dir(folder.path().join("db")).unwrap();
    let mut arguments = vec![options.to_string(), folder.path().display().to_string()];
    arguments.extend(names);
    assert_eq!(Program::new("secrets", With::Nothing).runs(arguments), "fine\n");
    let mut places = Places::default();
    for way in folder.path().join("told").read_dir().unwrap().flatten() {
        add(&way.path(), &mut places);
    }
    places.add_folder(&folder.path().join("db"));
    places
}

/// Adds what was told by a way; of events also the output that they make when they are put together.
fn add(path: &Path, places: &mut Places) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let bytes = std::fs::read(path).unwrap();
    if name.ends_with(".events") {
        let lines = String::from_utf8_lossy(&bytes).into_owned();
        let batches = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events: Vec<Value> =
            batches.flat_map(|batch| batch.as_array().cloned().unwrap_or_else(|| vec![batch])).collect();
        for stream in ["stdout", "stderr"] {
            let own = events.iter().filter(|event| event["stream"] == stream);
            let text: String = own.filter_map(|event| event["data"].as_str()).collect();
            places.add(format!("{name} together"), text);
        }
    }
    places.add(name, bytes);
}

/// Every way of every run was looked at, and what was told has its marks in every form.
fn check(places: &Places, is_so: impl Fn(&String) -> bool) {
    for (name, ..) in RUNS {
        for kind in ["command", "task"] {
            for way in WAYS {
                let (count, bytes) = places.size(&format!("{kind}-{name}.{way}"));
                assert!(count > 0 && bytes > 1, "{way} of {kind}-{name} was looked at");
            }
        }
        let has = |way: &str, forms: &[Form]| {
            let found = said_in(places.text(&format!("task-{name}.{way}")).as_bytes());
            for form in forms {
                assert!(
                    found.get(form).is_some_and(|all| all.iter().any(&is_so)),
                    "{form:?} in {way} of {name}"
                );
            }
        };
        for way in ["json", "ndjson", "html"] {
            has(way, &Form::ALL);
        }
        has("events together", &Form::ALL);
        if ["failure", "breaks"].contains(&name) {
            for way in ["results", "attempts", "journal", "log"] {
                has(way, &Form::WHOLE);
            }
        }
    }
    let files = said_in(places.text("pabawi.db").as_bytes());
    assert!(Form::WHOLE.iter().all(|form| files.contains_key(form)), "{:?}", files.keys());
}

/// R5.6, R6.6, R7.4: a variable, standard input and a parameter of a plugin in C that are secrets are in no event, result, error,
/// line of the log, measurement, history, journal, document or file of the database, however a run ends.
#[test]
fn secrets_are_nowhere() {
    let canary = Canary::new("secret");
    let places = run(&canary, true);
    places.are_clean(std::slice::from_ref(&canary));
    check(&places, |said| said.contains("***"));
}

/// The control: what is no secret is found in the same places.
#[test]
fn what_is_no_secret_is_found() {
    let canary = Canary::new("text");
    let places = run(&canary, false);
    check(&places, |said| canary.found_in(said.as_bytes()).is_some());
}
