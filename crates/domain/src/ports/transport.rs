//! Port [`Transport`]: a way to nodes. Connecting, starting and reading are three steps, so that each can be
//! limited, timed and given up by itself.
//!
//! A transport does not retry an action and does not decide about a run's outcome; it says what happened.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::{Action, RunAs};
use crate::error::{ErrorCode, NodeError};
use crate::host_key::{HostKeyPolicy, HostKeySeen};
use crate::id::{CorrelationId, ExecutionId, NodeId};
use crate::node::Target;
use crate::outcome::Termination;
use crate::output::StreamKind;
use crate::preview::Approach;

/// A way to nodes.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// The name that endpoints use: `ssh`, `local`.
    fn name(&self) -> &str;

    /// Reaches the node and logs in, or takes a connection that stands already.
    ///
    /// The future may be dropped at any time: nothing has been started on the node, and what was held is
    /// given back.
    ///
    /// # Errors
    /// [`TransportError`] whose `may_have_started` is `false`.
    async fn connect(&self, request: &ConnectRequest) -> Result<Box<dyn Session>, TransportError>;

    /// How these targets would be reached, as far as this side knows, one answer for each in their order. Nothing is
    /// connected and no network is asked; files of settings may be read. Without more knowledge, what the endpoints
    /// say by themselves.
    async fn foresee(&self, targets: &[Target], host_keys: Option<HostKeyPolicy>) -> Vec<Approach> {
        let _ = host_keys;
        targets.iter().map(Approach::of_endpoint).collect()
    }

    /// Lets a node forget what it keeps of a detached action whose result is stored, as [`RunningAction::settle`] does, for
    /// one that a process which died has left. `run_as` is the user that it was run as. The answer is whether it is gone;
    /// bounded in time.
    async fn forget(&self, request: &ConnectRequest, name: &DetachedName, run_as: Option<&RunAs>) -> bool {
        let _ = (request, name, run_as);
        // A transport that cannot detach has nothing to forget.
        true
    }

    /// How the connections stand now.
    fn stats(&self) -> PoolStats;

    /// How often a tool was run, where one run of it serves many nodes.
    fn tool_runs(&self) -> Option<ToolRunStats> {
        None
    }

    /// Closes idle connections and lets those in use go when their action ends. Later calls of
    /// [`Transport::connect`] fail with [`ErrorCode::ShuttingDown`].
    async fn shutdown(&self);
}

/// Where to, and within which limits.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The node and its endpoint.
    pub target: Target,
    /// The limit for everything up to the accepted login.
    pub timeout: Duration,
    /// How host keys are checked; the transport's own setting when absent.
    pub host_keys: Option<HostKeyPolicy>,
    /// The execution that it is for, where it is for one: a tool is run once for many nodes of an execution.
    pub execution: Option<ExecutionRef>,
}

/// An execution, for whoever works for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRef {
    /// The execution.
    pub id: ExecutionId,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
}

/// A lease on a connection, good for one action. Dropping it gives the connection back.
#[async_trait]
pub trait Session: Send {
    /// What is known of the connection.
    fn info(&self) -> &SessionInfo;

    /// Starts the action. Bounded in time by the transport itself (a node that never answers ends in
    /// [`ErrorCode::ProtocolViolation`]), so the engine awaits it to its end and never drops it.
    ///
    /// # Errors
    /// [`TransportError`]; its `may_have_started` tells whether the node may have got the command.
    async fn start(self: Box<Self>, action: Arc<Action>) -> Result<Box<dyn RunningAction>, TransportError>;

    /// Starts the action so that it survives the loss of the link and of this side, under a name by which it is found
    /// again. Where it has been started under that name before, it is not started again: what is returned then follows
    /// the one that runs, or has run, from its first byte. Bounded in time as [`Session::start`].
    ///
    /// # Errors
    /// [`TransportError`]; [`ErrorCode::Unsupported`] from a transport that cannot do that.
    async fn start_detached(
        self: Box<Self>,
        _action: Arc<Action>,
        name: DetachedName,
    ) -> Result<Box<dyn RunningAction>, TransportError> {
        Err(TransportError::before_start(
            &name.node,
            ErrorCode::Unsupported,
            "the transport to this node cannot start a detached command; ssh can",
        ))
    }
}

/// What a detached action is found again by on its node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DetachedName {
    /// The execution it was started for.
    pub execution: ExecutionId,
    /// The node; several may be the same machine.
    pub node: NodeId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// It may have been started under this name before, by a process that has died.
    pub may_exist: bool,
}

/// How long what is left of a detached action is kept on its node, at the least, when nobody comes for it: a name that
/// is younger and not there was never started.
pub const DETACHED_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is known of a connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionInfo {
    /// The host key and why it was accepted; absent where the transport has none.
    pub host_key: Option<HostKeySeen>,
    /// Whether the connection stood already.
    pub reused: bool,
    /// How long each part of the connecting took; all zero on a reused connection.
    pub phases: ConnectPhases,
}

/// How long each part of the connecting took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectPhases {
    /// Waiting for a permit to connect, in microseconds.
    pub wait_us: u64,
    /// Name resolution, in microseconds.
    pub dns_us: u64,
    /// TCP connection, in microseconds.
    pub tcp_us: u64,
    /// Banner and key exchange, in microseconds.
    pub kex_us: u64,
    /// Authentication, in microseconds.
    pub auth_us: u64,
}

