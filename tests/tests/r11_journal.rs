//! Requirement 11: the node journal, on real nodes through the command line. What plugins do is in `r11_plugin_events.rs`.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;

use pabawi_tests::{Lab, python, sha256};
use serde_json::Value;

fn entries(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    lab.pab(["journal", "list", "--limit", "1000", "--format", "ndjson"]).args(arguments).succeeds().events()
}

fn user() -> String {
    let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    String::from_utf8(user).unwrap().trim().to_owned()
}

/// Does something to the database behind the back of everybody.
fn tamper(database: &Path, sql: &str) {
    let script = format!(
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nn = c.execute({sql:?}).rowcount\nc.commit()\nprint(n)"
    );
    assert_ne!(python(&script, database).trim(), "0", "{sql} changed nothing");
}

/// R5.9, R10.5, R11.1, R11.7, R11.10, R11.11: every node of an execution gets an entry with what it is about, and the execution is
/// found by it.
#[test]
fn every_node_of_an_execution_gets_an_entry() {
    let lab = Lab::new(3);
    lab.fleet().stop_node(2).unwrap();
    let _ = lab.run("web[01-03]", "[ \"$PABAWI_NODE\" = web01 ] && echo done").exits(1);
    let all = entries(&lab, &[]);
    assert_eq!(all.len(), 3, "{all:#?}");
    for entry in &all {
        assert_eq!(entry["eventType"], "command_execution", "{entry}");
        assert_eq!((&entry["user"], &entry["source"]), (&user().into(), &"ssh".into()), "{entry}");
        assert!(entry["action"].as_str().unwrap().contains("echo done"), "{entry}");
        assert!(entry["at"].as_str().unwrap().ends_with('Z'), "{entry}");
        assert_eq!((&entry["isLive"], &entry["seq"]), (&false.into(), &1.into()), "{entry}");
        let id = entry["executionId"].as_str().unwrap();
        let shown = lab.pab(["executions", "show", id, "--format", "json"]).succeeds().json();
        assert_eq!(shown["id"], id);
    }
    let of = |node: &str| all.iter().find(|entry| entry["node"] == node).unwrap();
    assert_eq!(of("web01")["resultStatus"], "succeeded");
    assert_eq!(
        (&of("web02")["resultStatus"], &of("web02")["details"]["exitCode"]),
        (&"exited".into(), &1.into())
    );
    assert_eq!(of("web03")["resultStatus"], "unreachable");
    assert_eq!(of("web03")["details"]["error"]["code"], "connection_refused");
    // The output is that of the execution, by its hash.
    let hash = of("web01")["details"]["stdout"].as_str().unwrap();
    let id = of("web01")["executionId"].as_str().unwrap();
    assert_eq!(hash, sha256(b"done\n"));

    // Each filter finds its part.
    let _ = lab.run("web01", "echo again").succeeds();
    for (filters, count) in [
        (&["--node", "web01"][..], 2),
        (&["--node", "web01,web02"], 3),
        (&["--execution", id], 3),
        (&["--status", "exited,unreachable"], 2),
        (&["--source", "ssh"], 4),
        (&["--source", "bolt"], 0),
        (&["--user", "nobody-of-that-name"], 0),
        (&["--type", "note"], 0),
        (&["--since", "1h"], 4),
        (&["--since", "1901-02-03T04:05:06Z", "--until", "1969-01-01T00:00:00Z"], 0),
        (&["--since", "2190-01-01T00:00:00Z"], 0),
    ] {
        assert_eq!(entries(&lab, filters).len(), count, "{filters:?}");
    }
    let table = lab.pab(["journal", "show", "web01"]).succeeds().out();
    assert!(
        table.contains("command_execution") && table.contains("succeeded") && table.contains("ssh"),
        "{table}"
    );
    let page = lab.pab(["journal", "show", "web01", "--limit", "1", "--format", "json"]).succeeds().json();
    let cursor = page["nextCursor"].as_str().unwrap();
    let next = lab.pab(["journal", "show", "web01", "--limit", "1", "--format", "json", "--cursor", cursor]);
    let next = next.succeeds().json();
    assert_ne!(page["items"][0]["id"], next["items"][0]["id"]);
    assert_eq!(next["nextCursor"], Value::Null);
    for bad in [&cursor[1..], "AAAA", "", "' OR 1=1 --", "%"] {
        let told = lab.pab(["journal", "show", "web01", "--cursor", bad]).exits(2);
        assert!(told.err().contains("cursor"), "{bad:?}: {told}");
    }
    for (bad, part) in [
        (["--since", "yesterdayish"], "--since"),
        (["--execution", "x"], "--execution"),
        (["--node", "a b"], "NODE"),
        (["--limit", "0"], "--limit"),
    ] {
        let told = lab.pab(["journal", "list"]).args(bad).exits(2);
        assert!(told.err().contains(part), "{bad:?}: {told}");
    }
    let told = lab.pab(["journal", "list", "--since", "1h", "--until", "2h"]).exits(2);
    assert!(told.err().contains("is not before until"), "{told}");
}

