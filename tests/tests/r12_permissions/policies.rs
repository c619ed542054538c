//! A policy file decides about whoever calls `pab`.

use std::time::Duration;

use jiff::Timestamp;
use pabawi_tests::unique;
use rustix::process::Signal;

use crate::site::{POLICY, Site, texts};

/// R6.5, R6.6, R12.2: who may only look is shown everything and runs nothing, whatever it is called; no node is connected to.
#[test]
fn a_viewer_looks_and_runs_nothing() {
    let site = Site::of_policy(POLICY);
    site.run("omar", "true", "web01");
    site.0.write("probe.sh", "#!/bin/sh\ntrue\n");
    site.0.write(
        "graph.yaml",
        "name: g\ntasks: [{name: a, targets: web01, action: {type: command, command: 'true'}}]\n",
    );
    let before = site.connections();
    for words in [
        &["inventory", "list"][..],
        &["inventory", "groups"],
        &["executions", "list"],
        &["executions", "show", "last"],
        &["journal", "list"],
        &["journal", "show", "web01"],
        &["graph", "list"],
        &["plan", "list"],
        &["plugins", "list"],
        &["capabilities", "list"],
        &["targets", "expand", "all"],
    ] {
        let _ = site.pab("vera", words).succeeds();
    }
    let (probe, graph, nodes) = (site.file("probe.sh"), site.file("graph.yaml"), site.file("nodes.yaml"));
    for (words, capability) in [
        (&["run", "true", "-t", "web01"][..], "command.execute"),
        (&["ssh", "run", "true", "-t", "web01"], "command.execute"),
        (&["run", "true", "-t", "web01", "--dry-run"], "plans.create"),
        (&["script", &probe, "-t", "web01"], "script.execute"),
        (&["copy", "up", &nodes, "/tmp/pabawi-never", "-t", "web01"], "file.upload"),
        (&["copy", "down", "/etc/hostname", "never", "-t", "web01"], "file.download"),
        (&["plan", "run", "true", "-t", "web01"], "plans.create"),
        (&["graph", "run", &graph], "graphs.run"),
        (&["executions", "rerun", "last", "--all"], "command.execute"),
        (&["executions", "cancel", "last"], "executions.cancel"),
        (&["executions", "prune", "--older-than", "1ms"], "executions.prune"),
        (&["facts", "refresh", "web01"], "facts.collect"),
        (&["breakers", "reset", "node:web01"], "breakers.reset"),
        (&["journal", "note", "web01", "hello"], "journal.note"),
        (&["journal", "prune", "--older-than", "1ms"], "journal.prune"),
        (&["journal", "verify"], "journal.verify"),
    ] {
        site.denied("vera", words, capability, &format!("no rule allows {capability}"));
    }
    assert_eq!(site.connections(), before, "nothing was connected");
    assert_eq!(site.list("root", &["executions", "list"]).len(), 1, "and nothing recorded");
}

/// R6.5, R6.6, R12.2: an operator of some nodes runs on these and on no other; one that is too many stops all, and is named. A
/// plan says for each node what is denied, and is not applied then.
#[test]
fn an_operator_of_some_nodes_is_refused_on_others() {
    let site = Site::of_policy(POLICY);
    site.run("gina", "true", "@front");
    let connected = site.connections();
    for (targets, on) in [("web03", "web03"), ("web01,web03", "web03"), ("all", "web03, web04")] {
        let words = ["run", "true", "-t", targets, "--yes"];
        let reason = format!("no rule allows command.execute by ssh on {on}\n");
        site.denied("gina", &words, "command.execute", &reason);
    }
    let plan = site.pab("gina", &["plan", "run", "true", "-t", "all", "--format", "json"]).succeeds().json();
    for target in plan["targets"].as_array().unwrap() {
        let node = target["node"].as_str().unwrap();
        match node {
            "web01" | "web02" => assert_eq!(target["permission"], "allowed"),
            _ => assert_eq!(
                target["permission"]["denied"]["reason"],
                format!("no rule allows command.execute by ssh on {node}")
            ),
        }
    }
    let applied = site.pab("gina", &["apply", "last"]).exits(4);
    assert!(applied.err().contains("permission now denied: web03: no rule allows"), "{applied}");
    assert_eq!(site.connections(), connected);
}

