//! What a hub hands over at once: [`Batch`], the writes for the store, the events they make visible, and who
//! waits for them.

use std::sync::Arc;

use pabawi_domain::event::ExecutionEvent;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreWrite;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::pressure::Held;

/// Writes and events in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// All events, stored or not.
    pub(super) events: Vec<Arc<ExecutionEvent>>,
    /// The events that are stored too.
    stored: Vec<Arc<ExecutionEvent>>,
    writes: Vec<StoreWrite>,
    /// Answered when the writes are durable.
    durable: Vec<oneshot::Sender<()>>,
    /// Given back when the events are published.
    room: Vec<OwnedSemaphorePermit>,
    /// The permit for all output in the batch.
    pub(super) held: Held,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.durable.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Adds an event; `stored` says whether the store keeps it.
    pub(super) fn event(&mut self, event: ExecutionEvent, stored: bool) {
        let event = Arc::new(event);
        if stored {
            self.stored.push(Arc::clone(&event));
        }
        self.events.push(event);
    }

    pub(super) fn write(&mut self, write: StoreWrite) {
        self.writes.push(write);
    }

    pub(super) fn answer(&mut self, durable: oneshot::Sender<()>) {
        self.durable.push(durable);
    }

    /// Holds what output takes until it is published.
    pub(super) fn hold(&mut self, room: Option<OwnedSemaphorePermit>, held: Held) {
        self.room.extend(room);
        self.held.absorb(held);
    }

    /// Takes what the store has to write, once.
    pub(super) fn take_writes(&mut self, id: ExecutionId) -> Vec<StoreWrite> {
        let mut writes = std::mem::take(&mut self.writes);
        if !self.stored.is_empty() {
            writes.push(StoreWrite::Events { id, events: std::mem::take(&mut self.stored) });
        }
        writes
    }

    /// Tells those who wait that the writes are durable.
    pub(super) fn acknowledge(&mut self) {
        for waiting in self.durable.drain(..) {
            // A run that was stopped meanwhile no longer listens.
            let _ = waiting.send(());
        }
    }
}