/// R11.6: notes are text, whatever they look like; each version stays and names who wrote it.
#[test]
fn notes_are_written_changed_and_kept() {
    let lab = Lab::new(1);
    let hostile = "<b onclick=x>\u{1b}[31mred\u{7}</b>\r\n'; DROP TABLE pabawi_exec_journal; --";
    let written = lab.pab(["journal", "note", "web01", hostile, "--format", "json"]).succeeds().json();
    assert_eq!((&written["eventType"], &written["source"]), (&"note".into(), &"user".into()));
    assert_eq!((&written["summary"], &written["user"]), (&hostile.into(), &user().into()));
    let table = lab.pab(["journal", "show", "web01"]).succeeds().out();
    assert!(table.contains("<b onclick=x>"), "it is text: {table}");
    assert!(!table.contains('\u{1b}') && !table.contains('\u{7}') && !table.contains('\r'), "{table:?}");

    let first = written["id"].as_str().unwrap();
    let second =
        lab.pab(["journal", "notes", "edit", first, "-", "--format", "json"]).stdin("from standard input\n");
    let second = second.succeeds().json();
    assert_eq!((&second["summary"], &second["supersedes"]), (&"from standard input".into(), &first.into()));
    // Any version names the note.
    let _ = lab.pab(["journal", "notes", "edit", first, "third"]).succeeds();
    let shown = entries(&lab, &[]);
    assert_eq!(shown.iter().map(|one| &one["summary"]).collect::<Vec<_>>(), ["third"]);
    assert_eq!(entries(&lab, &["--superseded"]).len(), 3);
    let history =
        lab.pab(["journal", "notes", "history", second["id"].as_str().unwrap(), "--format", "ndjson"]);
    let history = history.succeeds().events();
    let texts: Vec<&Value> = history.iter().map(|one| &one["summary"]).collect();
    assert_eq!(texts, [&Value::from(hostile), &"from standard input".into(), &"third".into()]);

    let most = "ü".repeat(5_000);
    let kept =
        lab.pab(["journal", "note", "web01", "-", "--format", "json"]).stdin(most.clone()).succeeds().json();
    assert_eq!(kept["summary"], most.as_str());
    for (text, part) in [
        (" \n".to_owned(), "must not be blank"),
        (format!("{most}x"), "at most 5000 characters"),
        ("x".repeat(10 * 1024 * 1024), "at most 5000 characters"),
        ("a\0b".to_owned(), "NUL"),
    ] {
        let told = lab.pab(["journal", "note", "web01", "-"]).stdin(text).exits(2);
        assert!(told.err().contains(part) && told.err().len() < 1_000, "{part}: {told}");
    }
    let told = lab.pab(["journal", "note", "web01", "-"]).stdin(vec![0xff, 0xfe]).exits(2);
    assert!(told.err().contains("no UTF-8"), "{told}");
    let _ = lab.run("web01", "true").succeeds();
    let command = entries(&lab, &["--type", "command_execution"])[0]["id"].as_str().unwrap().to_owned();
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (id, part) in
        [(command.as_str(), "is no note"), (unknown, "there is no journal entry"), ("x", "ID: ")]
    {
        let told = lab.pab(["journal", "notes", "edit", id, "text"]).exits(2);
        assert!(told.err().contains(part), "{told}");
    }
    assert_eq!(entries(&lab, &["--type", "note"]).len(), 2);
    let _ = lab.pab(["journal", "verify"]).succeeds();
}

