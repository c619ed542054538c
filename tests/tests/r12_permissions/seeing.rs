//! What somebody is shown, and what they may do with what somebody else has run.

use crate::site::{POLICY, Site, texts};

/// R6.5, R10.3: no list shows more than its reader may see.
#[test]
fn lists_show_what_their_reader_may_see() {
    let site = Site::of_policy(POLICY);
    let of_front = site.run("gina", "echo front", "@front");
    let of_back = site.run("omar", "echo back", "web03");
    let _ = site.pab("omar", &["plan", "run", "true", "-t", "web03", "--quiet"]).succeeds();
    let _ = site.pab("gina", &["plan", "run", "true", "-t", "web01", "--quiet"]).succeeds();
    for (user, executions, nodes, plans) in [
        ("gina", vec![of_front.clone()], vec!["web01", "web02"], 1),
        // Operators may do nothing on web04, not even see it.
        ("omar", vec![of_back.clone(), of_front.clone()], vec!["web01", "web02", "web03"], 2),
        ("vera", vec![of_back.clone(), of_front.clone()], vec!["web01", "web02", "web03", "web04"], 2),
    ] {
        assert_eq!(texts(&site.list(user, &["executions", "list"]), "id"), executions, "{user}");
        let totals = site.pab(user, &["executions", "totals", "--format", "json"]).succeeds().json();
        assert_eq!(totals["total"], executions.len(), "{user}: {totals}");
        assert_eq!(texts(&site.list(user, &["inventory", "list"]), "id"), nodes, "{user}");
        assert_eq!(
            site.pab(user, &["targets", "expand", "all"]).succeeds().out().lines().count(),
            nodes.len()
        );
        assert_eq!(site.list(user, &["plan", "list"]).len(), plans, "{user}");
        let mut written = texts(&site.list(user, &["journal", "list"]), "node");
        written.sort();
        let visible = ["web01", "web02", "web03"].into_iter().filter(|node| nodes.contains(node));
        assert_eq!(written, visible.collect::<Vec<_>>(), "{user}");
    }
    // To whom it is not shown it is as if it were not there.
    let unknown = site.pab("gina", &["inventory", "show", "web03"]).ran();
    assert!(unknown.code() != Some(0) && !unknown.err().contains("web04"), "{unknown}");
    let searched = site.list("gina", &["journal", "search", "back"]);
    assert!(searched.is_empty(), "{searched:?}");
    // Which plugins can do what is shown to whom they would do it for.
    let names = |user| texts(&site.list(user, &["capabilities", "list"]), "name");
    assert!(names("root").iter().any(|name| name == "command.execute"));
    assert_eq!(names("root"), names("omar"));
    assert!(names("vera").iter().all(|name| name.ends_with(".list") || name.ends_with(".show")));
}

/// R6.6: what somebody else has run is asked about anew, for whoever looks at it, ends it, or has it run again.
#[test]
fn executions_and_plans_of_others_are_asked_about_anew() {
    let site = Site::of_policy(POLICY);
    let id = site.run("omar", "echo back", "web03");
    for (words, capability) in [
        (&["executions", "show", &id][..], "executions.show"),
        (&["executions", "output", &id], "executions.show"),
        (&["executions", "events", &id], "executions.show"),
        (&["executions", "export", &id], "executions.show"),
        (&["executions", "report", &id, "--html"], "executions.show"),
        (&["executions", "rerun", &id, "--all"], "executions.show"),
        (&["executions", "cancel", &id], "executions.show"),
    ] {
        site.denied("gina", words, capability, "on web03");
    }
    site.denied("vera", &["executions", "rerun", &id, "--all"], "command.execute", "on web03");
    let hidden = site.pab("gina", &["executions", "show", "last"]).exits(2);
    assert!(hidden.err().contains("no execution is recorded yet"), "{hidden}");
    let short = site.pab("gina", &["executions", "show", &id[..8]]).exits(2);
    assert!(short.err().contains("no execution begins with"), "{short}");
    let _ = site.pab("omar", &["executions", "rerun", &id, "--all"]).succeeds();

    let plan = site.pab("omar", &["plan", "run", "true", "-t", "web03", "--quiet"]).succeeds().out();
    let plan = plan.trim();
    site.denied("gina", &["apply", plan], "plans.show", "on web03");
    let applied = site.pab("vera", &["apply", plan]).exits(4);
    assert!(
        applied.err().contains("permission now denied: web03: no rule allows command.execute"),
        "{applied}"
    );
    let _ = site.pab("omar", &["apply", plan]).succeeds();
}

/// R6.6: neither are an execution and a graph whose process died gone on with by somebody who may not do what they do.
#[test]
fn what_was_interrupted_is_gone_on_with_by_whom_it_is_allowed() {
    let site = Site::of_policy(POLICY);
    let words = ["run", "test $PABAWI_NODE != web03 || sleep 600", "-t", "web03,web01", "--sequential"];
    let mut running = site.pab("omar", &words).args(["--format", "ndjson"]).spawn();
    let seen = running.events_until("web03 runs", |event| event["type"] == "nodeStarted");
    let id = seen[0]["executionId"].as_str().unwrap().to_owned();
    running.kill();
    site.denied("gina", &["executions", "resume", &id], "executions.show", "on web03");
    site.denied("vera", &["executions", "resume", &id], "command.execute", "no rule allows");
    let _ = site.pab("omar", &["executions", "resume", &id]).succeeds();

    site.0.write(
        "graph.yaml",
        "name: g\ntasks:\n  - {name: a, targets: web03, action: {type: command, command: 'sleep 600'}}\n  \
         - {name: b, targets: web01, action: {type: command, command: 'true'}}\n",
    );
    let graph = site.file("graph.yaml");
    site.denied("gina", &["graph", "run", &graph], "graphs.run", "on web03");
    let mut running = site.pab("omar", &["graph", "run", &graph, "--format", "ndjson"]).spawn();
    let seen = running.events_until("a task runs on its node", |event| event["type"] == "taskStarted");
    let id = seen[0]["graphId"].as_str().unwrap().to_owned();
    running.kill();
    for words in [["graph", "status", &id], ["graph", "resume", &id], ["graph", "cancel", &id]] {
        site.denied("gina", &words, "graphs.show", "on web03");
    }
    let hidden = site.pab("gina", &["graph", "status", "last"]).exits(2);
    assert!(hidden.err().contains("no graph run is recorded yet"), "{hidden}");
    site.denied("vera", &["graph", "resume", &id], "graphs.run", "no rule allows");
    let _ = site.pab("vera", &["graph", "status", &id]).succeeds();
}
