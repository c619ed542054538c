//! A collection that goes on: [`Flight`]. Whoever wants the same waits for it.

use std::collections::HashMap;

use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::request::Caller;
use tokio::sync::SetOnce;

use super::entry::Slot;

/// Which collections that go on already are good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// Each of them.
    Any,
    /// Those that were begun no earlier.
    Since(Timestamp),
    /// None: each may have looked at a node before the caller asked.
    Nothing,
}

/// One call of a provider about some nodes.
#[derive(Debug)]
pub(super) struct Flight {
    /// Later ones have higher numbers.
    pub(super) number: u64,
    /// When it was begun.
    begun: Timestamp,
    /// For whom it was begun: a denial is for this caller only.
    pub(super) caller: Caller,
    landed: SetOnce<HashMap<NodeId, Slot>>,
}

impl Flight {
    pub(super) fn new(number: u64, begun: Timestamp, caller: Caller) -> Self {
        Self { number, begun, caller, landed: SetOnce::new() }
    }

    /// Whether it is good enough.
    pub(super) fn is_good_for(&self, join: Join) -> bool {
        match join {
            Join::Any => true,
            Join::Since(oldest) => self.begun >= oldest,
            Join::Nothing => false,
        }
    }

    /// Gives the results to everyone who waits. The first time counts.
    pub(super) fn land(&self, results: HashMap<NodeId, Slot>) {
        // Set already means: given up before.
        let _ = self.landed.set(results);
    }

    /// Waits for the results.
    pub(super) async fn results(&self) -> &HashMap<NodeId, Slot> {
        self.landed.wait().await
    }
}
