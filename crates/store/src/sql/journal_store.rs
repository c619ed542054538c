//! The port [`JournalStore`] of [`Store`].

use std::collections::HashSet;

use async_trait::async_trait;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, JournalEntry, JournalQuery, JournalVerification, NewJournalEntry};
use pabawi_domain::ports::{JournalStore, StoreError};
use pabawi_domain::record::Page;

use super::store::Store;
use super::{journal_list, journal_verify};
use crate::journal_row::EntryRow;

#[async_trait]
impl JournalStore for Store {
    async fn append_journal(&self, entries: &[NewJournalEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries.iter().map(EntryRow::of).collect::<Result<Vec<_>, _>>()?;
        self.writer().journal(rows).await
    }

    async fn journal(&self, query: &JournalQuery) -> Result<Page<JournalEntry>, StoreError> {
        let (pool, place) = self.readers();
        journal_list::page(query, pool, place).await
    }

    async fn journal_versions(&self, id: EntryId) -> Result<Vec<JournalEntry>, StoreError> {
        let (pool, place) = self.readers();
        journal_list::versions(id, pool, place).await
    }

    async fn journalled(
        &self,
        node: &NodeId,
        entries: &[EntryId],
        executions: &[ExecutionId],
    ) -> Result<(HashSet<EntryId>, HashSet<ExecutionId>), StoreError> {
        let (pool, place) = self.readers();
        journal_list::known(node, entries, executions, pool, place).await
    }

    async fn verify_journal(&self, node: Option<&NodeId>) -> Result<JournalVerification, StoreError> {
        let (pool, place) = self.readers();
        journal_verify::verify(node, pool, place).await
    }
}