/// R6.6: who is not active, who is in no policy and who has no role may do nothing at all.
#[test]
fn who_is_unknown_or_inactive_may_do_nothing() {
    let site = Site::of_policy(POLICY);
    for (user, reason) in [
        ("ines", "the user ines is not active"),
        ("eve", "the policy knows no user eve"),
        ("nina", "no rule allows"),
    ] {
        for (words, capability) in [
            (&["run", "true", "-t", "web01"][..], "command.execute"),
            (&["executions", "list"], "executions.list"),
            (&["journal", "list"], "journal.read"),
            (&["inventory", "list"], "inventory.list"),
            (&["plugins", "list"], "plugins.list"),
            (&["graph", "list"], "graphs.list"),
            (&["plan", "list"], "plans.show"),
        ] {
            site.denied(user, words, capability, reason);
        }
        assert!(site.list(user, &["capabilities", "list"]).is_empty());
    }
    assert_eq!(site.connections(), 0);
}

/// R6.6: a rule that denies goes before what allows, also for administrators where it is for everybody; conditions on nodes and
/// times decide.
#[test]
fn rules_that_deny_and_their_conditions_decide() {
    // Neither today nor a day beside it, wherever a test runs long.
    let later = Timestamp::now() + Duration::from_secs(3 * 24 * 3600);
    let day = later.strftime("%a").to_string().to_lowercase();
    let site = Site::of_policy(&format!(
        r#"
users:
  omar: {{roles: [operator]}}
  nora: {{roles: [now]}}
  nils: {{roles: [later]}}
  cara: {{roles: [operator, careful]}}
  root: {{admin: true}}
roles:
  operator:
    allow: [{{capability: "*"}}]
    deny: [{{capability: "*", nodes: web04}}]
  now: {{allow: [{{capability: command.execute, nodes: "@front", time: {{zone: UTC}}}}]}}
  later: {{allow: [{{capability: command.execute, time: {{days: [{day}], zone: UTC}}}}]}}
  careful: {{}}
deny:
  - {{capability: script.execute, nodes: "@back"}}
  - {{capability: command.execute, roles: [careful], nodes: "@back", unless: {{time: {{days: [{day}], zone: UTC}}}}}}
  - {{capability: command.execute, users: [cara], unless: {{nodes: "web01,web03"}}}}
"#
    ));
    let probe = site.0.write("probe.sh", "#!/bin/sh\ntrue\n").to_str().unwrap().to_owned();
    site.run("omar", "true", "web03");
    site.run("root", "true", "web04");
    // Who starts something is shown what comes of it, and nothing beside it.
    site.run("nora", "true", "web02");
    let unseen = site.pab("nora", &["run", "true", "-t", "web02", "--format", "json"]).succeeds();
    assert!(unseen.err().contains("You lack the 'executions.show' capability."), "{unseen}");
    let failed = site.pab("nora", &["run", "echo seen; exit 3", "-t", "web02"]).exits(1);
    assert_eq!(failed.out(), "web02| seen\n", "{failed}");
    // They may leave it without a permission to cancel executions, and it ends with them.
    let sleep = format!("sleep 6{}", unique());
    let mut running = site.pab("nora", &["run", &sleep, "-t", "web02", "--format", "ndjson"]).spawn();
    running.events_until("it runs", |event| event["type"] == "nodeStarted");
    running.signal(Signal::INT);
    let left = running.end();
    assert_eq!(left.code(), Some(130), "{left}");
    assert!(left.err().contains("You lack the 'executions.cancel' capability."), "{left}");
    site.0.wait_for_processes(&sleep, 0);
    site.run("cara", "true", "web01");
    let run = |targets| ["run", "true", "-t", targets];
    for (user, targets, reason) in [
        ("omar", "web04", "the rule roles.operator.deny[0] denies command.execute on web04"),
        ("omar", "web03,web04", "the rule roles.operator.deny[0] denies command.execute on web04"),
        ("nora", "web03", "no rule allows command.execute by ssh on web03"),
        ("nils", "web01", "no rule allows command.execute by ssh on web01 at this time"),
        ("cara", "web03", "the rule deny[1] denies command.execute on web03 at this time"),
        ("cara", "web01,web02", "the rule deny[2] denies command.execute on web02"),
    ] {
        site.denied(user, &run(targets), "command.execute", &format!("{reason}\n"));
    }
    let words = ["script", &probe, "-t", "web01,web03"];
    site.denied("root", &words, "script.execute", "the rule deny[0] denies script.execute on web03\n");
}

