//! Stores the breakers that change: [`BreakerKeeper`]. It never blocks a run; what it cannot write it says in the log, and
//! after a restart that breaker is closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pabawi_domain::breaker::{BreakerRecord, Component};
use pabawi_domain::ports::BreakerStore;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

/// Changes that may wait.
const WAITING: usize = 4096;
/// Changes taken at once.
const BATCH: usize = 512;

enum Order {
    Keep(Box<BreakerRecord>),
    Flush(oneshot::Sender<()>),
}

/// The way to the store; without a store it does nothing.
#[derive(Clone)]
pub(crate) struct BreakerKeeper(Option<mpsc::Sender<Order>>);

impl BreakerKeeper {
    /// Starts the task that writes.
    pub(crate) fn start(store: Option<Arc<dyn BreakerStore>>) -> Self {
        Self(store.map(|store| {
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(write_all(store, receiver).in_current_span());
            sender
        }))
    }

    /// Has a change stored.
    pub(super) fn keep(&self, change: BreakerRecord) {
        if let Some(sender) = &self.0
            && sender.try_send(Order::Keep(Box::new(change))).is_err()
        {
            tracing::warn!("breakers change faster than they can be stored; a change is not kept");
        }
    }

    /// Returns when what was given so far is written or given up.
    pub(super) async fn flush(&self) {
        if let Some(sender) = &self.0 {
            let (done, is_done) = oneshot::channel();
            if sender.send(Order::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        }
    }
}

async fn write_all(store: Arc<dyn BreakerStore>, mut orders: mpsc::Receiver<Order>) {
    let mut received = Vec::with_capacity(BATCH);
    while orders.recv_many(&mut received, BATCH).await > 0 {
        // Of several changes of one breaker the last one counts.
        let mut last: BTreeMap<Component, BreakerRecord> = BTreeMap::new();
        let mut waiting = Vec::new();
        for order in received.drain(..) {
            match order {
                Order::Keep(change) => drop(last.insert(change.status.component.clone(), *change)),
                Order::Flush(done) => waiting.push(done),
            }
        }
        let changes: Vec<BreakerRecord> = last.into_values().collect();
        if !changes.is_empty()
            && let Err(error) = store.save_breakers(&changes).await
        {
            tracing::error!(%error, breakers = changes.len(), "circuit breakers are not stored");
        }
        for done in waiting {
            let _ = done.send(());
        }
    }
}
