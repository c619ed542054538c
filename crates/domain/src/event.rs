//! The public event stream of an execution: [`ExecutionEvent`].
//!
//! Internal messages and stored records are other types. Every surface shows these same events.

use std::io;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::breaker::BreakerStatus;
use crate::host_key::HostKeySeen;
use crate::id::{ExecutionId, NodeId};
use crate::outcome::{NodeOutcome, SkipReason};
use crate::output::{ContentHash, OutputData, StreamKind};
use crate::pace::ProgressReport;
use crate::phases::RunPhases;
use crate::ports::ConnectPhases;
use crate::summary::{ExecutionSummary, Progress};

/// Something that happened in an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionEvent {
    /// Of which execution.
    pub execution_id: ExecutionId,
    /// Its place in the execution's stream, from 1, without gaps.
    pub seq: u64,
    /// When, UTC.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum EventKind {
    /// It was accepted and stored.
    Queued {
        /// Number of targets.
        targets: u64,
    },
    /// Its first node may start.
    Started,
    /// An attempt on a node begins.
    NodeStarted {
        /// The node.
        node: NodeId,
        /// 1 for the first.
        attempt: u32,
    },
    /// The node was reached.
    NodeConnected {
        /// The node.
        node: NodeId,
        /// Whether the connection stood already.
        reused: bool,
        /// How long each part took.
        phases: ConnectPhases,
    },
    /// A host key was accepted that stood in no known-hosts file: `accept-new` wrote it down, or `off`
    /// looked away.
    HostKeyException {
        /// The node.
        node: NodeId,
        /// The key.
        key: HostKeySeen,
    },
    /// Output of a node.
    Output {
        /// The node.
        node: NodeId,
        /// Which stream.
        stream: StreamKind,
        /// Bytes of this stream before this piece.
        offset: u64,
        /// The bytes.
        data: OutputData,
    },
    /// A copy has come further.
    CopyProgress {
        /// The node.
        node: NodeId,
        /// Bytes so far.
        done_bytes: u64,
        /// Bytes in all, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_bytes: Option<u64>,
    },
    /// An attempt on a node has failed, and another one follows; it is stored (R7.6).
    AttemptFailed {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        result: NodeOutcome,
        /// The wait before the next one, in milliseconds.
        retry_in_ms: u64,
    },
    /// A wave of a rollout begins.
    WaveStarted {
        /// 1 for the first.
        wave: u64,
        /// How many there are.
        waves: u64,
        /// Nodes in this one.
        nodes: u64,
    },
    /// Every node of a wave has ended, and its health check, where there is one, too.
    WaveFinished {
        /// 1 for the first.
        wave: u64,
        /// The execution of the health check.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        health_check: Option<ExecutionId>,
        /// Why the health check could not be done or did not succeed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unhealthy: Option<String>,
        /// The rest before the next wave, in milliseconds.
        pause_ms: u64,
    },
    /// No further node is started.
    RolloutStopped {
        /// Why.
        why: SkipReason,
        /// Nodes that had failed by then.
        failures: u64,
        /// Nodes that will not be started.
        skipped: u64,
    },
    /// A circuit breaker has changed its state by what this execution met (R7.8).
    BreakerChanged {
        /// The breaker.
        breaker: BreakerStatus,
    },
    /// A limit that follows from the other nodes' durations holds from now on.
    StragglerLimit {
        /// The 95th percentile of the durations of the nodes that have succeeded, in milliseconds.
        p95_ms: u64,
        /// How long a node may take, in milliseconds.
        limit_ms: u64,
    },
    /// Output in memory has reached its budget, so that nodes are read no further and none is started, or no longer. Told
    /// when it changes, at most once a second, to the executions that run then.
    Backpressure {
        /// Whether nodes are held from now on.
        on: bool,
        /// Output of all executions in memory, in bytes.
        used_bytes: u64,
        /// The budget, in bytes.
        limit_bytes: u64,
    },
    /// A node's run is over; its result is stored.
    NodeFinished {
        /// The node.
        node: NodeId,
        /// The last attempt; 0 when none was begun.
        attempt: u32,
        /// How it ended.
        result: NodeOutcome,
        /// From the start of the last attempt, in milliseconds.
        duration_ms: u64,
        /// Where the time of the last attempt went; absent where its action was not started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phases: Option<RunPhases>,
        /// Content hash of stdout; absent when it was empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdout: Option<ContentHash>,
        /// Content hash of stderr; absent when it was empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stderr: Option<ContentHash>,
        /// Where the execution stands now.
        progress: Progress,
    },
    /// How far it is. For executions of several targets; at most once a second, not within the first second, and only when
    /// a count has changed since the last one. Where one was told, the last comes before `finished`.
    Progress(ProgressReport),
    /// Somebody asked to end it.
    CancelRequested {
        /// Who.
        by: String,
        /// Which nodes; absent for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nodes: Option<Vec<NodeId>>,
        /// Whether at once, with SIGKILL.
        kill: bool,
    },
    /// It is over. The last event of every stream.
    Finished {
        /// The folded result.
        summary: ExecutionSummary,
    },
    /// Events that this subscriber does not get: it was too slow for what is held in memory and they are not
    /// kept in the store. Made for one subscriber, and in no stream itself; `seq` is that of the first
    /// missing event.
    Gap {
        /// The last missing sequence number.
        last_seq: u64,
    },
}

