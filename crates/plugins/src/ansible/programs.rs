//! Which of Ansible's programs work, and what they say of themselves: [`Programs`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::cut;
use pabawi_domain::ports::{PluginHealth, ToolCommand, ToolEnd, ToolOutput, ToolRunner};
use serde_json::Value;

use super::capabilities::capabilities;
use super::settings::Settings;

/// How long a program may take to tell its version.
const VERSION_LIMIT: Duration = Duration::from_secs(8);
/// How long Ansible may take to tell its settings.
const CONFIG_LIMIT: Duration = Duration::from_secs(20);
/// Programs beside `ansible-playbook`, and what fails without them.
const OTHERS: [(&str, &[&str]); 3] = [
    ("ansible-inventory", &["inventory.list"]),
    ("ansible", &["facts.get"]),
    ("ansible-doc", &["task.list"]),
];

/// Where Ansible looks for plugins of the kinds of ours by its own settings; the environment, by which it learns of ours,
/// would take the place of these.
#[derive(Debug, Clone, Default)]
pub(super) struct PluginPaths {
    pub(super) callbacks: String,
    pub(super) inventories: String,
    /// The inventory plugins that are enabled, where these are not those that always are.
    pub(super) enabled_inventories: Option<String>,
}

/// Ansible's programs.
#[derive(Clone)]
pub(super) struct Programs {
    /// Which work in the project.
    pub(super) tools: Arc<dyn ToolRunner>,
    pub(super) settings: Arc<Settings>,
}

impl Programs {
    /// A call of one of them.
    pub(super) fn command<const N: usize>(&self, program: &str, arguments: [&str; N]) -> ToolCommand {
        ToolCommand::new(self.settings.program(program), arguments)
    }

    /// Runs one to its end.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn answer(&self, tool: ToolCommand) -> Result<ToolOutput, String> {
        let program = tool.program.display().to_string();
        let output = self.tools.run(tool).await.map_err(|error| error.to_string())?;
        if output.end == ToolEnd::Exited(0) {
            return Ok(output);
        }
        let said = cut::message(String::from_utf8_lossy(&output.stderr).trim());
        let how = match &output.end {
            ToolEnd::Exited(code) => format!("exit status {code}"),
            ToolEnd::Signalled(signal) => format!("SIG{signal}"),
        };
        Err(format!("{program} ended with {how}: {said}"))
    }

    async fn version(&self, program: &str) -> Result<String, String> {
        let mut tool = self.command(program, ["--version"]);
        tool.timeout = VERSION_LIMIT;
        tool.max_output_bytes = 64 * 1024;
        Ok(String::from_utf8_lossy(&self.answer(tool).await?.stdout).into_owned())
    }

    /// Whether they work now.
    pub(super) async fn health(&self) -> PluginHealth {
        let [inventory, ansible, doc] = OTHERS.map(|(program, _)| self.version(program));
        let (playbook, inventory, ansible, doc) =
            tokio::join!(self.version("ansible-playbook"), inventory, ansible, doc);
        if let Err(message) = playbook {
            return PluginHealth::Unhealthy { message };
        }
        let mut why = Vec::new();
        let mut failing: Vec<String> = Vec::new();
        for ((_, needed), answer) in OTHERS.iter().zip([inventory, ansible, doc]) {
            if let Err(message) = answer {
                why.push(message);
                failing.extend(needed.iter().map(|name| (*name).to_owned()));
            }
        }
        if why.is_empty() {
            return PluginHealth::Healthy;
        }
        let names = capabilities().into_iter().map(|capability| capability.name);
        let working = names.filter(|name| !failing.contains(name)).collect();
        PluginHealth::Degraded { message: why.join("; "), working, failing }
    }

    /// The Python that runs Ansible, as `--version` tells it.
    ///
    /// # Errors
    /// Why it is not known.
    pub(super) async fn python(&self) -> Result<PathBuf, String> {
        let text = self.version("ansible-playbook").await?;
        let line = text.lines().find(|line| line.trim_start().starts_with("python version"));
        let path = line.and_then(|line| line.rsplit_once('(')?.1.strip_suffix(')'));
        path.map(PathBuf::from).ok_or_else(|| "ansible-playbook --version names no Python".to_owned())
    }

    /// Where Ansible looks for plugins by its own settings.
    ///
    /// # Errors
    /// Why that is not known.
    pub(super) async fn plugin_paths(&self) -> Result<PluginPaths, String> {
        let mut tool = self.command("ansible-config", ["dump", "--only-changed", "--format=json"]);
        tool.timeout = CONFIG_LIMIT;
        let output = self.answer(tool).await?;
        let settings: Vec<Value> =
            serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let list = |name: &str, between: &str| {
            let setting =
                settings.iter().find(|setting| setting.get("name").is_some_and(|found| found == name))?;
            let items: Vec<&str> =
                setting.get("value")?.as_array()?.iter().filter_map(Value::as_str).collect();
            Some(items.join(between))
        };
        Ok(PluginPaths {
            callbacks: list("DEFAULT_CALLBACK_PLUGIN_PATH", ":").unwrap_or_default(),
            inventories: list("DEFAULT_INVENTORY_PLUGIN_PATH", ":").unwrap_or_default(),
            enabled_inventories: list("INVENTORY_ENABLED", ","),
        })
    }
}
