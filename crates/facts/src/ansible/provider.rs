//! The provider itself: [`AnsibleFacts`].

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{
    Clock, FactProvider, FactProviderError, NodeFacts, ToolCommand, ToolEnd, ToolRunner,
};
use pabawi_domain::request::Caller;
use pabawi_domain::secret::Secret;
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::from_ansible;
use super::output::{ModuleResult, results};

/// What Ansible's module `setup` says of nodes, which have to be in an inventory of Ansible under the same names. One run of
/// `ansible` asks all nodes of a call.
pub struct AnsibleFacts {
    name: String,
    tools: Arc<dyn ToolRunner>,
    clock: Arc<dyn Clock>,
    inventory: PathBuf,
    program: PathBuf,
    forks: u32,
    timeout: Duration,
}

impl AnsibleFacts {
    /// Its name.
    pub const NAME: &'static str = "ansible";
    /// Its priority.
    pub const PRIORITY: i32 = 40;
    /// The most bytes that one run may print; a node takes about 50 KiB.
    const MAX_OUTPUT: usize = 256 * 1024 * 1024;

    /// A provider that runs `ansible` with this inventory: 50 nodes at once, no longer than 10 minutes.
    pub fn new(tools: Arc<dyn ToolRunner>, clock: Arc<dyn Clock>, inventory: impl Into<PathBuf>) -> Self {
        Self {
            name: Self::NAME.to_owned(),
            tools,
            clock,
            inventory: inventory.into(),
            program: "ansible".into(),
            forks: 50,
            timeout: Duration::from_secs(600),
        }
    }

    /// Another name than [`AnsibleFacts::NAME`]: that of the source whose nodes it asks, where there are several.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Another program than the `ansible` on `PATH`.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// How many nodes Ansible asks at once.
    #[must_use]
    pub fn forks(mut self, forks: u32) -> Self {
        self.forks = forks.max(1);
        self
    }

    /// How long one run may take.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Runs `ansible` and hands back what it printed, and what it said beside it.
    async fn run(&self, names: &[&str]) -> Result<(String, String), (ErrorCode, String)> {
        // In a file, since a thousand names are more than one argument may hold.
        let list = names.join("\n");
        let file = tokio::task::spawn_blocking(move || {
            let mut file = NamedTempFile::new()?;
            file.write_all(list.as_bytes())?;
            Ok(file)
        });
        let local = |error: std::io::Error| {
            (ErrorCode::LocalFile, format!("failed to write a list of nodes: {error}"))
        };
        let file: std::io::Result<NamedTempFile> =
            file.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let file = file.map_err(local)?;
        let mut command = ToolCommand::new(
            &self.program,
            [
                "all".to_owned(),
                format!("--inventory={}", self.inventory.display()),
                format!("--limit=@{}", file.path().display()),
                format!("--forks={}", self.forks),
                "--module-name=setup".to_owned(),
            ],
        );
        command.timeout = self.timeout;
        command.max_output_bytes = Self::MAX_OUTPUT;
        for (name, value) in
            [("ANSIBLE_STDOUT_CALLBACK", "minimal"), ("ANSIBLE_NOCOLOR", "1"), ("ANSIBLE_FORCE_COLOR", "0")]
        {
            command.environment.insert(name.to_owned(), Secret::new(value));
        }
        let output =
            self.tools.run(command).await.map_err(|error| (ErrorCode::PluginFault, error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stderr).trim().chars().take(500).collect::<String>();
        match output.end {
            // 2 and 4: some nodes failed or could not be reached.
            ToolEnd::Exited(0 | 2 | 4) => Ok((text(&output.stdout), said)),
            ToolEnd::Exited(code) => {
                Err((ErrorCode::PluginFault, format!("ansible ended with exit status {code}: {said}")))
            }
            ToolEnd::Signalled(signal) => {
                Err((ErrorCode::PluginFault, format!("ansible was ended by SIG{signal}")))
            }
        }
    }
}

#[async_trait]
impl FactProvider for AnsibleFacts {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        Self::PRIORITY
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let failed = |node: &NodeId, code: ErrorCode, message: String| FactProviderError {
            provider: self.name.clone(),
            error: NodeError::new(node.clone(), code, message),
        };
        let names: Vec<&str> = nodes.iter().map(NodeId::as_str).filter(|name| is_plain(name)).collect();
        let ran = if names.is_empty() { Ok(Default::default()) } else { self.run(&names).await };
        let (printed, said) = match ran {
            Ok(printed) => printed,
            Err((code, message)) => {
                return nodes.iter().map(|node| Err(failed(node, code, message.clone()))).collect();
            }
        };
        let mut results = results(&printed);
        let now = self.clock.now();
        let mut answer = |node: &NodeId| match results.remove(node.as_str()) {
            Some(ModuleResult::Returned(mut value)) => {
                match value.get_mut("ansible_facts").map(Value::take) {
                    Some(Value::Object(facts)) => Ok(facts_of(node, facts, now)),
                    _ => Err(failed(node, ErrorCode::PluginFault, "ansible gave no facts".to_owned())),
                }
            }
            Some(ModuleResult::Unreachable(message)) => Err(failed(node, ErrorCode::NoRoute, message)),
            Some(ModuleResult::Failed(message)) => Err(failed(node, ErrorCode::PluginFault, message)),
            None if !is_plain(node.as_str()) => {
                let text =
                    "its name means something else to Ansible, so it cannot be asked about it".to_owned();
                Err(failed(node, ErrorCode::Unsupported, text))
            }
            None => {
                let text = format!("is not in Ansible's inventory {}: {said}", self.inventory.display());
                Err(failed(node, ErrorCode::UnknownTarget, text))
            }
        };
        nodes.iter().map(&mut answer).collect()
    }
}

/// Whether the name is a name in a pattern of Ansible, where `:` joins patterns and `~` begins a regular expression.
fn is_plain(name: &str) -> bool {
    !name.starts_with(['~', '@']) && !name.contains(':')
}

fn facts_of(node: &NodeId, mut facts: Map<String, Value>, gathered_at: jiff::Timestamp) -> NodeFacts {
    // The variables of the login on the node are no facts, and some are secrets.
    facts.remove("ansible_env");
    let named = from_ansible(&facts);
    let raw = Some(Value::Object(facts));
    NodeFacts { node: node.clone(), facts: named, raw, warnings: Vec::new(), gathered_at }
}
