//! The node journal: [`JournalEntry`], what happened to one node in the order of time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{ExecutionId, NodeId};

/// An entry to be written; one per affected node (R11.10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewJournalEntry {
    /// The node.
    pub node: NodeId,
    /// What kind of thing happened: `command_execution`, `host_key_exception`, `note`, ...
    pub event_type: String,
    /// Who tells: a plugin's name, `user`, `system`.
    pub source: String,
    /// The execution it belongs to (R11.11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// When.
    pub at: Timestamp,
    /// Whose doing it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What was done, in one line.
    pub action: String,
    /// How it ended: an outcome's word, `denied`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_status: Option<String>,
    /// One line for a person.
    pub summary: String,
    /// More.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Its number, rising with every entry of the store.
    pub id: u64,
    /// The entry.
    #[serde(flatten)]
    pub entry: NewJournalEntry,
}

/// How much of a plugin's doings is journalled (R11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JournalLevel {
    /// Nothing.
    Off,
    /// What did not succeed.
    Failures,
    /// What changes nodes, and what did not succeed.
    #[default]
    Changes,
    /// Everything.
    All,
}

/// A question about the journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JournalQuery {
    /// Of this node.
    pub node: Option<NodeId>,
    /// Of this execution.
    pub execution_id: Option<ExecutionId>,
    /// Of this type.
    pub event_type: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// At most this many, 1 to 1,000; 50 when absent.
    pub limit: Option<u32>,
    /// From the page before.
    pub cursor: Option<String>,
}