impl ConnectPhases {
    /// The parts in their order, each with its word and in microseconds.
    pub fn parts(&self) -> [(&'static str, u64); 5] {
        let Self { wait_us, dns_us, tcp_us, kex_us, auth_us } = *self;
        [
            ("connectWait", wait_us),
            ("dns", dns_us),
            ("tcp", tcp_us),
            ("keyExchange", kex_us),
            ("authentication", auth_us),
        ]
    }
}

/// An action that has been started.
///
/// Dropping it ends the process on the node as well as it can be done without waiting; only
/// [`RunningAction::terminate`] tells how that went. A detached process is left alone.
#[async_trait]
pub trait RunningAction: Send {
    /// The next thing that happens. Not calling it is backpressure: the transport stops reading, down to the
    /// node. The future may be dropped and called anew without loss. After `Ended` it returns the same
    /// `Ended` again.
    async fn next(&mut self) -> ActionEvent;

    /// Ends the process and looks whether it is gone. Bounded in time: the grace plus a few seconds. May be
    /// called after `Ended` and more than once; output that is still unread is discarded.
    async fn terminate(&mut self, mode: TerminateMode) -> Termination;

    /// Whether whoever does it has taken it on. Before that, nothing is known of whether they work; the first event that is
    /// no end tells it.
    fn is_taken(&self) -> bool {
        true
    }

    /// Whether the node keeps something of it for somebody who has to come again, which [`RunningAction::settle`] would
    /// remove now. Never before the end.
    fn keeps(&self) -> bool {
        false
    }

    /// The end and the output are on stable storage here: what the node keeps of them is removed. Bounded in time, and a
    /// failure is of no consequence but for the room on the node. The answer is whether nothing is left to be removed.
    async fn settle(&mut self) -> bool {
        true
    }
}

/// How a process is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminateMode {
    /// SIGTERM to its process group, then SIGKILL when `grace` has passed.
    Graceful {
        /// Time between the two signals.
        grace: Duration,
    },
    /// SIGKILL at once.
    Kill,
}

/// What happens while an action runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ActionEvent {
    /// Output, in order within its stream.
    Output {
        /// Which stream.
        stream: StreamKind,
        /// The bytes; never empty.
        data: Bytes,
    },
    /// A copy has come further.
    Progress {
        /// Bytes so far.
        done_bytes: u64,
        /// Bytes in all, where known.
        total_bytes: Option<u64>,
    },
    /// Whoever does it works at it, and there is nothing else to tell: for an action that was not taken on at its start, see
    /// [`RunningAction::is_taken`].
    Alive,
    /// It is over.
    Ended(ActionEnd),
}

/// How an action ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ActionEnd {
    /// The process ended by itself.
    Exited {
        /// Exit status.
        code: i32,
    },
    /// The process was ended by a signal.
    Signalled {
        /// Name without `SIG`.
        signal: String,
    },
    /// The copy is done and checked.
    Copied(CopyReport),
    /// It could not be done, or its end is not known.
    Failed(TransportError),
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyReport {
    /// Regular files copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// SHA-256 of the file, as hexadecimal digits, where a single file was copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How the other end's checksum was found: a program's name there, or `read back`.
    pub verified_by: String,
}

/// A failure of a transport.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct TransportError {
    /// Node, code, reason and causes.
    #[source]
    pub error: NodeError,
    /// Whether the action may have begun on the node.
    pub may_have_started: bool,
    /// What is known of a process that had been started, where the failure itself tells.
    pub termination: Option<Termination>,
}

impl TransportError {
    /// A failure before anything was started.
    pub fn before_start(node: &NodeId, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            error: NodeError::new(node.clone(), code, message),
            may_have_started: false,
            termination: None,
        }
    }

    /// A failure at or after the start.
    pub fn after_start(node: &NodeId, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { error: NodeError::new(node.clone(), code, message), may_have_started: true, termination: None }
    }

    /// The same with the causes of `source`.
    #[must_use]
    pub fn caused_by(mut self, source: &(dyn std::error::Error + 'static)) -> Self {
        self.error = self.error.caused_by(source);
        self
    }

    /// The same with what is known of the process.
    #[must_use]
    pub fn with_termination(mut self, termination: Termination) -> Self {
        self.termination = Some(termination);
        self
    }
}

/// How often a tool was run, and for how many nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolRunStats {
    /// Runs of the tool, since the start.
    pub runs: u64,
    /// Nodes in all of them together.
    pub nodes: u64,
    /// Nodes in the last one.
    pub last: u64,
    /// Most nodes in one.
    pub largest: u64,
    /// Runs that have not ended.
    pub running: u64,
    /// Nodes that wait to be taken into a run.
    pub waiting: u64,
}

/// How a transport's connections stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolStats {
    /// Connections that stand.
    pub open: u64,
    /// Of these, without an action.
    pub idle: u64,
    /// Of these, with at least one action.
    pub in_use: u64,
    /// Connects in flight.
    pub connecting: u64,
    /// Leases served by a connection that stood, since the start.
    pub hits: u64,
    /// Connections made, since the start.
    pub connects: u64,
    /// Connections closed because they were idle, dead or too many, since the start.
    pub evictions: u64,
    /// Connects that may be in flight now; less than the configured limit after nodes, or this machine, have shown
    /// that they were too many. 0 where a transport has no such limit.
    #[serde(default)]
    pub connect_limit: u64,
    /// Connects that met an overload and were tried again, since the start.
    #[serde(default)]
    pub overloads: u64,
}
