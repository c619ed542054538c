//! Requirement 2 on real nodes: what would be done is shown first, and done later only if it is still that.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;

use pabawi_tests::{Lab, Pab, Ran, lines_of};
use serde_json::Value;

/// `pab plan run` as JSON.
fn planned(lab: &Lab, targets: &str, command: &str, options: &[&str]) -> Value {
    lab.on(targets, ["plan", "run", command, "--format", "json"]).args(options).succeeds().json()
}

fn hash(plan: &Value) -> String {
    plan["hash"].as_str().unwrap().to_owned()
}

/// Nothing has been connected to and no execution is recorded.
fn assert_untouched(lab: &Lab) {
    assert_eq!(lab.all_connections_seen(), 0, "nothing was connected");
    let list = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds();
    assert_eq!(list.out(), "", "nothing is recorded");
}

fn refused(apply: Pab, parts: &[&str]) -> Ran {
    let ran = apply.exits(2);
    for part in parts {
        assert!(ran.err().contains(part), "{part:?} is not in {ran}");
    }
    ran
}

#[test]
fn a_plan_is_shown_applied_once_and_again_by_wish() {
    let lab = Lab::new(3);
    let log = lab.write("log", "");
    let command = format!("echo ran >> {}", log.display());
    let options = ["--waves", "1,2", "--max-failures", "1", "--retries", "2", "--timeout", "30s"];
    let shown = lab.on("web[01-03]", ["plan", "run", &command]).args(options).succeeds();
    for part in [
        "web[01-03]",
        "wave 1: web01 (1)",
        "wave 2: web[02-03] (2)",
        "1 may fail",
        "2 retries",
        "30.0s on a node",
        "known",
        "allowed",
    ] {
        assert!(shown.out().contains(part), "{part:?} is not in {shown}");
    }
    assert_untouched(&lab);
    let plan = planned(&lab, "web[01-03]", &command, &options);
    let node = lab.fleet().node(0).unwrap();
    let first = &plan["targets"][0];
    assert_eq!(first["reach"]["host"], node.address.ip().to_string());
    assert_eq!(first["reach"]["port"], node.address.port());
    assert_eq!((&first["transport"], &first["wave"]), (&Value::from("ssh"), &Value::from(1)));
    let hash = hash(&plan);
    assert!(shown.out().contains(&hash), "the same plan again: {shown}");
    assert!(shown.err().contains(&format!("pab apply {}", &hash[..12])), "{shown}");

    let applied = lab.pab(["apply", &hash[..12], "--format", "ndjson"]).succeeds();
    assert_eq!(lines_of(&log), ["ran"; 3]);
    let waves = applied.events().into_iter().filter(|event| event["type"] == "waveStarted").count();
    assert_eq!(waves, 2);
    let id = applied.events()[0]["executionId"].as_str().unwrap().to_owned();
    refused(lab.pab(["apply", &hash]), &[&id, "--again"]);
    refused(lab.pab(["apply", "last"]), &[&id]);
    assert!(lab.on("web[01-03]", ["plan", "run", &command]).args(options).succeeds().out().contains(&id));
    assert_eq!(lines_of(&log).len(), 3);
    let again = lab.pab(["apply", "last", "--again"]).succeeds();
    assert_eq!(lines_of(&log).len(), 6, "{again}");
}

