//! The node journal in memory: [`Entries`], and the port [`JournalStore`] of [`MemoryStore`].

use std::collections::HashSet;

use async_trait::async_trait;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{
    CHAIN_START, ChainHead, ChainWalk, EntryId, JournalEntry, JournalQuery, JournalVerification, LinkContent,
    NewJournalEntry, StoredLink,
};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::{JournalStore, StoreError};
use pabawi_domain::record::Page;

use crate::memory_store::{MemoryStore, page};

/// Entries in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Entries(Vec<JournalEntry>);

impl Entries {
    pub(crate) fn all(&self) -> &[JournalEntry] {
        &self.0
    }

    /// Writes an entry unless it is known.
    pub(crate) fn add(&mut self, entry: &NewJournalEntry) {
        if self.get(entry.id).is_some() {
            return;
        }
        let entry = entry.clone().fit();
        let last = self.0.iter().rev().find(|other| other.entry.node == entry.node);
        let seq = last.and_then(|last| last.seq).unwrap_or(0) + 1;
        let prev = last.and_then(|last| last.hash).unwrap_or(CHAIN_START);
        let hash = Some(hash(&entry, seq, prev));
        if let Some(old) = entry.supersedes.and_then(|id| self.0.iter_mut().find(|old| old.entry.id == id)) {
            old.superseded = true;
        }
        self.0.push(JournalEntry { entry, seq: Some(seq), hash, superseded: false, is_live: false });
    }

    fn get(&self, id: EntryId) -> Option<&JournalEntry> {
        self.0.iter().find(|other| other.entry.id == id)
    }

    fn append(&mut self, entries: &[NewJournalEntry]) -> Result<(), StoreError> {
        let good = |entry: &NewJournalEntry| {
            entry.supersedes.is_none_or(|old| {
                self.get(entry.id).is_some()
                    || self.get(old).is_some_and(|old| !old.superseded && old.entry.node == entry.node)
            })
        };
        if !entries.iter().all(good) {
            return Err(StoreError::Superseded);
        }
        entries.iter().for_each(|entry| self.add(entry));
        Ok(())
    }

    fn versions(&self, id: EntryId) -> Vec<JournalEntry> {
        let Some(mut first) = self.get(id) else { return Vec::new() };
        while let Some(before) = first.entry.supersedes.and_then(|before| self.get(before)) {
            first = before;
        }
        let mut versions = vec![first.clone()];
        while let Some(next) = versions
            .last()
            .and_then(|last| self.0.iter().find(|other| other.entry.supersedes == Some(last.entry.id)))
        {
            versions.push(next.clone());
        }
        versions
    }

    fn verify(&self, node: Option<&NodeId>) -> JournalVerification {
        let mut told = JournalVerification::default();
        let nodes: HashSet<&NodeId> = self.0.iter().map(|one| &one.entry.node).collect();
        for one in nodes.into_iter().filter(|one| node.is_none_or(|node| node == *one)) {
            let own: Vec<&JournalEntry> = self.0.iter().filter(|entry| entry.entry.node == *one).collect();
            let head = own
                .last()
                .and_then(|last| Some(ChainHead { seq: last.seq?, hash: last.hash?, unchained: 0 }));
            let mut walk = ChainWalk::new(one.as_str(), head, &[], &mut told);
            let mut prev = CHAIN_START;
            for entry in own {
                let seq = entry.seq.unwrap_or(0);
                let computed = hash(&entry.entry, seq, prev);
                let id = entry.entry.id.to_string();
                walk.step(&StoredLink { seq, id, prev: Some(prev), hash: entry.hash, computed }, &mut told);
                prev = entry.hash.unwrap_or(CHAIN_START);
            }
            walk.end(&mut told);
            if node.is_some() {
                told.head = head;
            }
        }
        told
    }
}

fn hash(entry: &NewJournalEntry, seq: u64, prev: ContentHash) -> ContentHash {
    let (id, execution) = (entry.id.to_string(), entry.execution_id.map(|id| id.to_string()));
    let details = serde_json::to_string(&entry.details).unwrap_or_default();
    LinkContent {
        node: entry.node.as_str(),
        seq,
        id: &id,
        at: i64::try_from(entry.at.as_nanosecond()).unwrap_or(i64::MAX),
        event_type: &entry.event_type,
        source: &entry.source,
        execution_id: execution.as_deref(),
        user: entry.user.as_deref(),
        action: &entry.action,
        result_status: entry.result_status.as_deref(),
        summary: &entry.summary,
        details: Some(&details),
        supersedes: entry.supersedes.map(|id| id.to_string()).as_deref(),
    }
    .hash(prev)
}

#[async_trait]
impl JournalStore for MemoryStore {
    async fn append_journal(&self, entries: &[NewJournalEntry]) -> Result<(), StoreError> {
        self.with_journal(|journal| journal.append(entries))?
    }

    async fn journal(&self, query: &JournalQuery) -> Result<Page<JournalEntry>, StoreError> {
        let mut found: Vec<JournalEntry> = self.with_journal(|journal| {
            journal.0.iter().rev().filter(|one| query.fits(one)).cloned().collect()
        })?;
        // What was written later comes first among those of the same time.
        found.sort_by_key(|one| std::cmp::Reverse(one.entry.at));
        page(found, |one| one.entry.id.to_string(), query.limit, 50, query.cursor.as_deref())
    }

    async fn journal_versions(&self, id: EntryId) -> Result<Vec<JournalEntry>, StoreError> {
        self.with_journal(|journal| journal.versions(id))
    }

    async fn journalled(
        &self,
        node: &NodeId,
        entries: &[EntryId],
        executions: &[ExecutionId],
    ) -> Result<(HashSet<EntryId>, HashSet<ExecutionId>), StoreError> {
        self.with_journal(|journal| {
            let known = entries.iter().copied().filter(|id| journal.get(*id).is_some()).collect();
            let has = |id: &ExecutionId| {
                journal.0.iter().any(|one| one.entry.node == *node && one.entry.execution_id == Some(*id))
            };
            (known, executions.iter().copied().filter(has).collect())
        })
    }

    async fn verify_journal(&self, node: Option<&NodeId>) -> Result<JournalVerification, StoreError> {
        self.with_journal(|journal| journal.verify(node))
    }
}