/// Searches are for words; no character means anything to them.
#[test]
fn entries_are_found_by_their_words() {
    let lab = Lab::new(1);
    let _ = lab.run("web01", "echo nginx_restart 100%").succeeds();
    let _ = lab.pab(["journal", "note", "web01", "the disk of db-7 was replaced"]).succeeds();
    let found = |text: &[&str]| -> usize {
        lab.pab(["journal", "search", "--format", "ndjson", "--"]).args(text).succeeds().events().len()
    };
    for (text, count) in [
        (&["nginx_restart"][..], 1),
        (&["NGINX", "echo"], 1),
        (&["ngi"], 1),
        (&["100%"], 1),
        (&["disk db-7"], 1),
        (&["disk OR nginx"], 0),
        (&["disk* NOT nginx"], 0),
        (&["summary:disk"], 0),
        (&["\"disk"], 1),
        (&["disk'; --"], 1),
    ] {
        assert_eq!(found(text), count, "{text:?}");
    }
    for bad in ["%", "_", "*", "\"", "'", "()", ""] {
        let told = lab.pab(["journal", "search", "--", bad]).exits(2);
        assert!(told.err().contains("no letter and no digit"), "{bad:?}: {told}");
    }
}

/// Whoever edits, removes or inserts an entry in the database is found out, by node and entry.
#[test]
fn tampering_is_found() {
    let lab = Lab::new(2);
    for text in ["one", "two", "three"] {
        let _ = lab.run("web[01-02]", &format!("echo {text}")).succeeds();
    }
    let told = lab.pab(["journal", "verify"]).succeeds().out();
    assert!(told.contains("6 entries of 2 nodes: nothing is wrong"), "{told}");
    let head = lab.pab(["journal", "verify", "web02"]).succeeds().out();
    assert!(head.contains("the last entry is 3 with the hash "), "{head}");
    tamper(
        &lab.database(),
        "UPDATE pabawi_exec_journal SET user_name = 'mallory' WHERE node = 'web01' AND seq = 2",
    );
    let told = lab.pab(["journal", "verify"]).exits(1).out();
    assert!(told.contains("node web01: entry 2 (") && told.contains("was edited"), "{told}");
    tamper(&lab.database(), "DELETE FROM pabawi_exec_journal WHERE node = 'web01' AND seq = 2");
    let told = lab.pab(["journal", "verify", "--format", "json"]).exits(1).json();
    assert_eq!(told["faultCount"], 1, "{told}");
    assert_eq!(
        (&told["faults"][0]["node"], &told["faults"][0]["fault"]),
        (&"web01".into(), &"removed".into())
    );
    let _ = lab.pab(["journal", "verify", "web02"]).succeeds();
    // Nothing keeps the next result from being written.
    let _ = lab.run("web01", "echo four").succeeds();
    assert_eq!(entries(&lab, &["--node", "web01"]).len(), 3);
}

/// R11.13: what is old is shown, then removed; journal, executions and outputs each by themselves, and the chain stays sound.
#[test]
fn what_is_old_is_shown_and_removed() {
    let lab = Lab::new(2);
    let _ = lab.run("web[01-02]", "echo same").succeeds();
    let _ = lab.pab(["journal", "note", "web01", "keep me"]).succeeds();
    let _ = lab.run("web[01-02]", "echo same; echo other").succeeds();
    let _ = lab.run("web01", "echo same").succeeds();
    let nothing = lab.pab(["journal", "prune"]).exits(2);
    assert!(nothing.err().contains("nothing says what is old"), "{nothing}");
    let plan = ["journal", "prune", "--type", "command_execution", "--keep", "1"];
    let shown = lab.pab(plan).args(["--plan"]).succeeds().out();
    assert!(shown.contains("would remove 4 journal entries of type command_execution"), "{shown}");
    assert_eq!(entries(&lab, &[]).len(), 6);
    let done = lab.pab(plan).succeeds().out();
    assert!(done.contains("removed 4 journal entries"), "{done}");
    let left: Vec<String> =
        entries(&lab, &[]).iter().map(|one| one["eventType"].as_str().unwrap().to_owned()).collect();
    assert_eq!(left, ["command_execution", "note"]);
    let told = lab.pab(["journal", "verify"]).succeeds().out();
    assert!(told.contains("nothing is wrong; 4 removed by retention"), "{told}");

    let shown =
        lab.pab(["executions", "prune", "--keep", "1", "--plan", "--format", "json"]).succeeds().json();
    assert_eq!(
        (&shown["plan"]["executions"][0]["executions"], &shown["plan"]["executions"][0]["targets"]),
        (&2.into(), &4.into())
    );
    let done = lab.pab(["executions", "prune", "--keep", "1"]).succeeds().out();
    assert!(
        done.contains("removed 2 executions with 4 targets") && done.contains("removed 1 outputs"),
        "{done}"
    );
    let listed = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events();
    assert_eq!(listed.len(), 1);
    let output = lab.pab(["executions", "output", "last", "--node", "web01"]).succeeds().out();
    assert!(output.contains("same"), "what is shared stays: {output}");
    let _ = lab.pab(["executions", "prune", "--outputs-older-than", "1ms"]).succeeds();
    assert_eq!(lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events().len(), 1);

    let config =
        lab.write("config.toml", "[journal.retention]\nkeep = 0\n[retention.executions]\nkeep = 0\n");
    let done = lab.pab(["executions", "prune"]).env("PABAWI_CONFIG", &config).succeeds().out();
    assert!(done.contains("removed 1 executions"), "{done}");
    let done = lab.pab(["journal", "prune"]).env("PABAWI_CONFIG", &config).succeeds().out();
    assert!(done.contains("removed 2 journal entries"), "{done}");
    let _ = lab.pab(["journal", "verify"]).succeeds();
}

