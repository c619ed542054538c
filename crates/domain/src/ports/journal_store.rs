//! Port [`JournalStore`]: the stored part of the node journal.

use std::collections::HashSet;

use async_trait::async_trait;

use crate::id::{ExecutionId, NodeId};
use crate::journal::{EntryId, JournalEntry, JournalQuery, JournalVerification, NewJournalEntry};
use crate::ports::StoreError;
use crate::record::Page;

/// Remembers journal entries. Entries are added and read, never changed; each is bound to the one before it of its node.
#[async_trait]
pub trait JournalStore: Send + Sync + 'static {
    /// Writes the entries, whole or not at all, and returns when they are on stable storage. Those whose id is known are
    /// left as they are.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written. [`StoreError::Superseded`] where an entry is to stand in the place of one
    /// that is not there, or in whose place another one stands.
    async fn append_journal(&self, entries: &[NewJournalEntry]) -> Result<(), StoreError>;

    /// Entries, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::BadCursor`] for a cursor that is not this store's.
    async fn journal(&self, query: &JournalQuery) -> Result<Page<JournalEntry>, StoreError>;

    /// All versions of a note by the id of any of them, the first one first. Empty when there is no such entry; one entry when
    /// nothing ever stood in its place. At most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn journal_versions(&self, id: EntryId) -> Result<Vec<JournalEntry>, StoreError>;

    /// Which of these entries, and of these executions with an entry of that node, are stored.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn journalled(
        &self,
        node: &NodeId,
        entries: &[EntryId],
        executions: &[ExecutionId],
    ) -> Result<(HashSet<EntryId>, HashSet<ExecutionId>), StoreError>;

    /// Looks whether the entries of one node, or of all, are what was written. Reads all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn verify_journal(&self, node: Option<&NodeId>) -> Result<JournalVerification, StoreError>;
}