/// R6.6, R5.1: what was denied stands in the journal of its nodes, with who, what and why; and the log tells it.
#[test]
fn denials_are_journalled_and_logged() {
    let site = Site::of_policy(POLICY);
    let reason = "no rule allows command.execute by ssh on web03";
    let told = site.denied(
        "gina",
        &["run", "echo hello", "-t", "web01,web03", "--log-level", "warn"],
        "command.execute",
        reason,
    );
    assert!(told.err().contains("denied") && told.err().contains(r#"user="gina""#), "{told}");
    let denied = site.list("root", &["journal", "list", "--type", "execution_denied"]);
    let mut nodes = texts(&denied, "node");
    nodes.sort();
    assert_eq!(nodes, ["web01", "web03"]);
    for entry in &denied {
        for (field, expected) in [
            ("user", "gina"),
            ("action", "echo hello"),
            ("resultStatus", "denied"),
            ("source", "system"),
            ("summary", reason),
        ] {
            assert_eq!(entry[field], expected, "{entry}");
        }
        assert_eq!(entry["details"]["capability"], "command.execute", "{entry}");
        assert_eq!(entry["details"]["targets"], 2, "{entry}");
    }
    let of_gina = site.list("root", &["journal", "list", "--user", "gina", "--status", "denied"]);
    assert_eq!(of_gina.len(), 2);
    let _ = site.pab("root", &["journal", "verify"]).succeeds();
}

/// R6.6, R5.1: so does every other order and question that was denied, by whatever verb.
#[test]
fn denials_of_every_verb_are_journalled_and_logged() {
    let site = Site::of_policy(POLICY);
    let id = site.run("root", "true", "web01,web02");
    let graph = |targets: &str| {
        let text = format!(
            "name: g\ntasks: [{{name: a, targets: '{targets}', action: {{type: command, command: 'true'}}}}]\n"
        );
        site.0.write("graph.yaml", text);
        site.file("graph.yaml")
    };
    let ran =
        site.pab("root", &["graph", "run", &graph("web03"), "--format", "json"]).succeeds().json()["id"]
            .clone();
    let (ran, other) = (ran.as_str().unwrap(), graph("web03,web04"));
    let mut expected = Vec::new();
    for (user, words, capability, entry, nodes) in [
        ("vera", &["graph", "run", &other][..], "graphs.run", "execution_denied", "web03,web04"),
        ("vera", &["graph", "resume", ran], "graphs.run", "execution_denied", "web03"),
        ("vera", &["graph", "cancel", ran], "graphs.cancel", "access_denied", "web03"),
        ("nina", &["graph", "status", ran], "graphs.show", "access_denied", "web03"),
        ("vera", &["executions", "cancel", &id], "executions.cancel", "access_denied", "web01,web02"),
        ("nina", &["executions", "show", &id], "executions.show", "access_denied", "web01,web02"),
        ("nina", &["executions", "rerun", &id, "--all"], "executions.show", "access_denied", "web01,web02"),
        ("nina", &["executions", "resume", &id], "executions.show", "access_denied", "web01,web02"),
        ("vera", &["plan", "run", "true", "-t", "@back"], "plans.create", "access_denied", "web03,web04"),
        ("vera", &["facts", "refresh", "web01"], "facts.collect", "access_denied", "web01"),
        ("vera", &["breakers", "reset", "node:web02"], "breakers.reset", "access_denied", "web02"),
        ("vera", &["journal", "note", "web04", "hello"], "journal.note", "access_denied", "web04"),
        ("nina", &["journal", "show", "web04"], "journal.read", "access_denied", "web04"),
        ("vera", &["journal", "prune", "--older-than", "1ms"], "journal.prune", "", ""),
        ("nina", &["executions", "list"], "executions.list", "", ""),
    ] {
        let words = [words, &["--log-level", "warn"]].concat();
        let reason = format!("no rule allows {capability}");
        let told = site.denied(user, &words, capability, &reason);
        for part in [
            format!("user={user:?}"),
            format!("capability={capability:?}"),
            format!("nodes={nodes:?}"),
            format!("reason=\"{reason}"),
        ] {
            assert!(told.err().contains(&part), "{part}: {told}");
        }
        let on = nodes.split(',').filter(|node| !node.is_empty());
        expected.extend(on.map(|node| format!("{node} {entry} {user} {capability}")));
    }
    let denied = site.list("root", &["journal", "list", "--status", "denied", "--limit", "1000"]);
    let [types, nodes, users, actions] =
        ["eventType", "node", "user", "action"].map(|field| texts(&denied, field));
    let told = nodes.iter().zip(&types).zip(users.iter().zip(&actions));
    let mut told: Vec<String> =
        told.map(|((node, entry), (user, action))| format!("{node} {entry} {user} {action}")).collect();
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
    for entry in &denied {
        let reason = format!("no rule allows {}", entry["action"].as_str().unwrap());
        assert!(entry["summary"].as_str().unwrap().starts_with(&reason), "{entry}");
        assert_eq!(entry["details"]["capability"], entry["action"], "{entry}");
    }
}
