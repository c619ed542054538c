//! What node runs and the dispatcher tell the hub: [`Message`]. Private to the engine: events and stored records
//! are other types. Kept small, since many of them wait in a channel.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use pabawi_domain::breaker::BreakerStatus;
use pabawi_domain::host_key::HostKeySeen;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ConnectPhases, DetachedName};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::pressure::Held;
use crate::run::NodeEnd;

/// Targets in one [`Message::NeverStarted`], at most.
pub(crate) const MAX_ENDED: usize = 512;

/// Something that happened in an execution. Nodes are told by their place in the plan.
#[derive(Debug)]
pub(crate) enum Message {
    /// The execution has left the queue.
    Started,
    /// An attempt begins; `durable` is answered when that is on stable storage.
    NodeStarted { index: u32, attempt: u32, at: Timestamp, durable: oneshot::Sender<()> },
    /// A node was reached.
    NodeConnected { index: u32, reused: bool, phases: Box<ConnectPhases> },
    /// A host key was accepted that was not known.
    HostKey { index: u32, key: Box<HostKeySeen> },
    /// Output; `room` is given back when the event has been published, `held` when it is no longer in memory.
    Output {
        index: u32,
        stream: StreamKind,
        offset: u64,
        data: Bytes,
        room: Option<OwnedSemaphorePermit>,
        held: Held,
    },
    /// A copy has come further.
    CopyProgress { index: u32, done_bytes: u64, total_bytes: Option<u64> },
    /// An attempt failed, and another one follows.
    AttemptFailed { index: u32, attempt: u32, outcome: Box<NodeOutcome>, retry_in: Duration },
    /// A wave begins.
    WaveStarted { wave: u64, waves: u64, targets: u64 },
    /// A wave is through and has been checked.
    WaveFinished { wave: u64, execution: Option<ExecutionId>, unhealthy: Option<String>, pause: Duration },
    /// No further target is started.
    RolloutStopped { why: SkipReason, failures: u64, skipped: u64 },
    /// A circuit breaker has changed its state.
    Breaker(Box<BreakerStatus>),
    /// How long a target may take, seen from the others.
    StragglerLimit { p95_ms: u64, limit_ms: u64 },
    /// Nodes are held because too much output is in memory, or no longer.
    Backpressure { on: bool, used_bytes: u64, limit_bytes: u64 },
    /// A node's run is over.
    NodeFinished { index: u32, end: Box<NodeEnd> },
    /// Answered when everything that was told before is on stable storage.
    WhenStored { durable: oneshot::Sender<()> },
    /// A node keeps nothing of a detached command any more.
    Settled { name: Box<DetachedName> },
    /// These targets end without having been started, at most [`MAX_ENDED`].
    NeverStarted { indices: Vec<u32>, outcome: Box<NodeOutcome> },
    /// Somebody asked to end it.
    CancelRequested { by: String, nodes: Option<Vec<NodeId>>, kill: bool },
    /// Every target has been told about; nothing comes after this.
    AllEnded,
}
