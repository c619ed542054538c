//! Port [`JournalRules`]: what becomes a journal entry.

use crate::journal::JournalMatter;

/// Decides what becomes a journal entry. It is asked for every node of every execution, so it must not wait for anything.
pub trait JournalRules: Send + Sync + 'static {
    /// The type of the entry that it becomes; `None` when it is not journalled.
    fn entry_type(&self, matter: &JournalMatter<'_>) -> Option<String>;
}
