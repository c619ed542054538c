//! What others tell a dispatcher: [`Control`].

use pabawi_domain::id::NodeId;
use pabawi_domain::ports::TerminateMode;
use tokio::sync::oneshot;

/// An order to a dispatcher.
pub(crate) enum Control {
    /// End all targets or some of them.
    Cancel { nodes: Option<Vec<NodeId>>, mode: TerminateMode, by: String, taken: oneshot::Sender<Cancelled> },
    /// Start no more nodes: those that wait are skipped. Those that run go on.
    Drain,
    /// End everything: the engine stops.
    Stop { mode: TerminateMode },
}

/// What an order to cancel did.
#[derive(Debug, Default)]
pub(crate) struct Cancelled {
    /// Waiting targets that will not be started.
    pub(crate) not_started: u64,
    /// Running targets that were told to end, or to end at once.
    pub(crate) stopping: u64,
    /// Nodes that are no targets of this execution.
    pub(crate) unknown: Vec<NodeId>,
}
