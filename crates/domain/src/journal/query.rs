//! [`JournalQuery`]: a question about the journal.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JournalEntry, words};
use crate::id::{ExecutionId, NodeId};

/// A question about the journal. Of a list any one has to fit; an empty list asks for nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
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

impl JournalQuery {
    /// Whether an entry is an answer, of whatever page: what a store finds by its indices.
    pub fn fits(&self, found: &JournalEntry) -> bool {
        let entry = &found.entry;
        let any = |wanted: &[String], has: Option<&str>| {
            wanted.is_empty() || has.is_some_and(|has| wanted.iter().any(|one| one == has))
        };
        let has_words = |text: &String| {
            let (wanted, has) = (words(text), entry.search_words());
            let begins = |word: &String| has.split(' ').any(|one| one.starts_with(word.as_str()));
            !wanted.is_empty() && wanted.iter().all(begins)
        };
        (self.nodes.is_empty() || self.nodes.contains(&entry.node))
            && self.execution_id.is_none_or(|id| entry.execution_id == Some(id))
            && any(&self.event_types, Some(&entry.event_type))
            && any(&self.sources, Some(&entry.source))
            && any(&self.users, entry.user.as_deref())
            && any(&self.statuses, entry.result_status.as_deref())
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.text.as_ref().is_none_or(has_words)
            && (self.superseded || !found.superseded)
    }
}
