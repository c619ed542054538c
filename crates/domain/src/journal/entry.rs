//! [`NewJournalEntry`], what is to be written of one node, and [`JournalEntry`], what is read back.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::entry_id::EntryId;
use crate::cut::cut;
use crate::id::{ExecutionId, NodeId};
use crate::output::ContentHash;

/// Bytes of an action that are kept.
pub const MOST_ACTION: usize = 4 * 1024;
/// Bytes of a summary that are kept: a note of 5,000 characters fits.
pub const MOST_SUMMARY: usize = 20_000;
/// Bytes of details, as JSON, that are kept.
pub const MOST_DETAILS: usize = 64 * 1024;

/// Types of entries. Those of Pabawi have Pabawi's words; a plugin may use words of its own.
pub mod event {
    /// A command or script was run.
    pub const COMMAND: &str = "command_execution";
    /// A task, playbook or plan was run.
    pub const TASK: &str = "task_execution";
    /// The node's Puppet agent was run.
    pub const PUPPET_RUN: &str = "puppet_run";
    /// Software was installed, removed or brought up to date.
    pub const PACKAGE: &str = "package_install";
    /// The machine was made.
    pub const PROVISION: &str = "provision";
    /// The machine was destroyed.
    pub const DESTROY: &str = "destroy";
    /// A person wrote something down.
    pub const NOTE: &str = "note";
    /// Nobody said what it was.
    pub const UNKNOWN: &str = "unknown";
    /// A file or directory was copied to or from the node.
    pub const FILE_TRANSFER: &str = "file_transfer";
    /// Facts were collected.
    pub const FACTS: &str = "facts_collection";
    /// A plugin was called about the node.
    pub const CALL: &str = "plugin_call";
    /// A host key was accepted that no known-hosts file held.
    pub const HOST_KEY: &str = "host_key_exception";
    /// Somebody was not allowed to run something on the node.
    pub const EXECUTION_DENIED: &str = "execution_denied";
    /// Somebody was not allowed to look at something of the node, or to give an order about it.
    pub const ACCESS_DENIED: &str = "access_denied";
    /// Somebody was not allowed to call a plugin about the node.
    pub const CALL_DENIED: &str = "call_denied";
}

/// Whether a word can be the type of an entry.
///
/// # Errors
/// What it has to be.
pub fn check_event_type(word: &str) -> Result<(), String> {
    let good = word.starts_with(|one: char| one.is_ascii_lowercase())
        && word.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_')
        && word.len() <= 64;
    if good {
        return Ok(());
    }
    let text = "must be at most 64 small letters, digits and '_', beginning with a letter, such as provision";
    Err(format!("{:?} {text}", cut(word, 80)))
}

/// An entry to be written; one per affected node (R11.10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewJournalEntry {
    /// Its name. An entry whose name is known already is not written again.
    pub id: EntryId,
    /// The node.
    pub node: NodeId,
    /// What kind of thing happened: see [`event`].
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
    /// What a person reads: one line, or the text of a note. It is text, whatever it looks like.
    pub summary: String,
    /// More.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// The entry in whose place it stands, where it is another version of a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<EntryId>,
}

impl NewJournalEntry {
    /// The same within the bounds of the journal: what is too long is cut and says so. A NUL, which not every database can
    /// keep, becomes U+FFFD.
    #[must_use]
    pub fn fit(mut self) -> Self {
        for text in [
            Some(&mut self.event_type),
            Some(&mut self.source),
            self.user.as_mut(),
            self.result_status.as_mut(),
        ]
        .into_iter()
        .flatten()
        {
            fit(text, MOST_ACTION);
        }
        fit(&mut self.action, MOST_ACTION);
        fit(&mut self.summary, MOST_SUMMARY);
        let bounds = self.details.iter().map(|(name, value)| bound(name.len(), value));
        if bounds.fold(2, usize::saturating_add) <= MOST_DETAILS {
            return self;
        }
        let long = serde_json::to_string(&self.details).map_or(0, |json| json.len());
        if long > MOST_DETAILS {
            self.details = Map::new();
            self.details
                .insert("cut".into(), Value::from(format!("{long} bytes, at most {MOST_DETAILS} are kept")));
        }
        self
    }
}

/// At most so many bytes of JSON are a value and its name of that length: a byte of a text becomes six at worst. It spares most
/// entries being written twice.
fn bound(name: usize, value: &Value) -> usize {
    let own = match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 32,
        Value::String(text) => text.len().saturating_mul(6).saturating_add(2),
        Value::Array(values) => values.iter().map(|value| bound(0, value)).fold(2, usize::saturating_add),
        Value::Object(values) => {
            values.iter().map(|(name, value)| bound(name.len(), value)).fold(2, usize::saturating_add)
        }
    };
    own.saturating_add(name.saturating_mul(6)).saturating_add(4)
}

fn fit(text: &mut String, most: usize) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    if text.len() > most {
        *text = cut(std::mem::take(text), most);
    }
}

/// An entry as it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// The entry.
    #[serde(flatten)]
    pub entry: NewJournalEntry,
    /// Its number among the entries of its node, from 1; absent where it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What binds it to the entry before it; absent where it is not stored, or older than such bonds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<ContentHash>,
    /// Whether a later version stands in its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// Whether a plugin tells it now and nothing of it is stored (R11.14).
    #[serde(default)]
    pub is_live: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_or_cannot_be_kept_is_fitted() {
        let entry = NewJournalEntry {
            id: EntryId::derived(&["x"]),
            node: "web1".parse().unwrap(),
            event_type: event::NOTE.into(),
            source: "user".into(),
            execution_id: None,
            at: Timestamp::UNIX_EPOCH,
            user: Some("a\0b".into()),
            action: "x".repeat(MOST_ACTION + 1),
            result_status: None,
            summary: "<b>\0</b>".into(),
            details: [("big".to_owned(), Value::from("y".repeat(MOST_DETAILS)))].into_iter().collect(),
            supersedes: None,
        };
        let fitted = entry.fit();
        assert_eq!(fitted.user.as_deref(), Some("a\u{fffd}b"));
        assert!(fitted.action.ends_with("bytes in all]"), "{}", fitted.action);
        assert_eq!(fitted.summary, "<b>\u{fffd}</b>");
        assert_eq!(fitted.details.keys().collect::<Vec<_>>(), ["cut"]);
    }
}
