//! Requirement 12: plugins that a configuration file names become commands of `pab`.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;

use pabawi_tests::{Pab, lines_of};
use tempfile::TempDir;

/// A home folder, and a program that is a plugin and notes what it is asked.
struct Rig(TempDir);

/// Answers a task with its parameters, and counts how often it is asked.
const PROGRAM: &str = r#"#!/bin/sh
echo "$1" >> "$(dirname "$0")/asked"
case $1 in
describe)
    printf '%s' '{"name": "lookup", "version": "1.0", "description": "Looks things up", "methods": {"run": true, "call": true},'
    printf '%s' '"capabilities": [{"name": "task.execute", "description": "Tells a word", "risk": "read", "idempotent": true,'
    printf '%s' '"requiredPermissions": [], "parameters": {"type": "object", "required": ["word"], "additionalProperties": false,'
    printf '%s' '"properties": {"word": {"type": "string"}, "times": {"type": "integer"}}}},'
    printf '%s' '{"name": "key.lookup", "description": "Looks up a key", "risk": "read", "requiredPermissions": [],'
    printf '%s\n' '"parameters": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}}]}' ;;
run)
    word=$(sed 's/.*"word":"\([a-z]*\)".*/\1/')
    printf '{"node": "web1", "stdout": "%s\\n", "exited": 0}\n' "$word" ;;
call)
    cat > /dev/null; echo '{"result": {"value": "found"}}' ;;
*)
    cat > /dev/null; echo '{"error": {"code": "unsupported", "message": "knows nothing of it"}}' ;;
esac
"#;

