//! A command policy: what may be run at all, whoever asks for it and in whatever way.

use crate::site::{BY_POLICY, POLICY, Site, texts};

const LIST: &str = "[command_policy]\nwhitelist = ['uptime', 'echo']\nmatch_mode = 'prefix'\n";
const TOLD: &str = "Command not allowed: true never: Command does not match any whitelist prefix (prefix match mode). \
                    Allowed prefixes: uptime, echo; it is not on the list";

/// A call that the command policy refuses, in Pabawi's words.
fn refused(site: &Site, words: &[&str], told: &str) {
    let ran = site.pab("root", words).exits(4);
    assert!(ran.err().contains(told), "{told:?} is missing: {ran}");
}

/// R6.6, R12.2: no command of `pab` gets past the list, also not for administrators.
#[test]
fn no_command_gets_past_the_list() {
    let site = Site::new("");
    site.0.write("policy.yaml", POLICY);
    site.0.write("probe.sh", "#!/bin/sh\necho x\n");
    let graph = |command: &str| {
        let text = format!(
            "name: g\ntasks: [{{name: a, targets: web01, action: {{type: command, command: '{command}'}}}}]\n"
        );
        site.0.write("graph.yaml", text).to_str().unwrap().to_owned()
    };
    // What was run, planned and begun before there was a list.
    let before = site.run("root", "true never", "web01");
    let plan = site.pab("root", &["plan", "run", "true never", "-t", "web01", "--quiet"]).succeeds().out();
    let connected = site.connections();
    for guard in [LIST.to_owned(), format!("{BY_POLICY}{LIST}")] {
        site.configure(&guard);
        let (probe, nodes) = (site.file("probe.sh"), site.file("nodes.yaml"));
        for (words, told) in [
            (&["run", "true never", "-t", "web01"][..], TOLD),
            (&["ssh", "run", "true never", "-t", "web01"], TOLD),
            (&["run", "echo x; true never", "-t", "web01"], "it holds ';', which means something to a shell"),
            (&["run", "echo x", "-t", "web01", "--env", "PATH=/tmp"], "Environment not allowed: PATH"),
            (&["run", "-t", "web01", "--", "-rf"], "it begins with -"),
            (&["script", &probe, "-t", "web01"], "Script not allowed: probe.sh"),
            (&["copy", "up", &nodes, "/tmp/never", "-t", "web01"], "Upload not allowed: "),
            (&["run", "echo x", "-t", "@front", "--waves", "1", "--health-check", "true never"], TOLD),
            (&["executions", "rerun", &before, "--all"], TOLD),
            (&["apply", plan.trim()], TOLD),
        ] {
            refused(&site, words, told);
        }
        let shown = site.pab("root", &["plan", "run", "true never", "-t", "web01", "--format", "json"]);
        let shown = shown.succeeds().json();
        assert!(shown["denied"].as_str().unwrap().starts_with("Command not allowed: true never"), "{shown}");
        refused(&site, &["graph", "run", &graph("true never")], &format!("tasks[0].action.command: {TOLD}"));
    }
    assert_eq!(site.connections(), connected, "nothing was connected");
    site.run("root", "echo x", "web01");
    let ran = site.pab("root", &["graph", "run", &graph("echo x"), "--format", "json"]).succeeds().json();
    assert_eq!(ran["status"], "completed", "{ran}");
    // A refusal is a denial in the journal of its nodes.
    let denied = site.list("root", &["journal", "list", "--type", "execution_denied", "--limit", "100"]);
    assert!(texts(&denied, "action").contains(&"true never".to_owned()), "{denied:?}");
    assert!(texts(&denied, "summary").iter().any(|text| text == TOLD), "{denied:?}");
    let graphs = denied.iter().filter(|entry| entry["action"] == "graphs.run");
    let summaries = texts(&graphs.cloned().collect::<Vec<_>>(), "summary");
    assert!(summaries.iter().any(|text| text.contains(TOLD)), "{denied:?}");
    // Who may not do it is told that, whatever the list says.
    site.denied("vera", &["run", "echo x", "-t", "web01"], "command.execute", "no rule allows");
}

/// R6.6: an empty list allows nothing, and all but what a shell would understand is allowed where all is.
#[test]
fn the_list_may_be_empty_or_let_everything_through() {
    let site = Site::new("[command_policy]\n");
    let empty = "No commands are allowed (whitelist is empty and allowAll is disabled)";
    refused(&site, &["run", "true", "-t", "web01"], empty);
    site.configure("[command_policy]\nwhitelist = ['echo']\n");
    refused(&site, &["run", "echo x", "-t", "web01"], "Command not found in whitelist (exact match mode)");
    site.run("root", "echo", "web01");
    site.configure("[command_policy]\nallow_all = true\n");
    site.run("root", "echo whatever", "web01");
    refused(&site, &["run", "echo $HOME", "-t", "web01"], "it holds '$'");
}
