//! [`JournalQuery`]: a question about the journal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ExecutionId, NodeId};

/// A question about the journal. Of a list any one has to fit; an empty list asks for nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JournalQuery {
    /// Of these nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeId>,
    /// Of this execution.
    pub execution_id: Option<ExecutionId>,
    /// Of these types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    /// Told by these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Done by these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// That ended so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// With each of these [words](super::words) or one that begins with it, in any order. No character has a meaning of its
    /// own. A text without a word finds nothing.
    pub text: Option<String>,
    /// Also versions of notes in whose place a later one stands.
    pub superseded: bool,
    /// At most this many, 1 to 1,000; 50 when absent.
    pub limit: Option<u32>,
    /// From the page before.
    pub cursor: Option<String>,
}
