//! Plugins behind the facade: how it is opened and closed.

use pabawi::ssh::SshSettings;
use pabawi::{AllowAll, Framework, FrameworkBuilder};
use pabawi_testkit::scripted::ScriptedPlugin;
use serde_json::Value;

use crate::support::bolt;

/// A framework with a database in that directory.
fn over(directory: &tempfile::TempDir, plugin: &ScriptedPlugin) -> FrameworkBuilder {
    Framework::builder()
        .authorizer(AllowAll)
        .database(directory.path().join("executions.db"))
        .ssh(SshSettings::default())
        .plugin(plugin.clone(), Value::Null)
}

/// R6.7: a framework that cannot be opened lets go of the plugins that it had got ready for it.
#[tokio::test]
async fn what_cannot_be_opened_lets_its_plugins_go() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("executions.db"), "no database, and long enough to be none")
        .unwrap();
    let plugin = bolt();
    let refused = over(&directory, &plugin).open().await;
    assert!(refused.is_err());
    assert_eq!(plugin.calls().first().map(String::as_str), Some("initialize"));
    assert_eq!(plugin.calls().last().map(String::as_str), Some("shutdown"));
}
