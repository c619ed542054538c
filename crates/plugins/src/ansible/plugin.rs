//! The plugin itself: [`AnsiblePlugin`].

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::{Action, ActionKind};
use pabawi_domain::capability::Capability;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::{
    FactProvider, InventorySource, Plugin, PluginCall, PluginError, PluginHealth, PluginMetadata,
    PluginMethods, PluginRun, RunningAction, ToolRunner,
};
use serde_json::Value;

use super::calls;
use super::capabilities::capabilities;
use super::command_line::command_line;
use super::files::RunFiles;
use super::programs::{PluginPaths, Programs};
use super::report::Report;
use super::settings::{Settings, schema};
use super::targets::Hosts;
use super::work::{Book, Work};
use crate::tool::call::blocking;
use crate::tool::private_files::PrivateRoot;
use crate::tool::project_tools::ProjectTools;
use crate::tool::{Ended, ToolRun, follow};

/// The part of Ansible that this crate does not know: its inventories and its facts are read elsewhere.
pub trait AnsibleSources: Send + Sync + 'static {
    /// A source of the nodes of an inventory, which asks these tools.
    fn inventory(&self, at: &InventoryAt, tools: Arc<dyn ToolRunner>) -> Arc<dyn InventorySource>;

    /// A provider of the facts of its nodes, which asks these tools.
    fn facts(&self, at: &InventoryAt, tools: Arc<dyn ToolRunner>) -> Arc<dyn FactProvider>;
}

/// An inventory of Ansible and how it is asked.
#[derive(Debug, Clone)]
pub struct InventoryAt {
    /// A file or directory.
    pub path: PathBuf,
    /// The program `ansible`.
    pub ansible: PathBuf,
    /// The program `ansible-inventory`.
    pub ansible_inventory: PathBuf,
    /// Nodes that are asked at once, where that is said.
    pub forks: Option<u32>,
    /// The limit of one run.
    pub timeout: Duration,
    /// Its priority among sources.
    pub priority: i32,
}

/// Runs Ansible.
pub struct AnsiblePlugin {
    name: PluginName,
    priority: i32,
    tools: Arc<dyn ToolRunner>,
    sources: Arc<dyn AnsibleSources>,
    ready: OnceLock<Ready>,
}

/// What it has when it is ready.
pub(super) struct Ready {
    pub(super) programs: Programs,
    pub(super) inventory: Option<Arc<dyn InventorySource>>,
    pub(super) facts: Option<Arc<dyn FactProvider>>,
    root: PrivateRoot,
    paths: PluginPaths,
}

impl AnsiblePlugin {
    /// Its name.
    pub const NAME: &'static str = "ansible";
    /// Its priority, and that of its inventory.
    pub const PRIORITY: i32 = 5;

    /// The plugin under the name [`AnsiblePlugin::NAME`].
    pub fn new(name: PluginName, tools: Arc<dyn ToolRunner>, sources: Arc<dyn AnsibleSources>) -> Self {
        Self { name, priority: Self::PRIORITY, tools, sources, ready: OnceLock::new() }
    }

    /// The same with another priority than [`AnsiblePlugin::PRIORITY`].
    #[must_use]
    pub fn with_priority(self, priority: i32) -> Self {
        Self { priority, ..self }
    }

    fn error(&self, code: ErrorCode, message: impl Into<String>) -> PluginError {
        PluginError { plugin: self.name.clone(), code, message: message.into(), stack: None }
    }

    fn ready(&self) -> Result<&Ready, PluginError> {
        self.ready.get().ok_or_else(|| self.error(ErrorCode::Unavailable, "is not ready"))
    }
}

