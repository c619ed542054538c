//! What the host is told in batches: [`Feed`], a bounded queue that the host empties. Who fills it never waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::host::Host;

/// More than this do not wait; what comes then is lost and counted.
const MOST: usize = 10_000;

/// A queue of JSON texts.
pub(super) struct Feed {
    name: &'static str,
    host: Arc<Host>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<String>,
    lost: u64,
    /// The host knows that there is something.
    announced: bool,
}

/// What the host takes at once.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    /// JSON texts, the oldest first.
    items: Vec<String>,
    /// How many were lost since the last batch.
    lost: u64,
    /// There are more.
    more: bool,
}

impl Feed {
    pub(super) fn new(name: &'static str, host: Arc<Host>) -> Self {
        Self { name, host, state: Mutex::default() }
    }

    /// Adds one.
    pub(super) fn push(&self, item: &impl Serialize) {
        let Ok(item) = serde_json::to_string(item) else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.waiting.len() >= MOST {
            state.lost += 1;
            return;
        }
        state.waiting.push_back(item);
        if !std::mem::replace(&mut state.announced, true) {
            drop(state);
            // Without a host there is nobody to be told.
            let _ = self.host.news(self.name);
        }
    }

    /// Takes at most so many.
    pub(super) fn take(&self, most: usize) -> Batch {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = state.waiting.len().min(most);
        let items = state.waiting.drain(..count).collect();
        let more = !state.waiting.is_empty();
        // The host comes again by itself while there are more.
        state.announced = more;
        Batch { items, lost: std::mem::take(&mut state.lost), more }
    }
}
