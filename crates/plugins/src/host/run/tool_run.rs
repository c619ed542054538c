//! What the nodes of one run of a tool share: [`ToolRun`]. It ends with the last of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::ToolRunStats;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::desk::Note;
use crate::host::instance::RunGuard;

/// So long it is waited whether the other nodes are to end too, before one is told that it cannot end by itself.
const OTHERS: Duration = Duration::from_secs(1);

/// What is counted of a plugin's runs.
#[derive(Debug, Default)]
pub(super) struct RunCounts {
    runs: AtomicU64,
    nodes: AtomicU64,
    last: AtomicU64,
    largest: AtomicU64,
    running: AtomicU64,
    pub(super) waiting: AtomicU64,
}

impl RunCounts {
    pub(super) fn stats(&self) -> ToolRunStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ToolRunStats {
            runs: read(&self.runs),
            nodes: read(&self.nodes),
            last: read(&self.last),
            largest: read(&self.largest),
            running: read(&self.running),
            waiting: read(&self.waiting),
        }
    }
}

/// One run of a tool.
pub(super) struct ToolRun {
    /// When it has to have ended, and the limit that says so.
    pub(super) deadline: Option<(Instant, Duration)>,
    /// Whether one node can be ended without the others.
    ends_single_nodes: bool,
    nodes: watch::Sender<Nodes>,
    counts: Arc<RunCounts>,
    /// The plugin is not shut down before it is gone.
    _guard: RunGuard,
}

/// The nodes of a run.
#[derive(Debug, Clone, Copy)]
struct Nodes {
    /// Have not ended.
    left: usize,
    /// Of these, have been told to end.
    leaving: usize,
}

impl Nodes {
    fn all_leave(self) -> bool {
        self.leaving >= self.left
    }
}

impl ToolRun {
    pub(super) fn new(
        guard: RunGuard,
        nodes: usize,
        deadline: Option<(Instant, Duration)>,
        ends_single_nodes: bool,
        counts: &Arc<RunCounts>,
    ) -> Arc<Self> {
        let many = nodes as u64;
        counts.runs.fetch_add(1, Ordering::Relaxed);
        counts.nodes.fetch_add(many, Ordering::Relaxed);
        counts.last.store(many, Ordering::Relaxed);
        counts.largest.fetch_max(many, Ordering::Relaxed);
        counts.running.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            deadline,
            ends_single_nodes,
            nodes: watch::Sender::new(Nodes { left: nodes, leaving: 0 }),
            counts: Arc::clone(counts),
            _guard: guard,
        })
    }

    /// A node is to end. Whether its action may be told so: at once where the tool can end one node, else when all that
    /// are left are to end.
    pub(super) async fn may_end(&self, place: &mut Place) -> bool {
        place.leave();
        self.ends_single_nodes || tokio::time::timeout(OTHERS, self.all_leave()).await.is_ok()
    }

    /// Returns when all nodes that are left are to end.
    pub(super) async fn all_leave(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.nodes.subscribe().wait_for(|nodes| nodes.all_leave()).await;
    }

    /// Nodes that have not been told to end.
    pub(super) fn staying(&self) -> usize {
        let nodes = *self.nodes.borrow();
        nodes.left.saturating_sub(nodes.leaving)
    }
}

impl Drop for ToolRun {
    fn drop(&mut self) {
        self.counts.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A node's place in a run, until its action has ended.
pub(super) struct Place {
    run: Arc<ToolRun>,
    is_leaving: bool,
    execution: ExecutionId,
    desk: mpsc::UnboundedSender<Note>,
}

impl Place {
    pub(super) fn new(
        run: &Arc<ToolRun>,
        execution: ExecutionId,
        desk: &mpsc::UnboundedSender<Note>,
    ) -> Self {
        Self { run: Arc::clone(run), is_leaving: false, execution, desk: desk.clone() }
    }

    pub(super) fn run(&self) -> &Arc<ToolRun> {
        &self.run
    }

    fn leave(&mut self) {
        if !std::mem::replace(&mut self.is_leaving, true) {
            self.run.nodes.send_modify(|nodes| nodes.leaving += 1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run.nodes.send_modify(|nodes| {
            nodes.left = nodes.left.saturating_sub(1);
            if self.is_leaving {
                nodes.leaving = nodes.leaving.saturating_sub(1);
            }
        });
        // A desk that is gone counts no longer.
        let _ = self.desk.send(Note::Ended(self.execution));
    }
}