impl Rig {
    fn new(config: &str) -> Self {
        let rig = Self(tempfile::tempdir().unwrap());
        rig.program(PROGRAM);
        std::fs::write(rig.path("config.toml"), config).unwrap();
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Another process writes it, so that none of this one's children holds it open while it is run.
    fn program(&self, text: &str) {
        std::fs::write(self.path("text"), text).unwrap();
        let code = "cp \"$0/text\" \"$0/new\" && chmod 755 \"$0/new\" && mv \"$0/new\" \"$0/lookup\"";
        assert!(Command::new("sh").args(["-c", code]).arg(self.0.path()).status().unwrap().success());
    }

    fn pab(&self, words: &[&str]) -> Pab {
        let call = Pab::new(self.0.path()).env("PABAWI_CONFIG", self.path("config.toml"));
        call.env("PABAWI_DB", self.path("pabawi.db")).args(words)
    }

    fn described(&self) -> usize {
        lines_of(&self.path("asked")).iter().filter(|word| *word == "describe").count()
    }
}

const CONFIG: &str = "[plugins.lookup]\nkind = 'external'\npath = 'lookup'\n";

/// R12.6, R12.8, R6.2: a program that the file names has commands like any other plugin.
#[test]
fn a_program_of_the_file_has_commands() {
    let rig = Rig::new(CONFIG);
    for words in [
        &["lookup", "task", "x", "--word", "hello", "-t", "web1"][..],
        &["task", "x", "word=hello", "--plugin", "lookup", "-t", "web1"],
        &["task", "x", "word=hello", "-t", "web1"],
    ] {
        assert_eq!(rig.pab(words).succeeds().out(), "web1| hello\n", "{words:?}");
    }
    assert!(rig.pab(&["lookup", "lookup", "a.b"]).succeeds().out().contains("value: found"));
    let bad = rig.pab(&["lookup", "task", "x", "--times", "two", "-t", "web1"]).exits(2);
    assert!(bad.err().contains("--times (parameters.times)") && bad.err().contains("--word"), "{bad}");
    let help = rig.pab(&["help", "task.execute"]).succeeds().out();
    assert!(help.contains("pab lookup task") && help.contains("--times"), "{help}");
    let listed = rig.pab(&["plugins", "list"]).succeeds().out();
    assert!(listed.contains("lookup") && listed.contains("ready"), "{listed}");
}

/// R12.9: help does not start the program each time, and a changed program is asked anew.
#[test]
fn what_a_program_says_of_itself_is_kept_until_it_changes() {
    let rig = Rig::new(CONFIG);
    for words in
        [&["lookup", "--help"][..], &["lookup", "task", "--help"], &["help"], &["help", "key.lookup"]]
    {
        let _ = rig.pab(words).succeeds();
    }
    assert_eq!(rig.described(), 1);
    let kept: Vec<PathBuf> = std::fs::read_dir(rig.path(".cache/pabawi/plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(std::fs::metadata(&kept[0]).unwrap().mode() & 0o777, 0o600);
    rig.program(&PROGRAM.replace("Tells a word", "Says a word"));
    assert!(rig.pab(&["lookup", "--help"]).succeeds().out().contains("Says a word"));
    assert_eq!(rig.described(), 2);
    // What others could have written is not believed.
    std::fs::set_permissions(&kept[0], std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let _ = rig.pab(&["lookup", "--help"]).succeeds();
    assert_eq!(rig.described(), 3);
    // Neither is needed for what has nothing to do with it.
    let _ = rig.pab(&["--version"]).succeeds();
    let _ = rig.pab(&["executions", "list"]).succeeds();
    assert_eq!(rig.described(), 3);
    std::fs::write(&kept[0], "{").unwrap();
    let _ = rig.pab(&["lookup", "--help"]).succeeds();
    assert_eq!(rig.described(), 4);
}

/// R12.10, R9.8: what is wrong with a plugin's entry is told with its line, and breaks nothing else.
#[test]
fn a_bad_entry_is_told_with_its_place() {
    for (config, part) in [
        ("[plugins.x]\nkind = 'chef'\n", "config.toml:1: plugins.x: plugin x"),
        ("[plugins.x]\nkind = 'chef'\n", "with one of ansible, bolt, puppetdb, external"),
        ("[plugins.x]\nkind = 'external'\n", "path = has to name the program"),
        ("[plugins.x]\nkind = 'external'\npath = '/no/such/program'\n", "/no/such/program"),
        ("[plugins.x]\nkind = 'external'\npath = 'lookup'\n", "calls itself lookup; write [plugins.lookup]"),
        ("[plugins.lookup]\nkind = 'external'\npath = 'lookup'\npriority = 5\n", "the program says its own"),
        ("[plugins.puppetdb]\nconfig = {url = 5}\n", "plugins.puppetdb.config.url"),
        ("[plugins.puppetdb]\npath = 'x'\n", "has no path"),
    ] {
        let rig = Rig::new(config);
        let checked = rig.pab(&["config", "check"]).exits(2);
        assert!(checked.err().contains(part), "{part} is missing: {checked}");
        let _ = rig.pab(&["executions", "list"]).succeeds();
        let help = rig.pab(&["--help"]).succeeds();
        assert!(help.out().contains("executions"), "{help}");
    }
    let rig = Rig::new(CONFIG);
    assert!(rig.pab(&["config", "check"]).succeeds().err().contains("nothing is wrong"));
}

/// R12.1, R12.3, R12.4, R12.5, R12.7: PuppetDB by the words of its plugin, as far as they go without a server.
#[test]
fn puppetdb_is_asked_by_its_words() {
    let config = "[plugins.puppetdb]\npriority = 20\nconfig = {url = 'http://127.0.0.1:1'}\n";
    let rig = Rig::new(config);
    for (words, parts) in [
        (&["query", "nodes { }"][..], &["query.run", "pql = \"nodes { }\""][..]),
        (
            &["reports", "--status", "failed", "--since", "1h"],
            &["reports.list", "status = [\"failed\"]", "since = \"1h\""],
        ),
        (&["facts", "web1"], &["facts.get", "nodes        web1"]),
        (&["events", "-t", "web1", "--limit", "5"], &["events.list", "limit = 5"]),
        (&["catalog", "show", "web1"], &["catalog.show"]),
        (&["inventory"], &["inventory.list"]),
    ] {
        let words: Vec<&str> = [&["puppetdb"], words, &["--dry-run"]].concat();
        let shown = rig.pab(&words).succeeds();
        for part in parts {
            assert!(shown.out().contains(part), "{words:?}: {part} is missing: {shown}");
        }
    }
    let bad = rig.pab(&["puppetdb", "reports", "--status", "broken"]).exits(2);
    assert!(bad.err().contains("--status (parameters.status[0])"), "{bad}");
    let asked = rig.pab(&["puppetdb", "query", "nodes { }"]).ran();
    assert!(asked.code() == Some(3) && asked.err().contains("puppetdb"), "nobody listens: {asked}");
}
