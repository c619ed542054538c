//! The way from a plugin to the journal: [`JournalHandle`], the port [`PluginJournal`]. It holds the host weakly, which holds the
//! plugin.

use std::sync::Weak;

use async_trait::async_trait;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::journal::EntryId;
use pabawi_domain::ports::{PluginError, PluginEvent, PluginJournal};

use super::peers::Home;

/// Events that are taken at once.
const MOST: usize = 1_000;

/// The journal, for one plugin.
pub(super) struct JournalHandle {
    pub(super) home: Home,
    /// The plugin that writes.
    pub(super) plugin: PluginName,
}

#[async_trait]
impl PluginJournal for JournalHandle {
    async fn write(&self, events: Vec<PluginEvent>) -> Result<Vec<EntryId>, PluginError> {
        let fault =
            |code, message: String| PluginError { plugin: self.plugin.clone(), code, message, stack: None };
        if events.len() > MOST {
            let text =
                format!("{} events were to be written at once, at most {MOST} are taken", events.len());
            return Err(fault(ErrorCode::Validation, text));
        }
        let journal =
            self.home.get().and_then(Weak::upgrade).and_then(|shared| shared.journal.get().cloned());
        match journal {
            Some(journal) => journal.record(&self.plugin, events).await,
            None => {
                let text =
                    "the journal opens when all plugins have got ready; write to it after that".to_owned();
                Err(fault(ErrorCode::Unavailable, text))
            }
        }
    }
}