/// R11.13: what an execution does and its plugin say how long it is kept, and by limits of their own how long its outputs are.
#[test]
fn executions_and_outputs_are_kept_by_type_and_plugin() {
    let lab = Lab::new(1);
    let script = lab.write("say.sh", "#!/bin/sh\necho scripted; echo shared\n");
    let script = script.to_str().unwrap();
    let _ = lab.on("web01", ["script", script]).succeeds();
    let _ = lab.run("web01", "echo by command").succeeds();
    let _ = lab.pab(["run", "echo on this machine", "--transport", "local", "--hosts", "here"]).succeeds();
    let _ = lab.run("web01", "echo the last").succeeds();
    let texts = |config: Option<&Path>, args: &[&str]| {
        let mut pab = lab.pab(["executions", "prune"]).args(args);
        if let Some(config) = config {
            pab = pab.env("PABAWI_CONFIG", config);
        }
        pab.succeeds().out()
    };
    let shown = texts(None, &["--type", "script", "--older-than", "0s", "--plan"]);
    assert!(shown.contains("would remove 1 executions of type script with 1 targets"), "{shown}");
    let shown = texts(None, &["--type", "command", "--plugin", "ssh", "--outputs-keep", "1", "--plan"]);
    assert!(shown.contains("would remove 1 outputs with 11 bytes\n"), "{shown}");
    assert!(shown.contains("  1 executions of type command by ssh give up theirs\n"), "{shown}");

    // One of both types and of both plugins is kept by a limit that says more.
    let config = lab.write(
        "kept.toml",
        "[[retention.outputs]]\nkeep = 0\n[[retention.outputs]]\ntype = \"script\"\n\
         [[retention.executions]]\nkeep = 0\n[[retention.executions]]\nplugin = \"ssh\"\nkeep = 2\n",
    );
    let shown = texts(Some(&config), &["--plan"]);
    for line in [
        "would remove 1 executions with 1 targets, the newest from ",
        "would remove 1 executions by ssh with 1 targets, the newest from ",
        "would remove 3 outputs with 36 bytes\n",
        "  3 executions give up theirs\n",
        "  0 executions of type script give up theirs\n",
    ] {
        assert!(shown.contains(line), "{line:?}: {shown}");
    }
    let done = texts(Some(&config), &[]);
    assert!(done.contains("removed 2 executions with 2 targets\nremoved 4 outputs\n"), "{done}");
    let left = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events();
    let left: Vec<_> = left.iter().map(|one| one["actionText"].as_str().unwrap()).collect();
    assert_eq!(left, ["echo the last", "echo by command"]);
    let output = lab.pab(["executions", "output", "last", "--node", "web01"]).ran();
    assert!(output.err().contains("web01: 9 bytes of this output were not kept"), "{output}");

    for (bad, why) in [
        (&["--type", "shell", "--keep", "1"][..], "[possible values: command, script, upload,"),
        (&["--type", "task"], "with --type and --plugin"),
        (&["--plugin", "ssh"], "with --type and --plugin"),
        (&["--plugin", "no plugin", "--keep", "1"], "--plugin"),
        (&["--outputs-keep=-1"], "--outputs-keep"),
    ] {
        let told = lab.pab(["executions", "prune"]).args(bad).exits(2);
        assert!(told.err().contains(why), "{bad:?}: {told}");
    }
    let twice = lab.write(
        "twice.toml",
        "[[retention.outputs]]\nplugin = \"ssh\"\nkeep = 1\n[[retention.outputs]]\nplugin = \"ssh\"\nkeep = 2\n",
    );
    let told = lab.pab(["executions", "prune"]).env("PABAWI_CONFIG", &twice).exits(2);
    assert!(told.err().contains("outputs[1]: is about the same executions"), "{told}");
}