impl EventKind {
    /// The node it is about, where it is about one.
    pub fn node(&self) -> Option<&NodeId> {
        match self {
            Self::NodeStarted { node, .. }
            | Self::NodeConnected { node, .. }
            | Self::HostKeyException { node, .. }
            | Self::Output { node, .. }
            | Self::CopyProgress { node, .. }
            | Self::AttemptFailed { node, .. }
            | Self::NodeFinished { node, .. } => Some(node),
            _ => None,
        }
    }

    /// Whether this ends the stream.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished { .. })
    }
}

impl ExecutionEvent {
    /// What is written of it where its execution is known: all but that.
    pub fn fields(&self) -> impl Serialize {
        self.under(None)
    }

    /// Writes it as JSON with the number 0 for its execution, for readers who know that: it is a quarter of a short event.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_unnamed(&self, to: impl io::Write) -> io::Result<()> {
        Ok(serde_json::to_writer(to, &self.under(Some(0)))?)
    }

    fn under(&self, execution_id: Option<u8>) -> Fields<'_> {
        Fields { execution_id, seq: self.seq, at: self.at, kind: &self.kind }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<u8>,
    seq: u64,
    at: Timestamp,
    #[serde(flatten)]
    kind: &'a EventKind,
}

/// An event as JSON, for readers who want nothing else, with what is asked of it on the way to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventText {
    /// Of which execution.
    pub execution_id: ExecutionId,
    /// Its place in the execution's stream.
    pub seq: u64,
    /// When, UTC.
    pub at: Timestamp,
    /// Whether it ends the stream.
    pub is_last: bool,
    /// The JSON object of its [fields](ExecutionEvent::fields).
    pub fields: Bytes,
}

impl EventText {
    /// Writes the JSON of the [`ExecutionEvent`].
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, mut to: impl io::Write) -> io::Result<()> {
        write!(to, "{{\"executionId\":\"{}\",", self.execution_id)?;
        to.write_all(self.after_brace())
    }

    /// The same with the number 0 for its execution.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_unnamed(&self, mut to: impl io::Write) -> io::Result<()> {
        to.write_all(b"{\"executionId\":0,")?;
        to.write_all(self.after_brace())
    }

    fn after_brace(&self) -> &[u8] {
        self.fields.get(1..).unwrap_or_default()
    }
}

impl TryFrom<&ExecutionEvent> for EventText {
    type Error = serde_json::Error;

    fn try_from(event: &ExecutionEvent) -> Result<Self, Self::Error> {
        let fields = serde_json::to_vec(&event.fields())?.into();
        let ExecutionEvent { execution_id, seq, at, ref kind } = *event;
        Ok(Self { execution_id, seq, at, is_last: kind.is_last(), fields })
    }
}
