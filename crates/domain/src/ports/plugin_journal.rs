//! Port [`PluginJournal`]: a plugin's own entries in the journal of nodes (R11.12).

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{ExecutionId, NodeId, PluginName};
use crate::journal::EntryId;
use crate::ports::PluginError;

/// The journal, for one plugin. Every entry is told by that plugin, whatever it says.
#[async_trait]
pub trait PluginJournal: Send + Sync + 'static {
    /// Writes events, and returns when they are on stable storage. Of an event that the journal does not keep by its
    /// [level](crate::journal::JournalLevel), and of one whose key is known, nothing is written.
    ///
    /// # Errors
    /// [`PluginError`]; then nothing was written. `validation` names the field that is bad.
    async fn write(&self, events: Vec<PluginEvent>) -> Result<Vec<EntryId>, PluginError>;
}

/// Takes what plugins write.
#[async_trait]
pub trait PluginEvents: Send + Sync + 'static {
    /// As [`PluginJournal::write`], of that plugin.
    ///
    /// # Errors
    /// As there.
    async fn record(
        &self,
        plugin: &PluginName,
        events: Vec<PluginEvent>,
    ) -> Result<Vec<EntryId>, PluginError>;
}

/// Something that a plugin tells of a node: to be written, or live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginEvent {
    /// The plugin's own name of it, by which it is told from others: the same key of the same node is the same event.
    #[serde(default, alias = "id", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The node.
    #[serde(alias = "nodeId")]
    pub node: NodeId,
    /// What kind of thing happened: `provision`, `start`, or a word of the plugin's own.
    pub event_type: String,
    /// What was done, in one line.
    pub action: String,
    /// One line for a person.
    pub summary: String,
    /// How it ended. `failed`, `error` and `failure` are failures; so is every other word that an outcome has for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_status: Option<String>,
    /// Whose doing it was.
    #[serde(default, alias = "userId", skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The execution it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// When; now when absent.
    #[serde(default, alias = "timestamp", skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// More.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}
