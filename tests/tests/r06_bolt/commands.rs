//! Bolt from the command line: a plugin that the configuration file names.

use pabawi_tests::Pab;
use serde_json::json;

use crate::rig::Place;

fn pab(place: &Place, words: &[&str]) -> Pab {
    let path = |name: &str| place.path(name).display().to_string();
    let config = format!(
        "[plugins.bolt]\nconfig = {{projectPath = '{}', binDir = '{}', tempDir = '{}', environment = {{STANDIN_LOG = '{}'}}}}\n",
        path("project"),
        path("bin"),
        path("tmp"),
        path("calls")
    );
    place.write("config.toml", &config);
    let pab = Pab::new(&place.path("home")).env("PABAWI_CONFIG", place.path("config.toml"));
    pab.env("PABAWI_DB", place.path("pabawi.db")).args(words)
}

/// R12.3, R12.8: tasks of Bolt by the words that all tools have, and by those of the plugin.
#[test]
fn tasks_of_bolt_are_commands_of_pab() {
    let place = Place::new();
    std::fs::create_dir(place.path("home")).unwrap();
    place.write(
        "project/modules/package/tasks/init.json",
        &json!({"parameters": {"name": {"type": "String"}}}).to_string(),
    );
    let _ = pab(&place, &["config", "check"]).succeeds();
    for words in [
        &["task", "echo", "message=hello", "--plugin", "bolt", "-t", "web1,web2"][..],
        &["bolt", "task", "echo", "message=hello", "-t", "web1,web2"],
    ] {
        let ran = pab(&place, words).succeeds();
        for line in ["web1| hello on web1", "web2| hello on web2"] {
            assert!(ran.out().lines().any(|found| found == line), "{words:?}: {ran}");
        }
    }
    let listed = pab(&place, &["task", "list", "--format", "json"]).succeeds();
    assert!(listed.out().contains("\"package\"") && listed.out().contains("String"), "{listed}");
    let shown = pab(&place, &["bolt", "task", "package", "name=x", "-t", "web1", "--dry-run"]).succeeds();
    assert!(shown.out().contains("package"), "{shown}");
    let failed = pab(&place, &["run", "exit 3", "--transport", "bolt", "-t", "web1,auth1"]).ran();
    assert_ne!(failed.code(), Some(0), "{failed}");
    let help = pab(&place, &["help", "task.execute"]).succeeds().out();
    assert!(help.contains("pab bolt task"), "{help}");
}
