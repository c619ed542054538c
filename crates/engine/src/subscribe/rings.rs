//! The rings of events that are in memory, those of executions that have ended included while somebody reads them:
//! [`Rings`]. It keeps none alive.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::event_log::EventLog;

/// Every ring that somebody holds.
#[derive(Debug, Default)]
pub(crate) struct Rings(Mutex<Vec<Weak<EventLog>>>);

impl Rings {
    /// From now on this one is trimmed with the others, until it is gone.
    pub(crate) fn add(&self, ring: &Arc<EventLog>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == all.capacity() {
            // Before it grows, so that it stays as long as twice the rings that there are.
            all.retain(|ring| ring.strong_count() > 0);
        }
        all.push(Arc::downgrade(ring));
    }

    /// Drops what no reader waits for.
    pub(crate) fn trim(&self) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ring in all.iter().filter_map(Weak::upgrade) {
            ring.trim();
        }
    }
}
