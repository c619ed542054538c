//! What was asked of a scripted transport. Main type: [`Counts`], whose public view is [`NodeCounts`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pabawi_domain::action::Action;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{DetachedName, TerminateMode};

/// What was asked of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCounts {
    /// Calls of connect, failed ones included.
    pub connects: u64,
    /// Actions started.
    pub starts: u64,
    /// Actions that came to their scripted end.
    pub ends: u64,
    /// Calls of terminate, in order.
    pub terminations: Vec<TerminateMode>,
    /// Running actions that were dropped before their end without a terminate.
    pub dropped: u64,
    /// Names of the detached actions that were started or gone back to.
    pub detached: Vec<DetachedName>,
    /// Calls of settle.
    pub settled: u64,
    /// Calls of forget, with the names, also those that failed.
    pub forgotten: Vec<DetachedName>,
}

/// A number that remembers its highest value.
#[derive(Debug, Default)]
pub(super) struct Level {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Level {
    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::SeqCst)
    }
}

/// One unit of a [`Level`], taken back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    counts: Arc<Counts>,
    level: fn(&Counts) -> &Level,
}

impl Drop for Held {
    fn drop(&mut self) {
        (self.level)(&self.counts).now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connecting: Level,
    pub(super) sessions: Level,
    pub(super) running: Level,
    pub(super) connected: AtomicU64,
    nodes: Mutex<HashMap<NodeId, NodeCounts>>,
    started: Mutex<Vec<(NodeId, Arc<Action>)>>,
}

impl Counts {
    /// Raises a level until the returned value is dropped.
    pub(super) fn hold(self: &Arc<Self>, level: fn(&Counts) -> &Level) -> Held {
        let now = level(self).now.fetch_add(1, Ordering::SeqCst) + 1;
        level(self).peak.fetch_max(now, Ordering::SeqCst);
        Held { counts: Arc::clone(self), level }
    }

    /// Changes a node's counts and returns what `change` returns.
    pub(super) fn node<T>(&self, node: &NodeId, change: impl FnOnce(&mut NodeCounts) -> T) -> T {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        match nodes.get_mut(node) {
            Some(counts) => change(counts),
            None => change(nodes.entry(node.clone()).or_default()),
        }
    }

    /// Calls of connect on all nodes.
    pub(super) fn all_connects(&self) -> u64 {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.values().map(|counts| counts.connects).sum()
    }

    /// Writes down that an action was started.
    pub(super) fn start(&self, node: &NodeId, action: Arc<Action>) {
        self.node(node, |counts| counts.starts += 1);
        self.started.lock().unwrap_or_else(PoisonError::into_inner).push((node.clone(), action));
    }

    /// All started actions, in order of their start.
    pub(super) fn started(&self) -> Vec<(NodeId, Arc<Action>)> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