#[async_trait]
impl Plugin for AnsiblePlugin {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: "Commands, modules, packages and playbooks by Ansible".to_owned(),
            priority: self.priority,
            depends_on: Vec::new(),
        }
    }

    fn config_schema(&self) -> Option<Value> {
        Some(schema())
    }

    fn capabilities(&self) -> Vec<Capability> {
        capabilities()
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: true, call: true }
    }

    async fn initialize(&self, config: Value) -> Result<(), PluginError> {
        let name = self.name.clone();
        let prepared = blocking(move || {
            let settings = Settings::read(config).map_err(|message| (ErrorCode::BadConfig, message))?;
            let root = PrivateRoot::open(&settings.temp_dir(), name.as_str())
                .map_err(|error| (ErrorCode::LocalFile, format!("config.tempDir: {error}")))?;
            Ok((settings, root))
        });
        let prepared = prepared.await.and_then(|prepared| prepared);
        let (settings, root) = prepared.map_err(|(code, message)| self.error(code, message))?;
        let at = settings.inventory.as_ref().map(|path| InventoryAt {
            path: path.clone(),
            ansible: settings.program("ansible"),
            ansible_inventory: settings.program("ansible-inventory"),
            forks: settings.forks,
            timeout: settings.timeout(),
            priority: self.priority,
        });
        let settings = Arc::new(settings);
        let tools = ProjectTools {
            tools: Arc::clone(&self.tools),
            environment: settings.environment.clone(),
            directory: settings.project_path.clone(),
        };
        let tools: Arc<dyn ToolRunner> = Arc::new(tools);
        let programs = Programs { tools: Arc::clone(&tools), settings };
        let paths = programs.plugin_paths().await.unwrap_or_else(|error| {
            // Whether Ansible works is told by its health.
            let plugin = &self.name;
            tracing::warn!(%plugin, %error, "plugins of Ansible that its settings name are not used");
            PluginPaths::default()
        });
        let ready = Ready {
            inventory: at.as_ref().map(|at| self.sources.inventory(at, Arc::clone(&tools))),
            facts: at.as_ref().map(|at| self.sources.facts(at, Arc::clone(&tools))),
            programs,
            root,
            paths,
        };
        self.ready.set(ready).map_err(|_| self.error(ErrorCode::Internal, "was got ready twice"))
    }

    async fn health(&self) -> PluginHealth {
        match self.ready.get() {
            Some(ready) => ready.programs.health().await,
            None => PluginHealth::Unhealthy { message: "is not ready".to_owned() },
        }
    }

    async fn shutdown(&self) {
        // A run holds its files itself, and they go with it.
    }

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let ready = self.ready()?;
        let settings = &ready.programs.settings;
        let (action, of_work) = (Arc::clone(&run.action), Arc::clone(settings));
        let targets = run.targets;
        let nodes: Vec<NodeId> = targets.iter().map(|target| target.node.clone()).collect();
        let root = ready.root.clone();
        let prepared = blocking(move || {
            let work =
                Work::of(&action, &of_work).map_err(|fault| (ErrorCode::Validation, fault.to_string()))?;
            let (hosts, refused) = Hosts::of(&targets);
            let local = |error: std::io::Error| (ErrorCode::LocalFile, error.to_string());
            let files = RunFiles::write(&root, &work, &hosts).map_err(local)?;
            Ok((work, hosts, refused, files, mark().map_err(local)?))
        });
        let prepared = prepared.await.map_err(|(code, message)| self.error(code, message))?;
        let (work, hosts, refused, files, mark) = match prepared {
            Ok(prepared) => prepared,
            // What is wrong with a request is no fault of the plugin's.
            Err((code, message)) => {
                let refuse = |node: NodeId| {
                    let ended = Ended::refused(&node, code, message.clone());
                    (node, ended)
                };
                return Ok(nodes.into_iter().map(refuse).collect());
            }
        };
        let mut parts: Vec<(NodeId, Box<dyn RunningAction>)> = refused
            .into_iter()
            .map(|(node, code, message)| {
                let ended = Ended::refused(&node, code, message);
                (node, ended)
            })
            .collect();
        if hosts.names.is_empty() {
            return Ok(parts);
        }
        let tool = command_line(settings, &ready.paths, &work, &files, &mark);
        let playbook = match (&work.book, &*run.action) {
            (Book::File(_), Action::Playbook(tool)) => Some(tool.name.clone()),
            _ => None,
        };
        let program = tool.program.display().to_string();
        let tool = self.tools.start(tool).await;
        let tool = tool.map_err(|error| self.error(ErrorCode::Unavailable, error.to_string()))?;
        parts.extend(follow(ToolRun {
            plugin: self.name.clone(),
            program,
            tool,
            nodes: hosts.names.values().cloned().collect(),
            parser: Box::new(Report::new(mark, hosts, playbook)),
            kept: Box::new(files),
        }));
        Ok(parts)
    }

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let ready = self.ready()?;
        calls::answer(ready, call).await.map_err(|(code, message)| self.error(code, message))
    }

    /// Ansible works on all nodes together.
    fn ends_single_nodes(&self, _: ActionKind) -> bool {
        false
    }

    fn inventory(&self) -> Option<Arc<dyn InventorySource>> {
        self.ready.get()?.inventory.clone()
    }

    fn facts(&self) -> Option<Arc<dyn FactProvider>> {
        self.ready.get()?.facts.clone()
    }
}

/// A mark that nobody can guess.
fn mark() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
