//! Writes the engine's own entries into the journal: [`Journaller`]. It never blocks or fails a run: what it
//! cannot write after some tries it says in the log.
//!
//! These are accepted host keys and denials. What executions do is journalled elsewhere.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::host_key::{HostKeyAcceptance, HostKeySeen};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, NewJournalEntry};
use pabawi_domain::ports::{CallQuestion, JournalStore};
use pabawi_domain::request::Caller;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::authorize::DeniedRequest;

/// Entries that may wait.
const WAITING: usize = 4096;
/// Entries written at once.
const BATCH: usize = 500;
/// Nodes of one denied request that get an entry; a request for a whole fleet must not flood the journal.
const DENIED_NODES: usize = 1000;
/// Tries of one write, and the wait after the first; it doubles.
const TRIES: (u32, Duration) = (6, Duration::from_millis(200));

enum Order {
    Write(Box<NewJournalEntry>),
    Flush(oneshot::Sender<()>),
}

/// The way to the journal; without a journal it does nothing.
#[derive(Clone)]
pub(crate) struct Journaller(Option<mpsc::Sender<Order>>);

impl Journaller {
    /// Starts the task that writes.
    pub(crate) fn start(journal: Option<Arc<dyn JournalStore>>) -> Self {
        Self(journal.map(|journal| {
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(write_all(journal, receiver).in_current_span());
            sender
        }))
    }

    /// Returns when what was given so far is written or given up.
    pub(crate) async fn flush(&self) {
        if let Some(sender) = &self.0 {
            let (done, is_done) = oneshot::channel();
            if sender.send(Order::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        }
    }

    /// A host key was accepted that no known-hosts file held.
    pub(crate) fn host_key_exception(
        &self,
        at: Timestamp,
        execution: ExecutionId,
        caller: &Caller,
        node: &NodeId,
        transport: &str,
        key: &HostKeySeen,
    ) {
        let (word, what) = match key.accepted {
            HostKeyAcceptance::Known => ("known", "was known"),
            HostKeyAcceptance::Added => ("added", "was unknown and has been written down"),
            HostKeyAcceptance::Unchecked => ("unchecked", "was not checked"),
        };
        let mut details = Map::new();
        details.insert("algorithm".into(), Value::from(key.algorithm.clone()));
        details.insert("fingerprint".into(), Value::from(key.fingerprint.clone()));
        self.write(NewJournalEntry {
            id: EntryId::from(Uuid::now_v7()),
            supersedes: None,
            node: node.clone(),
            event_type: "host_key_exception".into(),
            source: transport.to_owned(),
            execution_id: Some(execution),
            at,
            user: Some(caller.user.clone()),
            action: "accept host key".into(),
            result_status: Some(word.into()),
            summary: format!("host key {} {} {what}", key.algorithm, key.fingerprint),
            details,
        });
    }

    /// A request was denied: one entry for each node it was for.
    pub(crate) fn denied(&self, at: Timestamp, denied: &DeniedRequest) {
        for node in denied.nodes.iter().take(DENIED_NODES) {
            let mut details = Map::new();
            details.insert("capability".into(), Value::from(denied.capability));
            details.insert("targets".into(), Value::from(denied.nodes.len()));
            self.write(NewJournalEntry {
                id: EntryId::from(Uuid::now_v7()),
                supersedes: None,
                node: node.clone(),
                event_type: "execution_denied".into(),
                source: "system".into(),
                execution_id: None,
                at,
                user: Some(denied.caller.user.clone()),
                action: denied.action.clone(),
                result_status: Some("denied".into()),
                summary: denied.reason.clone(),
                details,
            });
        }
    }

    /// A call of a plugin was denied: one entry for each node it was about.
    pub(crate) fn denied_call(&self, at: Timestamp, question: &CallQuestion<'_>, reason: &str) {
        for node in question.nodes.iter().take(DENIED_NODES) {
            let mut details = Map::new();
            details.insert("plugin".into(), Value::from(question.plugin.as_str()));
            details.insert("targets".into(), Value::from(question.nodes.len()));
            self.write(NewJournalEntry {
                id: EntryId::from(Uuid::now_v7()),
                supersedes: None,
                node: node.clone(),
                event_type: "call_denied".into(),
                source: "system".into(),
                execution_id: None,
                at,
                user: Some(question.caller.user.clone()),
                action: question.capability.to_owned(),
                result_status: Some("denied".into()),
                summary: reason.to_owned(),
                details,
            });
        }
    }

    /// One target was denied when its run was to start.
    pub(crate) fn denied_at_start(
        &self,
        at: Timestamp,
        execution: ExecutionId,
        caller: &Caller,
        node: &NodeId,
        capability: &str,
        reason: &str,
    ) {
        self.write(NewJournalEntry {
            id: EntryId::from(Uuid::now_v7()),
            supersedes: None,
            node: node.clone(),
            event_type: "execution_denied".into(),
            source: "system".into(),
            execution_id: Some(execution),
            at,
            user: Some(caller.user.clone()),
            action: capability.to_owned(),
            result_status: Some("denied".into()),
            summary: reason.to_owned(),
            details: Map::new(),
        });
    }

    fn write(&self, entry: NewJournalEntry) {
        if let Some(sender) = &self.0
            && sender.try_send(Order::Write(Box::new(entry))).is_err()
        {
            tracing::warn!("the journal is too slow; an entry is lost");
        }
    }
}

async fn write_all(journal: Arc<dyn JournalStore>, mut orders: mpsc::Receiver<Order>) {
    let mut received = Vec::with_capacity(BATCH);
    while orders.recv_many(&mut received, BATCH).await > 0 {
        let (mut entries, mut waiting) = (Vec::new(), Vec::new());
        for order in received.drain(..) {
            match order {
                Order::Write(entry) => entries.push(*entry),
                Order::Flush(done) => waiting.push(done),
            }
        }
        if !entries.is_empty() {
            write_batch(&*journal, &entries).await;
        }
        for done in waiting {
            let _ = done.send(());
        }
    }
}

async fn write_batch(journal: &dyn JournalStore, entries: &[NewJournalEntry]) {
    let (tries, mut wait) = TRIES;
    for attempt in 1..=tries {
        match journal.append_journal(entries).await {
            Ok(()) => return,
            Err(error) if attempt < tries && error.is_retryable() => {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            Err(error) => {
                tracing::error!(%error, entries = entries.len(), "journal entries are lost");
                return;
            }
        }
    }
}
