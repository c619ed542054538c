//! [`ExternalPlugin`]: a program as a plugin.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::Capability;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::journal::Journalling;
use pabawi_domain::ports::{
    FactProvider, InventorySource, Plugin, PluginCall, PluginError, PluginHealth, PluginJournal,
    PluginMetadata, PluginMethods, PluginRun, RunningAction, ToolEnd, ToolRunner,
};
use pabawi_domain::validation::MAX_TIMEOUT_MS;
use serde_json::{Map, Value};
use tokio::sync::RwLock;

use super::description::Description;
use super::error::ExternalError;
use super::hosted;
use super::link::{Link, command, end_of, log_of};
use super::program::Program;
use super::request::{Request, of_call, of_run};
use super::run_events::RunEvents;
use super::run_lines::RunLines;
use super::sources::{ExternalFacts, ExternalInventory};
use super::without_secrets::WithoutSecrets;
use crate::config_secrets::secrets_of;
use crate::tool::{ToolRun, follow};

/// A program as a plugin.
pub struct ExternalPlugin {
    description: Description,
    link: Arc<Link>,
    /// Where its events go, once it was told.
    journal: OnceLock<Arc<dyn PluginJournal>>,
    /// Held for reading by whoever takes events there.
    writing: Arc<RwLock<()>>,
}

impl ExternalPlugin {
    /// Asks a program what it is, which it has to say within 10 s. The path has to be absolute.
    ///
    /// # Errors
    /// [`ExternalError`].
    pub async fn load(
        program: impl Into<PathBuf>,
        tools: Arc<dyn ToolRunner>,
    ) -> Result<Self, ExternalError> {
        let program = Program::new(program.into())?;
        program.check().await?;
        let path = || program.path().to_path_buf();
        let output = tools.run(command(&program, Request::Describe)).await;
        let output = output.map_err(|error| ExternalError::NotAsked { program: path(), error })?;
        let undescribed =
            |reason: String| ExternalError::Undescribed { program: path(), reason, log: log_of(&output) };
        if output.end != ToolEnd::Exited(0) {
            return Err(undescribed(end_of(&output.end)));
        }
        let description = Description::read(&output.stdout).map_err(undescribed)?;
        Ok(Self::of(description, program, tools))
    }

    /// A plugin that is a part of the program that the framework is part of. It is spoken with as with a program: `tools` is given
    /// the word of a request as the only argument and its line as the standard input, and is asked for nothing else.
    ///
    /// `answers` are the words that it answers. What follows from them (`methods`, `hasInventory`, `hasFacts`) must not be in the
    /// description, which is that of `docs/external-plugins.md` otherwise.
    ///
    /// # Errors
    /// [`ExternalError::Description`], with every bad field by its path.
    pub fn hosted(
        description: Value,
        answers: &[&str],
        tools: Arc<dyn ToolRunner>,
    ) -> Result<Self, ExternalError> {
        let description = hosted::described(description, answers).and_then(Description::check);
        let description = description.map_err(ExternalError::Description)?;
        let program = Program::hosted(&description.metadata.name);
        Ok(Self::of(description, program, tools))
    }

    fn of(description: Description, program: Program, tools: Arc<dyn ToolRunner>) -> Self {
        let link = Arc::new(Link::new(description.metadata.name.clone(), program, tools));
        Self { description, link, journal: OnceLock::new(), writing: Arc::default() }
    }

    fn timeout(&self, capability: &str) -> Option<Duration> {
        let found = self.description.capabilities.iter().find(|one| one.name == capability)?;
        found.timeout_ms.map(Duration::from_millis)
    }

    fn nodes(&self) -> ExternalInventory {
        ExternalInventory { link: Arc::clone(&self.link), priority: self.description.metadata.priority }
    }

    fn known(&self) -> ExternalFacts {
        ExternalFacts { link: Arc::clone(&self.link), priority: self.description.metadata.priority }
    }

    fn cannot(&self, what: &str) -> PluginError {
        self.link.error(ErrorCode::Unsupported, format!("does not {what}"), None)
    }
}

