//! [`EntryRow`]: a journal entry before it reaches a database. JSON and words are made in the caller's task, so that the one
//! writer only moves rows and hashes them.

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, JournalEntry, LinkContent, NewJournalEntry};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use crate::codec;

/// An entry as its columns have it.
#[derive(Debug, Clone)]
pub(crate) struct EntryRow {
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) node: NodeId,
    pub(crate) event_type: String,
    pub(crate) source: String,
    pub(crate) execution_id: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) action: String,
    pub(crate) result_status: Option<String>,
    pub(crate) summary: String,
    pub(crate) details: Option<String>,
    pub(crate) supersedes: Option<String>,
    /// What it is found by.
    pub(crate) words: String,
}

impl EntryRow {
    /// Encodes an entry, within the bounds of the journal.
    pub(crate) fn of(entry: &NewJournalEntry) -> Result<Self, StoreError> {
        let entry = entry.clone().fit();
        let details = match entry.details.is_empty() {
            true => None,
            false => Some(codec::to_json(&entry.details, "details of a journal entry")?),
        };
        Ok(Self {
            words: entry.search_words(),
            id: entry.id.to_string(),
            at: codec::nanos(entry.at),
            node: entry.node,
            event_type: entry.event_type,
            source: entry.source,
            execution_id: entry.execution_id.map(|id| id.to_string()),
            user: entry.user,
            action: entry.action,
            result_status: entry.result_status,
            summary: entry.summary,
            details,
            supersedes: entry.supersedes.map(|id| id.to_string()),
        })
    }

    /// Its hash as that entry of its node, after an entry with that hash.
    pub(crate) fn hash(&self, seq: u64, prev: ContentHash) -> ContentHash {
        LinkContent {
            node: self.node.as_str(),
            seq,
            id: &self.id,
            at: self.at,
            event_type: &self.event_type,
            source: &self.source,
            execution_id: self.execution_id.as_deref(),
            user: self.user.as_deref(),
            action: &self.action,
            result_status: self.result_status.as_deref(),
            summary: &self.summary,
            details: self.details.as_deref(),
            supersedes: self.supersedes.as_deref(),
        }
        .hash(prev)
    }

    /// The entry again, with what stands beside it.
    pub(crate) fn entry(
        self,
        seq: u64,
        hash: Option<ContentHash>,
        superseded: bool,
    ) -> Result<JournalEntry, StoreError> {
        let damaged = |error| StoreError::Corrupt(format!("a journal entry: {error}"));
        let parse = |id: Option<String>| id.map(|id| id.parse::<EntryId>().map_err(damaged)).transpose();
        let execution = self.execution_id.map(|id| id.parse::<ExecutionId>().map_err(damaged)).transpose()?;
        let details =
            self.details.as_deref().map(|json| codec::from_json(json, "details of a journal entry"));
        Ok(JournalEntry {
            entry: NewJournalEntry {
                id: self.id.parse().map_err(damaged)?,
                node: self.node,
                event_type: self.event_type,
                source: self.source,
                execution_id: execution,
                at: codec::timestamp(self.at),
                user: self.user,
                action: self.action,
                result_status: self.result_status,
                summary: self.summary,
                details: details.transpose()?.unwrap_or_default(),
                supersedes: parse(self.supersedes)?,
            },
            seq: Some(seq),
            hash,
            superseded,
            is_live: false,
        })
    }
}
