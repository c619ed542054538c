//! The host's own journal: [`JsJournal`] asks Pabawi's `JournalService`. Whoever asks bounds the time.

use std::sync::Arc;

use async_trait::async_trait;
use pabawi::host_journal::{HostEntry, HostJournal, HostJournalError};

use super::fault::{is_of_the_statement, message_without};
use crate::framework::host::{Host, HostError, Thrown};

/// The name of what Zod throws.
const ZOD: &str = "ZodError";

/// A service of the host. What it answers does not matter, only that it does.
pub(in crate::framework) struct JsJournal {
    host: Arc<Host>,
}

impl JsJournal {
    pub(in crate::framework) fn new(host: Arc<Host>) -> Self {
        Self { host }
    }
}

#[async_trait]
impl HostJournal for JsJournal {
    async fn record(&self, entry: &HostEntry) -> Result<(), HostJournalError> {
        match self.host.ask("journal.record", entry).await {
            Ok(_) => Ok(()),
            Err(HostError::Thrown(thrown)) => Err(fault(&thrown, entry)),
            Err(other) => Err(HostJournalError::Unavailable(other.to_string())),
        }
    }
}

fn fault(thrown: &Thrown, entry: &HostEntry) -> HostJournalError {
    let message = message_without(thrown, [entry.action.as_str(), &entry.summary]);
    match is_of_the_statement(thrown) || thrown.name.as_deref() == Some(ZOD) {
        true => HostJournalError::Refused(message),
        false => HostJournalError::Unavailable(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R10.5
    #[test]
    fn an_entrys_own_fault_is_told_from_that_of_the_service_and_without_its_texts() {
        let entry = HostEntry {
            node_id: "web1".into(),
            node_uri: "ssh:web1".into(),
            event_type: "note".into(),
            source: "user".into(),
            action: "add_note".into(),
            summary: "the disk was replaced".into(),
            details: serde_json::Map::new(),
            user_id: None,
        };
        let thrown = |name: &str, message: &str| Thrown {
            name: Some(name.to_owned()),
            message: message.to_owned(),
            ..Thrown::default()
        };
        let told = fault(&thrown("ZodError", "summary: the disk was replaced"), &entry);
        assert_eq!(told, HostJournalError::Refused("summary: ...".into()));
        let told =
            fault(&thrown("DatabaseQueryError", "SQLITE_CONSTRAINT: FOREIGN KEY constraint failed"), &entry);
        assert!(matches!(told, HostJournalError::Refused(_)), "{told:?}");
        let told = fault(&thrown("Error", "Database not connected"), &entry);
        assert_eq!(told, HostJournalError::Unavailable("Database not connected".into()));
    }
}
