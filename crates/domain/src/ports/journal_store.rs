//! Port [`JournalStore`]: the stored part of the node journal.

use async_trait::async_trait;

use crate::journal::{JournalEntry, JournalQuery, NewJournalEntry};
use crate::ports::StoreError;
use crate::record::Page;

/// Remembers journal entries. Entries are added and read, never changed.
#[async_trait]
pub trait JournalStore: Send + Sync + 'static {
    /// Writes the entries, whole or not at all.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written.
    async fn append_journal(&self, entries: &[NewJournalEntry]) -> Result<(), StoreError>;

    /// Entries, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn journal(&self, query: &JournalQuery) -> Result<Page<JournalEntry>, StoreError>;
}
