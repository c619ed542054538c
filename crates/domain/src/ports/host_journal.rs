//! Port [`HostJournal`]: the journal service of the application that the framework is built into.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};

/// The journal service of a host application, as Pabawi has one: it takes entries one at a time, gives each an id and a time of
/// its own, and changes none later.
#[async_trait]
pub trait HostJournal: Send + Sync + 'static {
    /// Takes an entry. It may be told the same one again: after a failure, and after a crash.
    ///
    /// # Errors
    /// [`HostJournalError`].
    async fn record(&self, entry: &HostEntry) -> Result<(), HostJournalError>;
}

/// An entry in the shape that Pabawi's `JournalService.recordEvent` takes. No text of it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostEntry {
    /// The node that it is about.
    pub node_id: String,
    /// Who tells it, and the node.
    pub node_uri: String,
    /// One of Pabawi's types; the details have ours where that is another.
    pub event_type: String,
    /// One of Pabawi's sources; the details have ours where that is another.
    pub source: String,
    /// What was done.
    pub action: String,
    /// The same for people.
    pub summary: String,
    /// All that the other fields have no room for.
    pub details: Map<String, Value>,
    /// Who did it; null where nobody did, and where the host knows no such user.
    pub user_id: Option<String>,
}

/// Why a host's journal did not take an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostJournalError {
    /// It cannot be reached or written to now; the same entry may be taken later.
    #[error("the host's journal is unavailable: {0}")]
    Unavailable(String),
    /// It does not take this entry as it is.
    #[error("the host's journal refuses an entry: {0}")]
    Refused(String),
}
