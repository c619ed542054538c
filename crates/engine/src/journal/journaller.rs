//! Writes entries that belong to no execution into the journal: [`Journaller`]. It fails nobody: what it cannot write after
//! some tries it says in the log.
//!
//! These are denials and calls of plugins. What executions do is written with their results: see `scribe`. However many
//! nodes they are about, [`WAITING`] entries are in memory, and whoever has more of them waits for room.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::journal::{EntryId, NewJournalEntry};
use pabawi_domain::ports::{CallQuestion, CallReport, ExecutionStore, JournalRules, JournalStore};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use super::abandoned::journal_abandoned;
use super::call::of_call;
use super::scribe::{About, Scribe};
use crate::denied::Denied;
use crate::meter::Meter;

/// How long a call waits for its entries.
const CALL_PATIENCE: Duration = Duration::from_secs(5);
/// Entries that may wait.
const WAITING: usize = 4096;
/// Entries written at once.
const BATCH: usize = 500;
/// Tries of one write, and the wait after the first; it doubles.
const TRIES: (u32, Duration) = (6, Duration::from_millis(200));
/// How long an entry waits for room: longer than all tries of one write, after which there is some.
const ROOM_PATIENCE: Duration = Duration::from_secs(10);

enum Order {
    Write(Box<NewJournalEntry>),
    Flush(oneshot::Sender<()>),
}

/// The way to the journal; without a journal it does nothing.
#[derive(Clone)]
pub(crate) struct Journaller {
    sender: Option<mpsc::Sender<Order>>,
    store: Option<Arc<dyn JournalStore>>,
    rules: Option<Arc<dyn JournalRules>>,
    meter: Meter,
}

impl Journaller {
    /// Starts the task that writes.
    pub(crate) fn start(
        store: Option<Arc<dyn JournalStore>>,
        rules: Option<Arc<dyn JournalRules>>,
        meter: Meter,
    ) -> Self {
        let sender = store.clone().map(|journal| {
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(write_all(journal, receiver, meter.clone()).in_current_span());
            sender
        });
        Self { sender, store, rules, meter }
    }

    /// Returns when what was given so far is written or given up.
    pub(crate) async fn flush(&self) {
        if let Some(sender) = &self.sender {
            let (done, is_done) = oneshot::channel();
            if sender.send(Order::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        }
    }

    /// Somebody was denied something: one entry for each node it was about. Returns when all of them are handed to the task that
    /// writes, which is a wait only for what it has no room for.
    pub(crate) async fn denied(&self, at: Timestamp, denied: &Denied<'_>) {
        if self.sender.is_none() || denied.nodes.is_empty() {
            return;
        }
        let mut details = Map::new();
        details.insert("capability".into(), Value::from(denied.capability));
        details.insert("targets".into(), Value::from(denied.nodes.len()));
        if let Some(plugin) = denied.plugin {
            details.insert("plugin".into(), Value::from(plugin.as_str()));
        }
        let (event_type, user) = (denied.event_type, denied.caller.user.clone());
        let action = denied.action.unwrap_or(denied.capability).to_owned();
        let summary = denied.reason.to_owned();
        let entry = move |node: NodeId| NewJournalEntry {
            id: EntryId::from(Uuid::now_v7()),
            supersedes: None,
            node,
            event_type: event_type.into(),
            source: "system".into(),
            execution_id: None,
            at,
            user: Some(user.clone()),
            action: action.clone(),
            result_status: Some("denied".into()),
            summary: summary.clone(),
            details: details.clone(),
        };
        let (journaller, nodes) = (self.clone(), denied.nodes.to_vec());
        // Whoever stops waiting for the answer does not take the entries along.
        let handing = async move { journaller.hand(nodes.into_iter().map(entry)).await };
        let _ = tokio::spawn(handing.in_current_span()).await;
    }

    /// A plugin was called: one entry for each node it was about. Waits until they are on stable storage, or for as long as it
    /// takes to give that up.
    pub(crate) async fn call(&self, at: Timestamp, question: &CallQuestion<'_>, report: &CallReport<'_>) {
        let Some(journal) = self.store.as_ref().filter(|_| !question.nodes.is_empty()) else { return };
        let Some(entry) = of_call(self.rules.as_deref(), at, question, report) else { return };
        let patience = Instant::now() + CALL_PATIENCE;
        for nodes in question.nodes.chunks(BATCH) {
            let entries: Vec<NewJournalEntry> = nodes.iter().map(&entry).collect();
            match tokio::time::timeout_at(patience, journal.append_journal(&entries)).await {
                Ok(Ok(())) => {}
                // It is tried again beside the call, with the same ids.
                _ => self.hand(entries.into_iter()).await,
            }
        }
    }

    /// Where entries go and what becomes one, for one execution.
    pub(crate) fn scribe(&self, about: About<'_>) -> Scribe {
        Scribe::new(self.store.is_some(), self.rules.clone(), about)
    }

    /// Has what dead processes have left journalled before it is closed; afterwards nobody would find it. What cannot be
    /// journalled does not keep it from being closed.
    pub(crate) async fn abandoned(&self, store: &dyn ExecutionStore, now: Timestamp) {
        if let Some(journal) = self.store.as_ref().filter(|_| self.rules.is_some())
            && let Err(error) = journal_abandoned(self, store, &**journal, now).await
        {
            tracing::warn!(%error, "what dead processes have left is not in the journal");
        }
    }

    /// Hands entries to the task that writes, as it has room for them.
    async fn hand(&self, mut entries: impl Iterator<Item = NewJournalEntry> + Send) {
        let Some(sender) = &self.sender else { return };
        while let Some(entry) = entries.next() {
            let order = Order::Write(Box::new(entry));
            if sender.send_timeout(order, ROOM_PATIENCE).await.is_err() {
                // One wait is enough: the rest would each wait as long.
                let lost = 1 + entries.count();
                self.meter.entries_lost(lost as u64);
                tracing::warn!(entries = lost, "the journal is too slow; entries are lost");
                return;
            }
        }
    }
}

async fn write_all(journal: Arc<dyn JournalStore>, mut orders: mpsc::Receiver<Order>, meter: Meter) {
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
            write_batch(&*journal, &entries, &meter).await;
        }
        for done in waiting {
            let _ = done.send(());
        }
    }
}

async fn write_batch(journal: &dyn JournalStore, entries: &[NewJournalEntry], meter: &Meter) {
    let (tries, mut wait) = TRIES;
    for attempt in 1..=tries {
        match journal.append_journal(entries).await {
            Ok(()) => return,
            Err(error) if attempt < tries && error.is_retryable() => {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            Err(error) => {
                meter.entries_lost(entries.len() as u64);
                tracing::error!(%error, entries = entries.len(), "journal entries are lost");
                return;
            }
        }
    }
}
