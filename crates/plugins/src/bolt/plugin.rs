//! The plugin itself: [`BoltPlugin`].

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
use super::catalog::Catalog;
use super::command_line::command_line;
use super::document::Form;
use super::facts::BoltFacts;
use super::files::RunFiles;
use super::known::KnownTargets;
use super::plan_report::PlanReport;
use super::program::Program;
use super::report::{Asked, Report};
use super::settings::{Settings, schema};
use super::targets::{Refused, Targets};
use super::work::Work;
use crate::tool::call::blocking;
use crate::tool::private_files::PrivateRoot;
use crate::tool::project_tools::ProjectTools;
use crate::tool::{Ended, ToolParser, ToolRun, follow};

/// The part of Bolt that this crate does not know: its inventories are read elsewhere.
pub trait BoltSources: Send + Sync + 'static {
    /// A source of the nodes of an inventory, which asks these tools where the file alone does not tell.
    fn inventory(&self, at: &InventoryAt, tools: Arc<dyn ToolRunner>) -> Arc<dyn InventorySource>;

    /// The inventory file with more targets at its top level; reads the file.
    ///
    /// # Errors
    /// It cannot be read, or cannot take more.
    fn with_targets(&self, at: &InventoryAt, targets: Vec<Value>) -> Result<Value, String>;
}

/// An inventory of Bolt and how it is asked.
#[derive(Debug, Clone)]
pub struct InventoryAt {
    /// The file.
    pub path: PathBuf,
    /// The program `bolt`.
    pub bolt: PathBuf,
    /// The limit of one run.
    pub timeout: Duration,
    /// Its priority among sources.
    pub priority: i32,
}

/// Runs Bolt.
pub struct BoltPlugin {
    name: PluginName,
    priority: i32,
    tools: Arc<dyn ToolRunner>,
    sources: Arc<dyn BoltSources>,
    ready: OnceLock<Ready>,
}

/// What it has when it is ready.
pub(super) struct Ready {
    pub(super) program: Program,
    pub(super) catalog: Catalog,
    pub(super) inventory: Option<Arc<dyn InventorySource>>,
    pub(super) facts: Option<Arc<dyn FactProvider>>,
    known: Arc<KnownTargets>,
    at: Option<InventoryAt>,
    root: PrivateRoot,
}

/// What a run is made of.
struct Prepared {
    work: Work,
    targets: Targets,
    refused: Vec<Refused>,
    files: RunFiles,
}

impl BoltPlugin {
    /// Its name.
    pub const NAME: &'static str = "bolt";
    /// Its priority, and that of its inventory.
    pub const PRIORITY: i32 = 5;
    /// The priority of its facts: where a node has no Facter, the task knows little more than its system.
    pub const FACTS_PRIORITY: i32 = 45;

    /// The plugin under the name [`BoltPlugin::NAME`].
    pub fn new(name: PluginName, tools: Arc<dyn ToolRunner>, sources: Arc<dyn BoltSources>) -> Self {
        Self { name, priority: Self::PRIORITY, tools, sources, ready: OnceLock::new() }
    }

    /// The same with another priority than [`BoltPlugin::PRIORITY`].
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

    /// Writes what Bolt reads; nothing is started.
    async fn prepare(&self, ready: &Ready, run: &PluginRun) -> Result<Prepared, (ErrorCode, String)> {
        let work = Work::of(&run.action).map_err(|fault| (ErrorCode::Validation, fault.to_string()))?;
        let known = ready.known.now().await;
        let known = known.map_err(|message| {
            (ErrorCode::BadConfig, format!("bolt's inventory cannot be read: {message}"))
        })?;
        let (targets, refused) = Targets::of(&run.targets, &known);
        let (root, at, sources) = (ready.root.clone(), ready.at.clone(), Arc::clone(&self.sources));
        let prepared = blocking(move || {
            let described = targets.described.clone();
            let inventory = match (described.is_empty(), at) {
                (true, _) => None,
                (false, Some(at)) => Some(
                    sources
                        .with_targets(&at, described)
                        .map_err(|message| (ErrorCode::BadConfig, message))?,
                ),
                (false, None) => Some(serde_json::json!({"targets": described})),
            };
            let files = RunFiles::write(&root, &work, &targets.text(), inventory.as_ref());
            let files = files.map_err(|error| (ErrorCode::LocalFile, error.to_string()))?;
            Ok(Prepared { work, targets, refused, files })
        });
        prepared.await?
    }
}

