//! [`EntryRow`]: a journal entry before it reaches a database. JSON and words are made in the caller's task, so that the one
//! writer only moves rows and hashes them.

use std::sync::Arc;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, JournalEntry, LinkContent, NewJournalEntry};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use crate::codec;

/// An entry as its columns have it. Cloning shares the texts.
#[derive(Debug, Clone)]
pub(crate) struct EntryRow {
    pub(crate) id: Arc<str>,
    pub(crate) at: i64,
    pub(crate) node: NodeId,
    pub(crate) event_type: Arc<str>,
    pub(crate) source: Arc<str>,
    pub(crate) execution_id: Option<Arc<str>>,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) action: Arc<str>,
    pub(crate) result_status: Option<Arc<str>>,
    pub(crate) summary: Arc<str>,
    pub(crate) details: Option<Arc<str>>,
    pub(crate) supersedes: Option<Arc<str>>,
    /// What it is found by.
    pub(crate) words: Arc<str>,
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
            words: entry.search_words().into(),
            id: entry.id.to_string().into(),
            at: codec::nanos(entry.at),
            node: entry.node,
            event_type: entry.event_type.into(),
            source: entry.source.into(),
            execution_id: entry.execution_id.map(|id| id.to_string().into()),
            user: entry.user.map(Arc::from),
            action: entry.action.into(),
            result_status: entry.result_status.map(Arc::from),
            summary: entry.summary.into(),
            details: details.map(Arc::from),
            supersedes: entry.supersedes.map(|id| id.to_string().into()),
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
        let parse = |id: Option<Arc<str>>| id.map(|id| id.parse::<EntryId>().map_err(damaged)).transpose();
        let execution = self.execution_id.map(|id| id.parse::<ExecutionId>().map_err(damaged)).transpose()?;
        let details =
            self.details.as_deref().map(|json| codec::from_json(json, "details of a journal entry"));
        Ok(JournalEntry {
            entry: NewJournalEntry {
                id: self.id.parse().map_err(damaged)?,
                node: self.node,
                event_type: self.event_type.to_string(),
                source: self.source.to_string(),
                execution_id: execution,
                at: codec::timestamp(self.at),
                user: self.user.map(|user| user.to_string()),
                action: self.action.to_string(),
                result_status: self.result_status.map(|status| status.to_string()),
                summary: self.summary.to_string(),
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
