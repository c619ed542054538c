//! [`Catalog`]: the handle of the sources.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::fetched::Fetched;
use super::freshness::Freshness;
use super::settings::ConfiguredSource;
use super::slot::Slot;
use super::view::View;
use crate::{Inventory, SourceData};

/// The sources of nodes with what they told last.
pub struct Catalog {
    slots: Vec<Arc<Slot>>,
    /// The last merge. The lock is held while one is made, so that it is made once.
    merged: Mutex<Option<Merged>>,
    /// Counts changes that the watch has seen.
    changes: watch::Sender<u64>,
}

/// An inventory and what it was made of, each with its priority.
struct Merged {
    of: Vec<(Arc<Fetched>, i32)>,
    inventory: Arc<Inventory>,
}

impl Catalog {
    /// A catalog of these sources; none of them is asked yet. A source that is not enabled is reported and never asked.
    pub fn new(sources: impl IntoIterator<Item = ConfiguredSource>) -> Self {
        let slots =
            sources.into_iter().map(|(source, settings)| Arc::new(Slot::new(source, settings))).collect();
        Self { slots, merged: Mutex::new(None), changes: watch::Sender::new(0) }
    }

    /// Whether there is no source at all now.
    pub fn is_empty(&self) -> bool {
        !self.slots.iter().any(|slot| slot.is_there())
    }

    /// What the sources know, at least as fresh as asked for (R3.1, R3.4-R3.7). Sources that have to be asked are asked
    /// side by side, each within its own time. Never fails: what went wrong with which source is in the view.
    pub async fn read(&self, freshness: Freshness) -> View {
        let asked = freshness.at(tokio::time::Instant::now());
        // Sources of plugins come and go.
        let slots: Vec<&Arc<Slot>> = self.slots.iter().filter(|slot| slot.is_there()).collect();
        let reads: Vec<JoinHandle<Option<Arc<Fetched>>>> = slots
            .iter()
            .map(|&slot| {
                let slot = Arc::clone(slot);
                // A task of its own: who stops waiting does not stop the others' fetch.
                tokio::spawn(async move { slot.read(asked).await }.in_current_span())
            })
            .collect();
        let mut known = Vec::with_capacity(slots.len());
        for read in reads {
            known.push(read.await.ok().flatten());
        }
        let inventory = self.merge(&slots, &known).await;
        let reports = slots.iter().zip(&known).map(|(slot, fetched)| slot.report(fetched.as_deref()));
        View { inventory, reports: reports.collect() }
    }

    async fn merge(&self, slots: &[&Arc<Slot>], known: &[Option<Arc<Fetched>>]) -> Arc<Inventory> {
        let mut parts = Vec::new();
        let mut of = Vec::new();
        for (slot, fetched) in slots.iter().zip(known) {
            let Some(fetched) = fetched else { continue };
            if let Some(good) = &fetched.good {
                let priority = slot.priority();
                of.push((Arc::clone(fetched), priority));
                parts.push(SourceData {
                    name: slot.name().to_owned(),
                    priority,
                    snapshot: Arc::clone(&good.snapshot),
                });
            }
        }
        let mut merged = self.merged.lock().await;
        if let Some(last) = &*merged
            && last.of.len() == of.len()
            && last.of.iter().zip(&of).all(|(last, now)| last.1 == now.1 && last.0.is_same_data(&now.0))
        {
            return Arc::clone(&last.inventory);
        }
        // A hundred thousand nodes take a while; the runtime's threads have other work.
        let inventory = match tokio::task::spawn_blocking(move || Arc::new(Inventory::merge(parts))).await {
            Ok(inventory) => inventory,
            Err(error) => {
                tracing::error!(%error, "merging the inventory panicked; it is left as it was");
                return merged.as_ref().map(|last| Arc::clone(&last.inventory)).unwrap_or_default();
            }
        };
        *merged = Some(Merged { of, inventory: Arc::clone(&inventory) });
        inventory
    }

    /// Looks every `period` whether files have changed or times have run out, and asks these sources before somebody
    /// waits for them. Ends when the handle is dropped.
    #[must_use = "the watch ends when its handle is dropped"]
    pub fn watch(self: &Arc<Self>, period: Duration) -> CatalogWatch {
        let catalog = Arc::clone(self);
        let watching = async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut last: Option<Arc<Inventory>> = None;
            loop {
                ticks.tick().await;
                let now = catalog.read(Freshness::Cached).await.inventory;
                if last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, &now)) {
                    catalog.changes.send_modify(|changes| *changes += 1);
                }
                last = Some(now);
            }
        };
        CatalogWatch(tokio::spawn(watching.in_current_span()))
    }

    /// Counts the changes that a [`Catalog::watch`] sees, from 0.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// A running [`Catalog::watch`].
#[derive(Debug)]
pub struct CatalogWatch(JoinHandle<()>);

impl Drop for CatalogWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