/// R2.1
#[test]
fn kept_plans_are_listed_and_shown() {
    let lab = Lab::new(3);
    let none = lab.pab(["plan", "list"]).succeeds();
    assert!(none.err().contains("no plans; make one"), "{none}");
    let first = hash(&planned(&lab, "web01", "true", &[]));
    let options = ["--waves", "1,2", "--secret-env", "TOKEN", "--run-as", "root"];
    let second = hash(&planned(&lab, "web[01-03]", "echo deploying", &options));
    let _ = lab.pab(["apply", &first]).succeeds();
    let applied = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().json();
    let listed = lab.pab(["plan", "list", "--format", "json"]).succeeds().json();
    let plans = listed.as_array().unwrap();
    assert_eq!((&plans[0]["hash"], &plans[1]["hash"]), (&second.clone().into(), &first.clone().into()));
    assert_eq!((&plans[0]["nodes"], &plans[0]["actionText"]), (&3.into(), &"echo deploying".into()));
    assert_eq!((&plans[0]["appliedBy"], &plans[1]["appliedBy"]), (&Value::Null, &applied["id"]));
    let newest = lab.pab(["plan", "list", "--limit", "1"]).succeeds().out();
    assert!(newest.contains(&second[..12]) && !newest.contains(&first[..12]), "{newest}");

    let shown = lab.pab(["plan", "show", "last"]).succeeds().out();
    for part in [
        second.as_str(),
        "echo deploying",
        "root by sudo",
        "wave 1: web01 (1)",
        "wave 2: web[02-03] (2)",
        "not yet",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    let shown = lab.pab(["plan", "show", &first[..8]]).succeeds().out();
    assert!(shown.contains(applied["id"].as_str().unwrap()), "{shown}");
    let stored = lab.pab(["plan", "show", &second, "--format", "json"]).succeeds().json();
    assert_eq!(stored["request"]["action"]["env"]["TOKEN"]["secret"], "***", "{stored}");
    let _ = lab.pab(["plan", "show", "ffffffff"]).exits(2);
}

#[test]
fn what_is_applied_is_followed_as_a_run_is() {
    let lab = Lab::new(2);
    let first = lab.fleet().node(0).unwrap().address.ip();
    planned(&lab, "web[01-02]", &format!("set -- $SSH_CONNECTION; echo on $3; test $3 = {first}"), &[]);
    let ran = lab.pab(["apply", "last"]).exits(1);
    assert!(ran.out().contains(&format!("web01| on {first}\n")), "{ran}");
    assert!(ran.err().contains("1 of 2 succeeded"), "{ran}");
}

#[test]
fn an_inventory_that_has_changed_is_refused_with_the_difference() {
    let lab = Lab::new(4);
    let touched = lab.path("touched");
    let members = |members: &str, user: &str| {
        let text = format!("nodes:\n  web03: {{user: {user}}}\ngroups:\n  web: [{members}]\n");
        lab.write("nodes.yaml", text);
    };
    members("web01, web02, web03", "ops");
    let command = format!("echo x >> {}", touched.display());
    // A relative path: the plan is applied from another folder.
    let ssh = lab.fleet().ssh_config().to_owned();
    let plan = lab
        .pab(["plan", "run", &command, "--inventory", "nodes.yaml", "--targets", "@web", "--quiet"])
        .args(["--ssh-config".as_ref(), ssh.as_os_str()])
        .directory(&lab.path(""))
        .succeeds();
    let hash = plan.out().trim().to_owned();
    assert_eq!(hash.len(), 64, "{plan}");
    members("web01, web03, web04", "root");
    let parts = [
        "nodes added: web04",
        "nodes gone: web02",
        "web03 would be reached as ssh root@",
        "nothing was started",
    ];
    refused(lab.pab(["apply", &hash]), &parts);
    std::fs::remove_file(lab.path("nodes.yaml")).unwrap();
    refused(lab.pab(["apply", &hash]), &["nodes.yaml"]);
    assert_untouched(&lab);
    assert!(!touched.exists());
}

#[test]
fn a_list_of_hosts_is_read_again() {
    let lab = Lab::new(3);
    let list = lab.write("hosts", "web01\nweb02\n");
    let options = |pab: Pab| pab.args(["--hosts-file".as_ref(), list.as_os_str()]);
    let ssh = |pab: Pab| pab.args(["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()]);
    let plan = ssh(options(lab.pab(["plan", "run", "true", "--quiet"]))).succeeds();
    let hash = plan.out().trim().to_owned();
    lab.write("hosts", "web02\nweb03\n");
    refused(lab.pab(["apply", &hash]), &["nodes added: web03", "nodes gone: web01"]);
    assert_untouched(&lab);
    lab.write("hosts", "# another order\nweb02\nweb01\n");
    let ran = lab.pab(["apply", &hash]).succeeds();
    assert!(ran.err().contains("2 of 2 succeeded"), "{ran}");
}

#[test]
fn a_node_whose_address_has_changed_is_refused() {
    let lab = Lab::new(2);
    let text = lab.fleet().ssh_config_text();
    let config = lab.write("ssh_config", &text);
    let plan = lab
        .pab(["plan", "run", "true", "--targets", "web01", "--quiet"])
        .args(["--ssh-config".as_ref(), config.as_os_str()])
        .succeeds();
    let hash = plan.out().trim().to_owned();
    let (first, second) = (lab.fleet().node(0).unwrap().address, lab.fleet().node(1).unwrap().address);
    lab.write("ssh_config", text.replace(&first.ip().to_string(), &second.ip().to_string()));
    let addresses = [first.ip().to_string(), second.ip().to_string()];
    refused(lab.pab(["apply", &hash]), &["web01 would be reached as", &addresses[0], &addresses[1]]);
    assert_untouched(&lab);
}

#[test]
fn contents_that_have_changed_are_refused() {
    let lab = Lab::new(1);
    let script = lab.write("deploy.sh", "#!/bin/sh\necho one\n");
    let source = lab.path("tree");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a"), "one").unwrap();
    let path = |path: &Path| path.display().to_string();
    let plan = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["plan"].into_iter().chain(arguments.iter().copied()).chain(["--quiet"]).collect();
        lab.on("web01", all).succeeds().out().trim().to_owned()
    };
    let scripted = plan(&["script", &path(&script)]);
    let there = path(&lab.path("there"));
    let copied = plan(&["copy", "up", &path(&source), &there]);
    let read = plan(&["run", "cat", "--stdin", &path(&source.join("a"))]);
    lab.write("deploy.sh", "#!/bin/sh\necho two\n");
    std::fs::write(source.join("a"), "two").unwrap();
    refused(lab.pab(["apply", &scripted]), &["script deploy.sh has changed"]);
    refused(lab.pab(["apply", &copied]), &["tree has changed"]);
    refused(lab.pab(["apply", &read]), &["standard input has changed"]);
    std::fs::remove_dir_all(&source).unwrap();
    refused(lab.pab(["apply", &copied]), &["SOURCE (action.source)", "cannot be read"]);
    std::fs::remove_file(&script).unwrap();
    refused(lab.pab(["apply", &scripted]), &["deploy.sh"]);
    assert_untouched(&lab);
    lab.write("deploy.sh", "#!/bin/sh\necho one\n");
    let ran = lab.pab(["apply", &scripted]).succeeds();
    assert!(ran.out().contains("one"), "{ran}");
}

/// Known, unknown and revoked: told from the lists alone.
#[test]
fn what_is_known_of_host_keys_is_shown_and_does_not_count() {
    let lab = Lab::new(2);
    let known = |plan: &Value| -> Vec<String> {
        let targets = plan["targets"].as_array().unwrap();
        targets.iter().map(|target| target["hostKey"].as_str().unwrap().to_owned()).collect()
    };
    let plan = planned(&lab, "web[01-02]", "true", &[]);
    assert_eq!(known(&plan), ["known", "known"]);
    let address = lab.fleet().node(0).unwrap().address;
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0z8Zr0nQ0hXxvRzqjLk1P2c0QqXcQqL3l5a0l8eX2o";
    let list = format!("@revoked [{}]:{} {key}\n", address.ip(), address.port());
    let list = lab.write("known", list).display().to_string();
    let other = planned(&lab, "web[01-02]", "true", &["--known-hosts", &list]);
    assert_eq!(known(&other), ["revoked", "unknown"]);
    assert_eq!(hash(&plan), hash(&other), "what is known of a node is no part of the plan");
    assert_untouched(&lab);
    let local = lab.pab(["plan", "run", "true", "--transport", "local", "--targets", "here"]).succeeds();
    assert!(local.out().contains("this machine"), "{local}");
}

/// R7.7: an open circuit breaker is shown, is no part of the plan, and counts when the plan is applied.
#[test]
fn open_breakers_are_shown_and_do_not_count() {
    let lab = Lab::new(2);
    let before = planned(&lab, "web[01-02]", "true", &["--node-breaker", "1"]);
    assert_eq!(before.get("breakers"), None);
    lab.fleet().stop_node(1).unwrap();
    let _ = lab.run("web02", "true").args(["--node-breaker", "1"]).exits(3);
    let shown = lab.on("web[01-02]", ["plan", "run", "true", "--node-breaker", "1"]).succeeds();
    assert!(shown.out().contains("node:web02 is open, next probe at"), "{shown}");
    assert!(shown.out().contains(&hash(&before)), "{shown}");
    let ran = lab.pab(["apply", "last"]).exits(1);
    assert!(ran.err().contains("rejected"), "the breaker's options are the plan's: {ran}");
}

/// Of two who apply at once, in two processes, one starts an execution and the other is told which.
#[test]
fn two_applies_at_once_start_one_execution() {
    let lab = Lab::new(2);
    let log = lab.write("log", "");
    planned(&lab, "web[01-02]", &format!("echo x >> {}", log.display()), &[]);
    let running: Vec<_> = (0..2).map(|_| lab.pab(["apply", "last"]).spawn()).collect();
    let ran: Vec<Ran> = running.into_iter().map(|one| one.end_within(pabawi_tests::LIMIT)).collect();
    let mut codes: Vec<_> = ran.iter().map(Ran::code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(2)], "{ran:?}");
    assert_eq!(lines_of(&log).len(), 2);
    let list = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events();
    assert_eq!(list.len(), 1);
    let other = ran.iter().find(|ran| ran.code() == Some(2)).unwrap();
    assert!(other.err().contains(list[0]["id"].as_str().unwrap()), "{other}");
}

/// R9.5: a secret is used, asked for again, and stands nowhere.
#[test]
fn secrets_are_given_again_and_stand_in_no_file() {
    let lab = Lab::new(1);
    let canary = "canary-8f3e1";
    let plan = lab.on("web01", ["plan", "run", "test \"$TOKEN\" = canary-8f3e1 && echo right"]).args([
        "--secret-env",
        "TOKEN",
        "--quiet",
    ]);
    // To plan, the value is not needed.
    let hash = plan.succeeds().out().trim().to_owned();
    refused(lab.pab(["apply", &hash]), &["--env", "give it again"]);
    assert_untouched(&lab);
    let other = lab
        .on("web01", ["plan", "run", "printf %s \"$TOKEN\" | wc -c", "--secret-env", "TOKEN", "--quiet"])
        .env("TOKEN", "hidden-4711")
        .succeeds();
    let applied = lab
        .pab(["apply", other.out().trim(), "--secret-env", "TOKEN"])
        .env("TOKEN", "hidden-4711")
        .succeeds();
    assert!(applied.out().contains("11"), "{applied}");
    let right = lab.pab(["apply", &hash, "--secret-env", "TOKEN"]).env("TOKEN", canary).succeeds();
    assert!(right.out().contains("right"), "{right}");
    // Passwords are not asked for to plan, and there is no terminal here to ask on.
    let asked = ["--ask-password", "--run-as", "root", "--ask-run-as-password", "--quiet"];
    let plan = lab.on("web01", ["plan", "run", "id -un"]).args(asked).succeeds();
    refused(lab.pab(["apply", plan.out().trim()]), &["--ask-password", "give it again"]);
    let folder = lab.path("");
    let mut looked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("pabawi.db") || !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"hidden-4711"), "{}", path.display());
        looked += 1;
    }
    assert!(looked > 0);
}

#[test]
fn bad_hashes_and_keys_are_refused() {
    let lab = Lab::new(1);
    refused(lab.pab(["apply", "last"]), &["no plan yet"]);
    refused(lab.pab(["apply", "xyz"]), &["no hash of a plan"]);
    refused(lab.pab(["apply", "abcdef"]), &["no plan begins with abcdef"]);
    refused(lab.pab(["apply", &"ab".repeat(32)]), &["no plan abab"]);
    let keyed = lab.on("web01", ["plan", "run", "true", "--idempotency-key", "k"]);
    refused(keyed, &["--idempotency-key", "key of its own"]);
    refused(lab.on("nowhere", ["plan", "run", "true"]), &["--targets", "nowhere"]);
    refused(lab.on("web01", ["plan", "run", " "]), &["COMMAND"]);
    planned(&lab, "web01", "true", &[]);
    refused(lab.on("web01", ["plan", "copy", "up", "/nonexistent/x", "/tmp/x"]), &["/nonexistent/x"]);
    assert_untouched(&lab);
}