/// R11.8: levels of the configuration, for all and by plugin.
#[test]
fn the_configuration_says_what_is_journalled() {
    let lab = Lab::new(1);
    let config = |text: &str| lab.write("config.toml", text);
    let run = |command: &str, config: &Path| lab.run("web01", command).env("PABAWI_CONFIG", config).ran();
    let failures = config("[journal]\nlevel = \"failures\"\n");
    let _ = run("echo quiet", &failures);
    assert_eq!(entries(&lab, &[]).len(), 0);
    let _ = run("exit 7", &failures);
    assert_eq!(entries(&lab, &[]).len(), 1);
    let off = config("[journal.plugins.ssh]\nlevel = \"all\"\nlevels = { \"command.execute\" = \"off\" }\n");
    let _ = run("exit 8", &off);
    assert_eq!(entries(&lab, &[]).len(), 1);
    for (bad, part) in [
        ("[journal]\nlevel = \"loud\"\n", "journal.level: "),
        ("[journal]\nlevels = 1\n", "journal.levels: unknown key"),
        ("[journal.plugins.ssh]\nlevle = \"all\"\n", "journal.plugins: "),
        ("[journal.retention]\nmax-age = \"long\"\n", "journal.retention: max-age"),
        ("[retention.executions]\nmax-age = \"long\"\n", "retention.executions: max-age"),
        ("[retention.outputs]\nkeep = \"all\"\n", "retention.outputs: "),
        ("[[retention.executions]]\ntype = \"shell\"\n", "retention.executions: unknown variant `shell`"),
        ("[retention.outputs]\nplugin = \"\"\n", "retention.outputs: "),
        ("[retention]\nfacts = 1\n", "retention.facts: unknown key"),
        ("[journal.retention]\nkeep = -1\n", "journal.retention: "),
    ] {
        let told = lab.pab(["journal", "list"]).env("PABAWI_CONFIG", config(bad)).exits(2);
        assert!(told.err().contains(part), "{bad:?}: {told}");
    }
}

/// Decision 1, R11.11: a result that somebody was shown has its entry, whenever the process is killed.
#[test]
fn an_entry_survives_kill_9_with_its_result() {
    let lab = Lab::new(4);
    let mut shown = BTreeSet::new();
    for round in 0..3 {
        let mut running =
            lab.run_events("web[01-04]", "case $PABAWI_NODE in web04) sleep 60;; *) echo x;; esac").spawn();
        let mut ended = 0;
        let events = running.events_until("some nodes have ended", |event| event["type"] == "nodeFinished");
        for event in events.iter().filter(|event| event["type"] == "nodeFinished") {
            let (id, node) = (event["executionId"].as_str().unwrap(), event["node"].as_str().unwrap());
            shown.insert((id.to_owned(), node.to_owned()));
            ended += 1;
        }
        assert!(ended > 0, "round {round}");
        running.kill();
    }
    let all = entries(&lab, &[]);
    for (id, node) in &shown {
        let has = |entry: &&Value| entry["executionId"] == id.as_str() && entry["node"] == node.as_str();
        assert_eq!(all.iter().filter(has).count(), 1, "{node} of {id} is not in the journal: {all:#?}");
    }
    // What the dead processes left was found by the next one, and is journalled once.
    let interrupted = entries(&lab, &["--status", "interrupted"]);
    let nodes: BTreeSet<(String, String)> = interrupted
        .iter()
        .map(|entry| (entry["executionId"].to_string(), entry["node"].to_string()))
        .collect();
    assert_eq!(nodes.len(), interrupted.len(), "{interrupted:#?}");
    assert!(interrupted.iter().filter(|entry| entry["node"] == "web04").count() == 3, "{interrupted:#?}");
    let _ = lab.pab(["journal", "verify"]).succeeds();
}
