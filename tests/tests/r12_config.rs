//! Requirement 12: the configuration file of `pab`.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use pabawi_tests::{Lab, Pab};
use serde_json::Value;

/// Where a value comes from, by `pab config show`.
fn row(call: Pab, name: &str) -> (String, String) {
    let rows = call.args(["--format", "json"]).succeeds().json();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (text(&row["value"]), row.get("place").map_or_else(|| text(&row["from"]), text))
}

/// R12.2
#[test]
fn options_go_before_the_environment_and_that_before_the_files() {
    let lab = Lab::new(2);
    let file =
        lab.write("config.toml", "[defaults]\ndb = \"of-file.db\"\nformat = 'json'\nconcurrency = 1\n");
    let show = || Pab::new(&lab.path("home")).env("PABAWI_CONFIG", &file).args(["config", "show"]);
    let place = format!("{}:2", file.display());
    assert_eq!(row(show(), "db"), ("of-file.db".to_owned(), place));
    assert_eq!(row(show().env("PABAWI_DB", "/e.db"), "db"), ("/e.db".into(), "PABAWI_DB".into()));
    let both = show().env("PABAWI_DB", "/e.db").args(["--db", "/o.db"]);
    assert_eq!(row(both, "db"), ("/o.db".into(), "--db".into()));
    assert_eq!(row(show(), "port").1, "default");

    // What is shown is what holds: the database, the form, and how many nodes at once.
    let fleet = lab.fleet().ssh_config().to_str().unwrap().to_owned();
    let run = |extra: &[&str]| {
        let call = Pab::new(&lab.path("home")).env("PABAWI_CONFIG", &file);
        call.args(["run", "true", "--ssh-config", &fleet, "--targets", "web[01-02]"]).args(extra)
    };
    assert_eq!(run(&[]).succeeds().json()["nodes"].as_array().unwrap().len(), 2);
    assert!(lab.path("of-file.db").exists());
    assert_eq!(run(&["--format", "ndjson"]).succeeds().events().first().unwrap()["type"], "queued");
    let plan = ["plan", "run", "true", "--targets", "web01", "--ssh-config", &fleet];
    let plan = Pab::new(&lab.path("home")).env("PABAWI_CONFIG", &file).args(plan).succeeds().json();
    assert_eq!(plan["limits"]["concurrency"], 1, "{plan}");
}

/// R12.10
#[test]
fn everything_that_is_wrong_with_a_file_is_told_at_once_and_nothing_is_run() {
    let lab = Lab::new(1);
    let file =
        lab.write("config.toml", "[defaults]\nconcurency = 1\nport = 0\n[plugins.x]\nenabled = 'no'\n");
    let call = |words: &[&str]| lab.pab(words).env("PABAWI_CONFIG", &file);
    for words in [&["config", "check"][..], &["run", "true", "--hosts", "web01"], &["executions", "list"]] {
        let ran = call(words).exits(2);
        for part in
            ["config.toml:2: defaults.concurency: unknown key", ":3: defaults.port", ":5: plugins.x.enabled"]
        {
            assert!(ran.err().contains(part), "{part} is missing: {ran}");
        }
    }
    assert!(!lab.database().exists());
    let _ = call(&["--version"]).succeeds();
    let _ = call(&["--help"]).succeeds();
    let paths = call(&["config", "path"]).succeeds();
    assert!(paths.out().contains("config.toml"), "{paths}");
    let missing = lab.pab(["executions", "list"]).env("PABAWI_CONFIG", lab.path("missing.toml")).exits(2);
    assert!(missing.err().contains("PABAWI_CONFIG") && missing.err().contains("missing.toml"), "{missing}");
}