#[async_trait]
impl Plugin for ExternalPlugin {
    fn metadata(&self) -> PluginMetadata {
        self.description.metadata.clone()
    }

    fn config_schema(&self) -> Option<Value> {
        self.description.config_schema.clone()
    }

    fn capabilities(&self) -> Vec<Capability> {
        self.description.capabilities.clone()
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: self.description.methods.run, call: self.description.methods.call }
    }

    fn journalling(&self) -> Journalling {
        self.description.journalling.clone()
    }

    fn keep_journal(&self, journal: Arc<dyn PluginJournal>) {
        // It is handed once.
        let _ = self.journal.set(journal);
    }

    async fn initialize(&self, config: Value) -> Result<(), PluginError> {
        let secrets = secrets_of(self.description.config_schema.as_ref(), &config);
        self.link.configure(config, secrets)?;
        if self.description.methods.initialize {
            self.link.ask(Request::Initialize, Map::new(), None).await?;
        }
        Ok(())
    }

    async fn health(&self) -> PluginHealth {
        let asked = if self.description.methods.health {
            self.link.ask(Request::Health, Map::new(), None).await.and_then(|answer| {
                serde_json::from_value(answer).map_err(|error| {
                    self.link.error(ErrorCode::PluginFault, format!("health: result: {error}"), None)
                })
            })
        } else {
            self.link.check().await.map(|()| PluginHealth::Healthy)
        };
        asked.unwrap_or_else(|error| PluginHealth::Unhealthy { message: error.message })
    }

    async fn shutdown(&self) {
        if self.description.methods.shutdown
            && let Err(error) = self.link.ask(Request::Shutdown, Map::new(), None).await
        {
            tracing::warn!(plugin = %error.plugin, reason = %error.message, "plugin did not shut down as it should");
        }
        // What it has told of nodes comes into the journal yet.
        drop(self.writing.write().await);
    }

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        if !self.description.methods.run {
            return Err(self.cannot("run actions"));
        }
        let limit = self.timeout(run.action.kind().capability());
        let limit = limit.unwrap_or(Duration::from_millis(MAX_TIMEOUT_MS));
        // Before the tool starts: nothing of it may wait for an end of this plugin.
        let writing = Arc::clone(&self.writing).read_owned().await;
        let tool = self.link.start(of_run(&run), limit).await?;
        let events = self.journal.get().map(|journal| {
            RunEvents::start(run.execution_id, self.link.secrets().cloned(), Arc::clone(journal), writing)
        });
        let nodes: Vec<NodeId> = run.targets.into_iter().map(|target| target.node).collect();
        let parts = follow(ToolRun {
            plugin: self.link.name().clone(),
            program: self.link.shown(),
            tool,
            parser: Box::new(RunLines::new(nodes.iter().cloned()).events(events)),
            nodes,
            kept: Box::new(()),
        });
        let Some(secrets) = self.link.secrets() else { return Ok(parts) };
        let parts = parts.into_iter().map(|(node, action)| {
            let action = WithoutSecrets { action, secrets: Arc::clone(secrets) };
            (node, Box::new(action) as Box<dyn RunningAction>)
        });
        Ok(parts.collect())
    }

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        // What it lists and knows it is not asked for in a second way.
        match call.capability.as_str() {
            "inventory.list" if self.description.has_inventory => return self.nodes().answer().await,
            "facts.get" if self.description.has_facts => {
                return self.known().answer(&call.caller, &call.nodes).await;
            }
            _ if !self.description.methods.call => return Err(self.cannot("answer calls")),
            _ => {}
        }
        let limit = self.timeout(&call.capability);
        self.link.ask(Request::Call, of_call(call), limit).await
    }

    fn ends_single_nodes(&self, _: ActionKind) -> bool {
        // One process works on all of them.
        false
    }

    fn inventory(&self) -> Option<Arc<dyn InventorySource>> {
        self.description.has_inventory.then(|| Arc::new(self.nodes()) as _)
    }

    fn facts(&self) -> Option<Arc<dyn FactProvider>> {
        self.description.has_facts.then(|| Arc::new(self.known()) as _)
    }
}