#[async_trait]
impl Plugin for BoltPlugin {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: "Commands, scripts, tasks and plans by Bolt".to_owned(),
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
            bolt: settings.program(),
            timeout: settings.timeout(),
            priority: self.priority,
        });
        let tools: Arc<dyn ToolRunner> = Arc::new(ProjectTools {
            tools: Arc::clone(&self.tools),
            environment: settings.environment.clone(),
            directory: settings.project_path.clone(),
        });
        let inventory = at.as_ref().map(|at| self.sources.inventory(at, Arc::clone(&tools)));
        let program = Program { tools, settings: Arc::new(settings) };
        let known = Arc::new(KnownTargets::new(inventory.clone()));
        let facts = at.as_ref().map(|_| -> Arc<dyn FactProvider> {
            Arc::new(BoltFacts {
                name: self.name.as_str().to_owned(),
                priority: Self::FACTS_PRIORITY,
                program: program.clone(),
                known: Arc::clone(&known),
                root: root.clone(),
            })
        });
        let catalog = Catalog::new(program.clone());
        let ready = Ready { program, catalog, inventory, facts, known, at, root };
        self.ready.set(ready).map_err(|_| self.error(ErrorCode::Internal, "was got ready twice"))
    }

    async fn health(&self) -> PluginHealth {
        match self.ready.get() {
            Some(ready) => ready.program.health().await,
            None => PluginHealth::Unhealthy { message: "is not ready".to_owned() },
        }
    }

    async fn shutdown(&self) {
        // A run holds its files itself, and they go with it.
    }

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let ready = self.ready()?;
        let prepared = match self.prepare(ready, &run).await {
            Ok(prepared) => prepared,
            // What is wrong with a request is no fault of the plugin's.
            Err((code, message)) => {
                let refuse = |target: &pabawi_domain::node::Target| {
                    (target.node.clone(), Ended::refused(&target.node, code, message.clone()))
                };
                return Ok(run.targets.iter().map(refuse).collect());
            }
        };
        let Prepared { work, targets, refused, files } = prepared;
        let mut parts: Vec<(NodeId, Box<dyn RunningAction>)> = Vec::with_capacity(run.targets.len());
        for (node, code, message) in refused {
            let ended = Ended::refused(&node, code, message);
            parts.push((node, ended));
        }
        if targets.names.is_empty() {
            return Ok(parts);
        }
        let tool = command_line(&ready.program.settings, &work, &files);
        let program = tool.program.display().to_string();
        let tool = self.tools.start(tool).await;
        let tool = tool.map_err(|error| self.error(ErrorCode::Unavailable, error.to_string()))?;
        parts.extend(follow(ToolRun {
            plugin: self.name.clone(),
            program,
            tool,
            nodes: targets.names.values().cloned().collect(),
            parser: parser(&run.action, &work, targets),
            kept: Box::new(files),
        }));
        Ok(parts)
    }

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let ready = self.ready()?;
        calls::answer(ready, call).await.map_err(|(code, message)| self.error(code, message))
    }

    /// Bolt works on all nodes together.
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

/// Who understands a run.
fn parser(action: &Action, work: &Work, targets: Targets) -> Box<dyn ToolParser> {
    let process = action.process();
    let asked = Asked {
        directory: process.is_some_and(|process| process.cwd.is_some()),
        user: process.is_some_and(|process| process.run_as.is_some()),
    };
    match work {
        Work::Command(_) | Work::Script(_) => Box::new(Report::new(targets, Form::Printed, asked)),
        Work::Task(..) => Box::new(Report::new(targets, Form::Values, asked)),
        Work::Plan(..) => Box::new(PlanReport::new(targets)),
    }
}
