//! Events that a program tells of nodes while it works on them: [`RunEvents`] takes them to the journal (R11.5, R11.12). It never
//! holds the run: what the journal cannot take is told in the log.

use std::sync::Arc;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::check_event_type;
use pabawi_domain::ports::{PluginEvent, PluginJournal};
use pabawi_domain::redact::Redactor;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::{OwnedRwLockReadGuard, mpsc};
use tracing::Instrument as _;

/// Events that may wait.
const WAITING: usize = 1_000;
/// Events that are written at once.
const AT_ONCE: usize = 100;

/// An event as a program writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToldEvent {
    key: Option<String>,
    event_type: String,
    action: String,
    summary: String,
    result_status: Option<String>,
    #[serde(default)]
    details: Map<String, Value>,
}

/// The way to the journal for one run.
#[derive(Debug)]
pub(super) struct RunEvents {
    execution: ExecutionId,
    secrets: Option<Arc<Redactor>>,
    sender: mpsc::Sender<PluginEvent>,
}

impl RunEvents {
    /// Starts the task that writes. It ends with the run, when all is written, and holds `writing` until then.
    pub(super) fn start(
        execution: ExecutionId,
        secrets: Option<Arc<Redactor>>,
        journal: Arc<dyn PluginJournal>,
        writing: OwnedRwLockReadGuard<()>,
    ) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING);
        let write = async move {
            write(waiting, journal).await;
            drop(writing);
        };
        tokio::spawn(write.in_current_span());
        Self { execution, secrets, sender }
    }

    /// Takes an event of a node.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&self, node: NodeId, told: ToldEvent) -> Result<(), String> {
        let ToldEvent { key, event_type, action, summary, result_status, details } = told;
        check_event_type(&event_type).map_err(|why| format!("event.eventType: {why}"))?;
        let clean = |text: String| match &self.secrets {
            Some(secrets) => secrets.text(&text).into_owned(),
            None => text,
        };
        let details = match &self.secrets {
            // What is no object any more without its secrets is left out.
            Some(_) => {
                serde_json::to_string(&details).ok().and_then(|json| serde_json::from_str(&clean(json)).ok())
            }
            None => Some(details),
        };
        let event = PluginEvent {
            key,
            node,
            event_type,
            action: clean(action),
            summary: clean(summary),
            result_status,
            user: None,
            execution_id: Some(self.execution),
            at: None,
            details: details.unwrap_or_default(),
        };
        if self.sender.try_send(event).is_err() {
            tracing::warn!(execution_id = %self.execution, "a program tells events faster than they can be written; one is lost");
        }
        Ok(())
    }
}

async fn write(mut waiting: mpsc::Receiver<PluginEvent>, journal: Arc<dyn PluginJournal>) {
    let mut events = Vec::new();
    // Ends when the run does.
    while waiting.recv_many(&mut events, AT_ONCE).await > 0 {
        // One by one, so that one that is refused takes no other with it.
        for event in events.drain(..) {
            let node = event.node.clone();
            if let Err(error) = journal.write(vec![event]).await {
                tracing::warn!(plugin = %error.plugin, %node, reason = %error.message, "an event is not in the journal");
            }
        }
    }
}
