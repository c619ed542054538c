//! Requirement 12: commands that are made of the capabilities of plugins, and the verbs that all tools have in common.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use pabawi_tests::{Pab, lines_of};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A home folder, and a plugin that notes what it is asked for.
struct Rig(TempDir);

impl Rig {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    fn pab(&self, words: &[&str]) -> Pab {
        let call = Pab::program(Path::new(env!("CARGO_BIN_EXE_pab-with-tools")), self.0.path());
        call.env("PABAWI_DB", self.path("pabawi.db")).env("PAB_TOOLS_LOG", self.path("log")).args(words)
    }

    /// What the plugin was asked for since the last time.
    fn noted(&self) -> Vec<Value> {
        let noted = lines_of(&self.path("log"));
        let _ = std::fs::remove_file(self.path("log"));
        noted.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// R12.2, R12.6: the same words for a plugin by its name, by `--plugin`, and by what it can do.
#[test]
fn a_plugin_runs_commands_and_tasks_by_the_words_that_all_have() {
    let rig = Rig::new();
    let said = |ran: &str| format!("web1| noting did {ran}\n");
    for words in [
        &["noting", "run", "uptime -p", "--targets", "web1"][..],
        &["run", "--plugin", "noting", "uptime -p", "--targets", "web1"],
    ] {
        assert_eq!(rig.pab(words).succeeds().out(), said("command"));
        let noted = rig.noted();
        assert_eq!(noted[0]["action"], json!({"type": "command", "command": "uptime -p"}));
        assert_eq!((&noted[0]["plugin"], noted.len()), (&json!("noting"), 1));
    }
    for words in [
        &["noting", "task", "service", "--service", "nginx", "--action", "stop", "--targets", "web1"][..],
        &["task", "service", "service=nginx", "action=stop", "--targets", "web1", "--plugin", "noting"],
        &[
            "task",
            "service",
            "--plugin",
            "noting",
            "--params",
            r#"{"service": "nginx", "action": "stop"}"#,
            "-t",
            "web1",
        ],
    ] {
        assert_eq!(rig.pab(words).succeeds().out(), said("task"));
        let action = &rig.noted()[0]["action"];
        assert_eq!(action["name"], "service");
        assert_eq!(action["parameters"], json!({"service": "nginx", "action": "stop"}));
    }
    let _ =
        rig.pab(&["package", "nginx", "--ensure", "latest", "--plugin", "noting", "-t", "web1"]).succeeds();
    let package = &rig.noted()[0]["action"];
    assert_eq!((&package["type"], &package["parameters"]), (&json!("package"), &json!({"ensure": "latest"})));
    let shown = rig.pab(&["executions", "list", "--format", "json"]).succeeds().json();
    assert_eq!(shown["items"].as_array().unwrap().len(), 6, "each is an execution in the history");
}

/// R6.8, R12.6: one that is not well is passed over, also by a process that has only just begun.
#[test]
fn a_plugin_that_is_not_well_is_passed_over() {
    let rig = Rig::new();
    let run = ["task", "service", "service=nginx", "--targets", "web1"];
    assert_eq!(rig.pab(&run).succeeds().out(), "web1| noting did task\n");
    let ran = rig.pab(&run).env("PAB_TOOLS_UNWELL", "noting").succeeds();
    assert_eq!(ran.out(), "web1| graph did task\n");
    let chosen = rig.pab(&run).args(["--plugin", "noting"]).env("PAB_TOOLS_UNWELL", "noting").succeeds();
    assert_eq!(chosen.out(), "web1| noting did task\n", "who is named is asked");
}

/// R6.8, R12.6: a command goes by a plugin whose priority is above that of the transports, where it is well, no transport is
/// named, and plugins know all that is asked for.
#[test]
fn a_plugin_goes_before_the_transports_by_its_priority() {
    let rig = Rig::new();
    let first = |words: &[&str]| rig.pab(words).env("PAB_TOOLS_PRIORITY", "60");
    let run = ["run", "uptime", "--targets", "web1"];
    let ran = first(&run).succeeds();
    assert_eq!(ran.out(), "web1| noting did command\n");
    let again = first(&["executions", "rerun", "last", "--all"]).env("PAB_TOOLS_PRIORITY", "5").succeeds();
    assert!(again.out().contains("noting did command"), "{again}");
    let way = |pab: Pab| {
        pab.args(["--dry-run", "--format", "json"]).succeeds().json()["targets"][0]["transport"].clone()
    };
    for (pab, expected) in [
        (first(&run), "noting"),
        (first(&run).env("PAB_TOOLS_UNWELL", "noting"), "ssh"),
        (first(&run).args(["--transport", "local"]), "local"),
        (first(&run).args(["--cwd", "/tmp"]), "ssh"),
        (rig.pab(&run), "ssh"),
    ] {
        assert_eq!(way(pab), expected);
    }
}

/// R12.6, R12.8: each type of the schema has an option, and one whose name is taken has another.
#[test]
fn options_of_every_type_become_parameters() {
    let rig = Rig::new();
    let labels = rig.write("labels.json", r#"{"dc": 1}"#);
    let base = ["noting", "task", "x", "-t", "a,b", "--service", "5"];
    let options = [
        "--max-retries",
        "3",
        "--no-force",
        "--param-tag",
        "one",
        "--param-tag",
        "two",
        "--param-timeout",
        "1.5",
    ];
    let _ = rig.pab(&base).args(options).args(["--labels", &format!("@{labels}")]).succeeds();
    let noted = rig.noted();
    assert_eq!(
        noted[0]["action"]["parameters"],
        json!({
            "service": "5", "max_retries": 3, "force": false, "tag": ["one", "two"], "timeout": 1.5, "labels": {"dc": 1},
        })
    );
    assert_eq!(noted[0]["nodes"].as_array().unwrap().len(), 2, "one run of the tool for all nodes");
    // Single options go before all at once, and standard input is a place for these.
    let all = rig.pab(&base).args(["--params", "-"]).stdin(r#"{"service": "no", "more": [1]}"#).succeeds();
    assert!(all.out().contains("noting did task"), "{all}");
    assert_eq!(rig.noted()[0]["action"]["parameters"], json!({"service": "5", "more": [1]}));
}

/// R12.10, R9.3, R9.6: everything that is wrong is told by its option, and nothing was recorded or run.
#[test]
fn what_breaks_the_schema_is_told_by_its_option_before_anything_runs() {
    let rig = Rig::new();
    let options =
        ["--action", "restart", "--max-retries", "two", "--labels", "[]", "--param-tag", r#"["a", 5]"#];
    let ran = rig.pab(&["noting", "task", "x", "-t", "a"]).args(options).exits(2);
    for part in [
        "--service (parameters.service): has to be given",
        "--action (parameters.action): \"restart\" is not one of",
        "--max-retries (parameters.max_retries): \"two\" is not of type",
        "--labels (parameters.labels): [] is not of type \"object\"",
        "--param-tag (parameters.tag[1]): 5 is not of type",
    ] {
        assert!(ran.err().contains(part), "{part} is missing: {ran}");
    }
    let common = rig.pab(&["task", "x", "max_retries=-1", "--plugin", "noting", "-t", "a"]).exits(2);
    assert!(
        common.err().contains("max_retries") && common.err().contains("less than the minimum"),
        "{common}"
    );
    for (words, part) in [
        (&["noting", "task", "x", "service", "-t", "a"][..], "NAME=TEXT"),
        (&["noting", "task", "x", "--params", "[1]", "-t", "a"], "--params: must be a JSON object"),
        (&["noting", "task", "x", "--params", "{", "-t", "a"], "--params: is no JSON"),
        (
            &["noting", "task", "x", "--service", "a", "--plugin", "ssh", "-t", "a"],
            "this is a command of noting",
        ),
        (
            &["task", "x", "--plugin", "nothing", "-t", "a"],
            "there is no plugin nothing; there are: ssh, local",
        ),
        (&["task", "x", "--plugin", "ssh", "-t", "a"], "ssh does not have the capability task.execute"),
        (&["run", "true", "--plugin", "noting", "--transport", "ssh", "-t", "a"], "give one of them"),
        (&["noting", "task", "x", "--service", "a"], "--targets"),
    ] {
        let ran = rig.pab(words).exits(2);
        assert!(ran.err().contains(part), "{part} is missing: {ran}");
    }
    assert!(rig.noted().is_empty() && !rig.path("pabawi.db").exists());
}

/// R12.10: a secret comes from everywhere but the command line, and is shown nowhere.
#[test]
fn a_secret_parameter_is_not_taken_from_the_command_line() {
    let rig = Rig::new();
    let file = rig.write("password", "canary-secret\n");
    let base = ["noting", "task", "x", "--service", "a", "-t", "a", "--format", "json"];
    let at_file = format!("@{file}");
    let of_pointer = format!("/password=@{file}");
    for (extra, variable, stdin) in [
        (&["--password", &at_file][..], "", ""),
        (&["--password", "-"], "", "canary-secret\n"),
        (&["--password-env", "PAB_SECRET"], "canary-secret", ""),
        (&["--password", "env:PAB_SECRET"], "canary-secret", ""),
        (&["--secret-param", &of_pointer], "", ""),
        (&["--params", "-"], "", r#"{"password": "canary-secret"}"#),
    ] {
        let ran = rig.pab(&base).args(extra).env("PAB_SECRET", variable).stdin(stdin).succeeds();
        assert!(!ran.out().contains("canary") && !ran.err().contains("canary"), "{ran}");
        assert_eq!(rig.noted()[0]["action"]["parameters"]["password"], "canary-secret");
        let shown = rig.pab(&["executions", "show", "last", "--format", "json"]).succeeds().out();
        assert!(shown.contains(r#""password": "***""#) && !shown.contains("canary"), "{shown}");
    }
    for extra in [
        &["--password", "canary-secret"][..],
        &["--password=canary-secret"],
        &["password=canary-secret"],
        &["--secret-param", "/password=canary-secret"],
        &["--params", r#"{"password": "canary-secret"}"#],
    ] {
        let ran = rig.pab(&base).args(extra).exits(2);
        assert!(ran.err().contains("secret") && !ran.err().contains("canary"), "{ran}");
    }
    assert!(rig.noted().is_empty());
}

/// R12.2: a dry run shows what would be done and does nothing; what is dangerous wants a yes.
#[test]
fn a_dry_run_shows_and_danger_wants_a_yes() {
    let rig = Rig::new();
    let file = rig.write("password", "canary-secret\n");
    let task = ["noting", "task", "x", "--service", "nginx", "-t", "web[1-3]", "--dry-run"];
    let shown = rig.pab(&task).args(["--password", &format!("@{file}")]).succeeds();
    for part in ["task x", "web[1-3]", "noting", "service = \"nginx\"", "password = \"***\""] {
        assert!(shown.out().contains(part), "{part} is missing: {shown}");
    }
    assert!(rig.noted().is_empty());
    assert!(rig.pab(&["executions", "list"]).succeeds().out().is_empty());
    let playbook = ["noting", "playbook", "site.yml", "-t", "a"];
    let refused = rig.pab(&playbook).exits(2);
    assert!(refused.err().contains("--yes: playbook site.yml is dangerous (risk admin)"), "{refused}");
    let _ = rig.pab(&playbook).args(["--dry-run"]).succeeds();
    assert!(rig.noted().is_empty());
    let _ = rig.pab(&playbook).args(["--yes"]).succeeds();
    assert_eq!(rig.noted().len(), 1);
}

/// R12.8: a plugin with the name of a command of `pab` does not take that command's place.
#[test]
fn a_plugin_that_is_called_like_a_command_is_reached_by_its_option() {
    let rig = Rig::new();
    let listed = rig.pab(&["graph", "list"]).succeeds();
    assert!(listed.err().contains("no graph runs"), "{listed}");
    let refused = rig.pab(&["graph", "task", "x"]).exits(2);
    assert!(
        refused.err().contains("graph is a command of pab") && refused.err().contains("--plugin graph"),
        "{refused}"
    );
    let _ = rig.pab(&["task", "x", "service=a", "--plugin", "graph", "-t", "a"]).succeeds();
    assert_eq!(rig.noted()[0]["plugin"], "graph");
}

/// R12.9: help is made of the capabilities.
#[test]
fn help_tells_what_the_schemas_say() {
    let rig = Rig::new();
    let help = rig.pab(&["--help"]).succeeds().out();
    assert!(help.contains("noting") && help.contains("Notes what it is asked for"), "{help}");
    let help = rig.pab(&["noting", "--help"]).succeeds().out();
    for word in ["run", "task", "playbook", "package"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(word)), "{word}: {help}");
    }
    let help = rig.pab(&["noting", "task", "--help"]).succeeds().out();
    for part in [
        "Notes a task.execute",
        "--service <TEXT>",
        "Which service [required]",
        "[default: start]",
        "[possible values: start, stop]",
        "--max-retries <N>",
        "--no-force",
        "--password [<@FILE|->]",
        "--param-timeout <NUMBER>",
        "--targets",
    ] {
        assert!(help.contains(part), "{part} is missing: {help}");
    }
    let pages = rig.path("man");
    let _ = rig.pab(&["man", "--dir", pages.to_str().unwrap()]).succeeds();
    let page = std::fs::read_to_string(pages.join("pab-noting-task.1")).unwrap();
    assert!(page.contains("max\\-retries"), "{page}");
}

/// R12.9: all there is to know of a capability, and the help of commands, also of plugins.
#[test]
fn a_capability_has_a_manual() {
    let rig = Rig::new();
    let text = rig.pab(&["help", "task.execute"]).succeeds().out();
    for part in [
        "pab task",
        "pab noting task",
        "noting (priority 5)",
        "risk         execute",
        "permissions  task.execute",
        "--max-retries",
        "Which service",
        "(start, stop)",
        "Of the service (secret)",
        "pab noting task TASK --service TEXT --targets",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let built_in = rig.pab(&["help", "command.execute"]).succeeds().out();
    assert!(built_in.contains("ssh (priority 50)") && built_in.contains("pab ssh run"), "{built_in}");
    let unknown = rig.pab(&["help", "no.such"]).exits(2);
    assert!(unknown.err().contains("there are: command.execute"), "{unknown}");
    for words in [&["help", "noting", "task"][..], &["help", "executions", "list"], &["help"]] {
        assert!(rig.pab(words).succeeds().out().contains("Usage: pab"), "{words:?}");
    }
    let unknown = rig.pab(&["help", "nothing"]).exits(2);
    assert!(unknown.err().contains("no command"), "{unknown}");
    assert!(!rig.path("pabawi.db").exists());
}

/// R12.1, R12.3, R12.4, R12.5, R12.7: nodes, facts, events and look-ups of a plugin by its name, by `--plugin`, and of all.
#[test]
fn what_plugins_answer_is_asked_by_the_words_that_all_have() {
    let rig = Rig::new();
    for (words, capability, parameters, nodes) in [
        (&["noting", "inventory"][..], "inventory.list", json!({}), json!([])),
        (&["inventory", "list", "--plugin", "noting"], "inventory.list", json!({}), json!([])),
        (&["noting", "facts", "web1"], "facts.get", json!({}), json!(["web1"])),
        (&["facts", "show", "web1", "--plugin", "noting"], "facts.get", json!({}), json!(["web1"])),
        (
            &["noting", "events", "--since", "1h", "--status", "success", "-t", "web[1-2]"],
            "events.list",
            json!({"since": "1h", "status": ["success"]}),
            json!(["web1", "web2"]),
        ),
        (
            &["events", "list", "--node", "web1", "--since", "1h", "--plugin", "noting"],
            "events.list",
            json!({"since": "1h"}),
            json!(["web1"]),
        ),
        (&["noting", "query", "nodes {}"], "query.run", json!({"pql": "nodes {}"}), json!([])),
        (&["noting", "query", "--pql", "nodes {}"], "query.run", json!({"pql": "nodes {}"}), json!([])),
        (&["noting", "task", "list"], "task.list", json!({}), json!([])),
        (&["noting", "task", "show", "a::b"], "task.show", json!({"name": "a::b"}), json!([])),
        (&["task", "show", "a::b", "--plugin", "noting"], "task.show", json!({"name": "a::b"}), json!([])),
        (&["noting", "vm", "list"], "vm.list", json!({}), json!([])),
    ] {
        let _ = rig.pab(words).succeeds();
        let asked: Vec<Value> = rig.noted();
        // Where nodes are meant, the plugins tell first which there are.
        let asked = asked.last().unwrap_or_else(|| panic!("{words:?}: nothing was asked"));
        assert_eq!(
            (&asked["capability"], &asked["parameters"]),
            (&json!(capability), &parameters),
            "{words:?}"
        );
        assert_eq!(asked["nodes"], nodes, "{words:?}");
        assert_eq!(asked["plugin"], "noting");
    }
    // Lists are those of all plugins that have some.
    let all = rig.pab(&["task", "list", "--format", "json"]).succeeds().json();
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["noting::restart", "graph::restart"]);
    let table = rig.pab(&["task", "list"]).succeeds().out();
    assert!(table.starts_with("PLUGIN") && table.contains("noting::restart"), "{table}");
    let _ = rig.noted();

    // The nodes of plugins are nodes of the inventory, too.
    let know = |words: &[&str]| rig.pab(words).env("PAB_TOOLS_NODES", "web[1-2]");
    let nodes = know(&["inventory", "list", "--format", "json"]).succeeds().json();
    assert_eq!(nodes.as_array().unwrap().len(), 2, "{nodes}");
    let expanded = know(&["targets", "expand", "web*"]).succeeds().out();
    assert_eq!(expanded, "web1\nweb2\n");
    let unknown = know(&["noting", "facts", "web9"]).exits(2);
    assert!(unknown.err().contains("web9"), "{unknown}");
}

/// R12.3, R12.10: what is wrong with a question is told before it is asked; what is beside the rows is told beside them.
#[test]
fn a_question_is_checked_and_its_answer_shown() {
    let rig = Rig::new();
    let bad = rig.pab(&["noting", "events", "--status", "broken", "--limit", "many"]).exits(2);
    for part in ["--status (parameters.status[0])", "--limit (parameters.limit)"] {
        assert!(bad.err().contains(part), "{part} is missing: {bad}");
    }
    let missing = rig.pab(&["noting", "query"]).exits(2);
    assert!(missing.err().contains("PQL (parameters.pql): has to be given"), "{missing}");
    let unknown = rig.pab(&["task", "show", "x", "--plugin", "ssh"]).exits(2);
    assert!(unknown.err().contains("ssh does not have the capability task.show"), "{unknown}");
    assert!(rig.noted().is_empty());
    let shown = rig.pab(&["noting", "events"]).succeeds();
    assert!(shown.out().contains("web1  success"), "{shown}");
    for part in ["warning: one is odd", "more with --cursor c2"] {
        assert!(shown.err().contains(part), "{part} is missing: {shown}");
    }
    let yaml = rig.pab(&["--format", "yaml", "noting", "events"]).succeeds().out();
    assert!(yaml.contains("nextCursor: c2"), "{yaml}");
    let rows = rig.pab(&["noting", "events", "--format", "ndjson"]).succeeds().events();
    assert_eq!(rows, [json!({"node": "web1", "status": "success"})]);
    let _ = rig.noted();
    let debug = rig.pab(&["--debug", "noting", "vm", "list"]).succeeds();
    let id = rig.noted()[0]["correlationId"].as_str().unwrap().to_owned();
    assert!(debug.err().contains(&format!("correlation id {id}")), "{debug}");
}

/// R12.8, R6.6: an extension is dangerous by its own word, and a missing permission is told in one sentence.
#[test]
fn danger_and_missing_permissions_are_told() {
    let rig = Rig::new();
    let refused = rig.pab(&["noting", "destroy", "vm1"]).exits(2);
    assert!(refused.err().contains("--yes: vm.destroy of noting is dangerous (risk admin)"), "{refused}");
    let dry = rig.pab(&["noting", "vm", "destroy", "vm1", "--dry-run"]).succeeds();
    assert!(dry.out().contains("vm = \"vm1\""), "{dry}");
    assert!(rig.noted().is_empty());
    let _ = rig.pab(&["noting", "destroy", "vm1", "-y"]).succeeds();
    assert_eq!(rig.noted()[0]["parameters"], json!({"vm": "vm1"}));
    for (words, capability) in [
        (&["noting", "run", "true", "-t", "web1"][..], "command.execute"),
        (&["run", "true", "-t", "web1"], "command.execute"),
        (&["noting", "task", "x", "--service", "a", "-t", "web1"], "task.execute"),
        (&["noting", "query", "nodes {}"], "query.run"),
        (&["noting", "destroy", "vm1", "-y"], "vm.destroy"),
    ] {
        let denied = rig.pab(words).env("PAB_TOOLS_DENY", capability).exits(4);
        let said = format!("✗ Permission denied: You lack the '{capability}' capability.\n");
        assert!(denied.err().starts_with(&said) && denied.err().contains("your role is reader"), "{denied}");
    }
    let denied = rig.noted();
    let asked = denied.iter().filter(|one| one["capability"] != "inventory.list").count();
    assert_eq!(asked, 0, "{denied:?}");
}

/// R12.6, R9.6: a secret parameter is not stored, so that a rerun is given it again, in the same ways.
#[test]
fn a_rerun_is_given_the_secret_parameters_again() {
    let rig = Rig::new();
    let file = rig.write("password", "canary-secret\n");
    let at_file = format!("@{file}");
    let first = ["noting", "task", "x", "--service", "a", "-t", "web1", "--password", &at_file];
    let _ = rig.pab(&first).succeeds();
    let _ = rig.noted();
    let rerun = ["executions", "rerun", "last", "--all"];
    let refused = rig.pab(&rerun).exits(2);
    assert!(refused.err().contains("--secret-param /password (action.parameters.password)"), "{refused}");
    let typed = rig.pab(&rerun).args(["--secret-param", "/password=canary-secret"]).exits(2);
    assert!(!typed.err().contains("canary"), "{typed}");
    let again = rig.pab(&rerun).args(["--secret-param", &format!("/password={at_file}")]).succeeds();
    assert!(again.out().contains("noting did task"), "{again}");
    assert_eq!(rig.noted()[0]["action"]["parameters"]["password"], "canary-secret");
    // The breakers of a run are there for a rerun too.
    let groups =
        ["executions", "rerun", "last", "--all", "--group-breaker", "2", "--secret-param", "/password=@"];
    let refused = rig.pab(&groups[..6]).args(["--secret-param", &format!("/password={at_file}")]).exits(2);
    assert!(refused.err().contains("--group-breaker: there are no groups"), "{refused}");
}

/// R12.2: on a terminal a person is asked before something is done to all nodes; scripts are not.
#[test]
fn a_person_is_asked_before_all_nodes_are_touched() {
    let rig = Rig::new();
    let line = "pab run --plugin noting true --hosts web1,web2 --targets all";
    let program = env!("CARGO_BIN_EXE_pab-with-tools");
    let call = |answer: &str, yes: &str| {
        let typed = format!("{}{yes}", line.replacen("pab", program, 1));
        let code = format!("printf '{answer}\\n' | script -qec '{typed}' /dev/null");
        Pab::shell(&rig.path(""), &code)
            .env("PABAWI_DB", rig.path("pabawi.db"))
            .env("PAB_TOOLS_LOG", rig.path("log"))
    };
    let no = call("n", "").exits(130);
    assert!(no.out().contains("command true on all nodes? [y/N]"), "{no}");
    assert!(no.out().contains("not confirmed; nothing was started") && rig.noted().is_empty(), "{no}");
    let yes = call("y", "").succeeds();
    assert!(yes.out().contains("noting did command"), "{yes}");
    assert_eq!(rig.noted().len(), 1);
    let unasked = call("n", " --yes").succeeds();
    assert!(!unasked.out().contains("[y/N]"), "{unasked}");
    assert_eq!(rig.noted().len(), 1);
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    let script = rig.pab(&words).args(["--format", "human"]).succeeds();
    assert!(!script.err().contains("[y/N]"), "{script}");
    assert_eq!(rig.noted().len(), 1);
}

/// R12.10: a secret is asked for on the terminal, and what is typed is not shown.
#[test]
fn a_secret_is_asked_for_on_the_terminal_and_not_shown() {
    let rig = Rig::new();
    let line = format!("{} noting task x --service a -t a --password", env!("CARGO_BIN_EXE_pab-with-tools"));
    // The answer is typed when the question stands there: the terminal is silent from before it on.
    let code = r#"
        mkfifo keys
        script -qefc "$0; stty -a" seen < keys > shown &
        exec 3> keys
        for _ in $(seq 300); do grep -q 'Value of --password: ' shown && break; sleep 0.1; done
        printf 'canary-secret\n' >&3
        for _ in $(seq 300); do grep -q 'noting did task' shown && break; sleep 0.1; done
        exec 3>&-
        wait $!
        cat shown
    "#;
    let ran = Pab::shell(&rig.path(""), &format!("cd \"$HOME\"; {code}"))
        .args([line])
        .env("PABAWI_DB", rig.path("pabawi.db"))
        .env("PAB_TOOLS_LOG", rig.path("log"))
        .succeeds();
    assert!(ran.out().contains("Value of --password: ") && ran.out().contains("noting did task"), "{ran}");
    assert!(!ran.out().contains("canary") && !ran.err().contains("canary"), "{ran}");
    assert!(
        ran.out().contains(" echo ") && ran.out().contains(" icanon"),
        "the terminal is as before: {ran}"
    );
    assert_eq!(rig.noted()[0]["action"]["parameters"]["password"], "canary-secret");
}
