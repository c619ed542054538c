//! Port [`Plugin`]: a tool such as Bolt, Ansible or PuppetDB. A plugin writes what is special about its
//! tool; queueing, time limits, records and permissions are the engine's.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::action::{Action, ActionKind};
use crate::capability::Capability;
use crate::error::ErrorCode;
use crate::id::{CorrelationId, ExecutionId, NodeId, PluginName};
use crate::journal::Journalling;
use crate::node::Target;
use crate::ports::{FactProvider, InventorySource, Peers, PluginJournal, RunningAction};
use crate::request::Caller;

/// A tool (R6.1).
#[async_trait]
pub trait Plugin: Send + Sync + 'static {
    /// What it is.
    fn metadata(&self) -> PluginMetadata;

    /// JSON Schema of its configuration; the configuration is checked against it before
    /// [`Plugin::initialize`] (R9.8).
    fn config_schema(&self) -> Option<Value> {
        None
    }

    /// What it can do.
    fn capabilities(&self) -> Vec<Capability>;

    /// Is handed the way to the other plugins. Called once, just before [`Plugin::initialize`]; while plugins are getting ready
    /// none of them answers yet.
    fn meet(&self, peers: Arc<dyn Peers>) {
        let _ = peers;
    }

    /// What of its doings becomes a journal entry, and of which type (R11.9). The configuration has the last word.
    fn journalling(&self) -> Journalling {
        Journalling::default()
    }

    /// Is handed the way to the journal of nodes, for events of its own (R11.12). Called once, just before
    /// [`Plugin::initialize`]; the journal takes nothing before all plugins have got ready.
    fn keep_journal(&self, journal: Arc<dyn PluginJournal>) {
        let _ = journal;
    }

    /// Gets ready. Called once before anything else (R6.2).
    ///
    /// # Errors
    /// [`PluginError`]; the other plugins are not affected.
    async fn initialize(&self, config: Value) -> Result<(), PluginError>;

    /// Whether it works now.
    async fn health(&self) -> PluginHealth;

    /// Lets go of what it holds. Called once, after its last run has ended.
    async fn shutdown(&self);

    /// Starts an action on several targets in one run of the tool. What is told per node comes from the
    /// returned runs, one for each target in the same order.
    ///
    /// # Errors
    /// [`PluginError`] when the tool could not be started for any of them.
    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let _ = run;
        Err(self.metadata().cannot("run actions"))
    }

    /// Answers what is no action on nodes: `task.list`, `reports.list`, a look-up. Its parameters have been checked against
    /// the capability's schema and its caller may ask; the answer is checked against the schema of its result.
    ///
    /// # Errors
    /// [`PluginError`].
    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let _ = call;
        Err(self.metadata().cannot("answer calls"))
    }

    /// Which of [`Plugin::run`] and [`Plugin::call`] it has. A plugin whose capability needs what it does not have is refused
    /// when it is registered (R6.4).
    fn methods(&self) -> PluginMethods {
        PluginMethods::default()
    }

    /// Whether such an action can be ended on one node while the tool goes on for the others. Where it cannot,
    /// [`RunningAction::terminate`] is called only when all nodes that are left of the run are to end, and then for each
    /// of them.
    fn ends_single_nodes(&self, action: ActionKind) -> bool {
        let _ = action;
        true
    }

    /// Its inventory, where it has one.
    fn inventory(&self) -> Option<Arc<dyn InventorySource>> {
        None
    }

    /// Its facts, where it has some.
    fn facts(&self) -> Option<Arc<dyn FactProvider>> {
        None
    }
}

/// What is to be run.
#[derive(Debug, Clone)]
pub struct PluginRun {
    /// The execution it belongs to.
    pub execution_id: ExecutionId,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// The action.
    pub action: Arc<Action>,
    /// Where.
    pub targets: Vec<Target>,
}

/// What is to be answered.
#[derive(Debug, Clone)]
pub struct PluginCall {
    /// The capability.
    pub capability: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// Who asks.
    pub caller: Caller,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// The nodes that it is about, where it is about some.
    pub nodes: Vec<NodeId>,
}

/// Which of its optional methods a plugin has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginMethods {
    /// [`Plugin::run`].
    pub run: bool,
    /// [`Plugin::call`].
    pub call: bool,
}

impl Default for PluginMethods {
    /// A tool that runs actions and answers nothing else.
    fn default() -> Self {
        Self { run: true, call: false }
    }
}

/// What a plugin is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginMetadata {
    /// Its name, unique among the plugins.
    pub name: PluginName,
    /// Its version.
    pub version: String,
    /// One line about it.
    pub description: String,
    /// Higher goes first where several can do the same (R6.8).
    pub priority: i32,
    /// Plugins that have to be ready before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<PluginName>,
}

impl PluginMetadata {
    fn cannot(&self, what: &str) -> PluginError {
        PluginError {
            plugin: self.name.clone(),
            code: ErrorCode::Unsupported,
            message: format!("does not {what}"),
            stack: None,
        }
    }
}

/// Whether a plugin works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PluginHealth {
    /// It does.
    Healthy,
    /// Parts of it do.
    Degraded {
        /// Why.
        message: String,
        /// Capabilities that work.
        working: Vec<String>,
        /// Capabilities that do not.
        failing: Vec<String>,
    },
    /// It does not.
    Unhealthy {
        /// Why.
        message: String,
    },
}

/// What a plugin reports as its own failure.
#[derive(Debug, Clone, thiserror::Error)]
#[error("plugin {plugin}: {message}")]
pub struct PluginError {
    /// The plugin.
    pub plugin: PluginName,
    /// The kind of failure.
    pub code: ErrorCode,
    /// The reason.
    pub message: String,
    /// The tool's or language's own stack or diagnostics.
    pub stack: Option<String>,
}
