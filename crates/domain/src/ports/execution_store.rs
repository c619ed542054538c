//! Port [`ExecutionStore`]: what is remembered of executions. A call that writes returns when the data is
//! on stable storage, so that what was acknowledged survives `kill -9` and power loss.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::condition::LastCondition;
use crate::error::ErrorCode;
use crate::event::ExecutionEvent;
use crate::id::{ExecutionId, NodeId};
use crate::journal::NewJournalEntry;
use crate::outcome::NodeOutcome;
use crate::output::{CapturedOutput, ContentHash, StreamKind};
use crate::ports::{DetachedName, TerminateMode};
use crate::record::{
    AttemptRecord, EventPage, EventTexts, ExecutionQuery, ExecutionRecord, ExecutionTotals, NewExecution,
    OutputChunk, OutputGroup, Page, TargetQuery, TargetRecord,
};
use crate::summary::ExecutionSummary;

/// Remembers executions.
#[async_trait]
pub trait ExecutionStore: Send + Sync + 'static {
    /// Writes a new execution with its targets. When its idempotency key is known already, nothing is
    /// written and the execution that has it is named.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written.
    async fn create(&self, execution: NewExecution) -> Result<Created, StoreError>;

    /// Writes all of these in the given order, whole or not at all. Callers give many at a time.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, and the same call may be made again.
    async fn append(&self, writes: &[StoreWrite]) -> Result<(), StoreError>;

    /// Finds executions whose process has died, marks their running targets `interrupted` and their queued
    /// ones skipped, and closes them. Executions of processes that live are left alone. Returns the closed
    /// ones.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn recover(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError>;

    /// One execution.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError>;

    /// Executions, newest first (R5.5, R5.8).
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::BadCursor`] for a cursor that is not this store's.
    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<ExecutionRecord>, StoreError>;

    /// How many executions stand where, of all that the question is about; its limit and cursor say nothing here (R5.8).
    ///
    /// # Errors
    /// [`StoreError`].
    async fn totals(&self, query: &ExecutionQuery) -> Result<ExecutionTotals, StoreError>;

    /// Targets of one execution in their order.
    ///
    /// # Errors
    /// As for [`ExecutionStore::executions`].
    async fn targets(&self, id: ExecutionId, query: &TargetQuery) -> Result<Page<TargetRecord>, StoreError>;

    /// How many targets of one execution have ended at or after that time.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn ended_since(&self, id: ExecutionId, since: Timestamp) -> Result<u64, StoreError>;

    /// Detached commands that are unsettled, the newest first, at most 10,000. Each [may
    /// exist](DetachedName::may_exist).
    ///
    /// # Errors
    /// [`StoreError`].
    async fn unsettled(&self) -> Result<Vec<DetachedName>, StoreError>;

    /// Attempts of one execution, or of one of its nodes, in the order of their start; at most 100,000.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn attempts(
        &self,
        id: ExecutionId,
        node: Option<&NodeId>,
    ) -> Result<Vec<AttemptRecord>, StoreError>;

    /// Stored events with sequence numbers from `from_seq`, at most `limit`. Events that are not kept
    /// (output past the limit) are absent from the page; its `next_seq` tells how far it reaches.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn events(&self, id: ExecutionId, from_seq: u64, limit: u32) -> Result<EventPage, StoreError>;

    /// Stored events with sequence numbers from `from_seq` as JSON, as many as are read well at once: not much more than a
    /// megabyte. What is not kept is absent, as from [`events`](Self::events).
    ///
    /// # Errors
    /// [`StoreError`].
    async fn event_texts(&self, id: ExecutionId, from_seq: u64) -> Result<EventTexts, StoreError>;

    /// The stored event with the highest sequence number; `None` where none is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn last_event(&self, id: ExecutionId) -> Result<Option<ExecutionEvent>, StoreError>;

    /// A part of a stored output: at most `max_bytes` from `offset` of what is kept. `None` when there is no
    /// such output.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn output(
        &self,
        hash: ContentHash,
        offset: u64,
        max_bytes: u32,
    ) -> Result<Option<OutputChunk>, StoreError>;

    /// The targets of an execution by equal output of one stream, the largest group first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn output_groups(
        &self,
        id: ExecutionId,
        stream: StreamKind,
    ) -> Result<Vec<OutputGroup>, StoreError>;

    /// The nodes whose last run ended so, in no particular order. The last run is the one of the newest execution that
    /// came to the node and is over: what was skipped, rejected, or cancelled before anything was started does not count,
    /// nor does what still runs.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn nodes_by_last(
        &self,
        condition: &LastCondition,
        now: Timestamp,
    ) -> Result<Vec<NodeId>, StoreError>;

    /// Executions of processes that have died and that [`ExecutionStore::recover`] would close.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn abandoned(&self) -> Result<Vec<ExecutionId>, StoreError>;

    /// Leaves word for the process that runs the execution. Takes effect when that process asks
    /// [`ExecutionStore::take_cancel_requests`].
    ///
    /// # Errors
    /// [`StoreError`].
    async fn request_cancel(&self, request: CancelRequest) -> Result<(), StoreError>;

    /// Takes the words left for executions of this process. Cheap when there are none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn take_cancel_requests(&self) -> Result<Vec<CancelRequest>, StoreError>;

    /// Writes everything down and closes. Later calls fail.
    async fn close(&self);
}

/// What came of [`ExecutionStore::create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It was written.
    New,
    /// The idempotency key is that of this execution.
    Existing {
        /// Its id.
        id: ExecutionId,
        /// Whether the stored request, without secrets, equals the new one.
        same_request: bool,
    },
}

/// One thing to write.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StoreWrite {
    /// The execution has left the queue.
    Started {
        /// Which.
        id: ExecutionId,
        /// When.
        at: Timestamp,
    },
    /// An attempt on a node begins: from now on its command may run there.
    AttemptStarted {
        /// Which execution.
        id: ExecutionId,
        /// Which node.
        node: NodeId,
        /// 1 for the first.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// An attempt has ended and another one follows.
    AttemptFailed {
        /// Which execution.
        id: ExecutionId,
        /// Which node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// When it ended.
        at: Timestamp,
        /// How.
        outcome: NodeOutcome,
    },
    /// A node's run is over.
    TargetFinished(Box<TargetResult>),
    /// A node keeps something of a detached command until it is told that the result, which is written together with this,
    /// is stored.
    Unsettled {
        /// Which execution has the result.
        id: ExecutionId,
        /// Which command.
        name: DetachedName,
    },
    /// The node has forgotten it.
    Settled {
        /// Which execution has seen to that.
        id: ExecutionId,
        /// Which command.
        name: DetachedName,
    },
    /// An entry of the journal that is written together with what it tells of.
    Journal {
        /// Which execution it belongs to.
        id: ExecutionId,
        /// The entry.
        entry: Box<NewJournalEntry>,
    },
    /// Events to be kept, in the order of their sequence numbers.
    Events {
        /// Which execution.
        id: ExecutionId,
        /// The events.
        events: Vec<Arc<ExecutionEvent>>,
    },
    /// The execution is over.
    Finished {
        /// Which.
        id: ExecutionId,
        /// When.
        at: Timestamp,
        /// The folded result.
        summary: Box<ExecutionSummary>,
    },
}

/// The result of one node's run.
#[derive(Debug, Clone)]
pub struct TargetResult {
    /// Which execution.
    pub id: ExecutionId,
    /// Which node.
    pub node: NodeId,
    /// The last attempt; 0 when none was begun.
    pub attempt: u32,
    /// How it ended.
    pub outcome: NodeOutcome,
    /// When the last attempt began; absent when none was.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What is kept of stdout; absent when it was empty.
    pub stdout: Option<CapturedOutput>,
    /// What is kept of stderr; absent when it was empty.
    pub stderr: Option<CapturedOutput>,
}

/// A request to end an execution or some of its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// Which execution.
    pub id: ExecutionId,
    /// Which nodes; `None` for all.
    pub nodes: Option<Vec<NodeId>>,
    /// How.
    pub mode: TerminateMode,
    /// Who asks.
    pub by: String,
}

/// Why the store could not do it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot read or write now; the same call may succeed later.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// No space is left.
    #[error("no space left for the store: {0}")]
    Full(String),
    /// It may only be read.
    #[error("store is read-only: {0}")]
    ReadOnly(String),
    /// It was made by a newer version.
    #[error("store was made by a newer version: {0}")]
    TooNew(String),
    /// It holds something that it cannot have written.
    #[error("store is damaged: {0}")]
    Corrupt(String),
    /// The cursor is not this store's.
    #[error("bad cursor; start again without one")]
    BadCursor,
    /// A journal entry is to stand in the place of one that is not there, or in whose place another one stands.
    #[error(
        "there is no such entry to change, or it was changed meanwhile; look at its newest version and try again"
    )]
    Superseded,
    /// It has been closed.
    #[error("store is closed")]
    Closed,
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) | Self::Closed | Self::ReadOnly(_) => ErrorCode::StoreUnavailable,
            Self::Full(_) => ErrorCode::DiskFull,
            Self::TooNew(_) => ErrorCode::StoreTooNew,
            Self::Corrupt(_) => ErrorCode::StoreCorrupt,
            Self::BadCursor | Self::Superseded => ErrorCode::Validation,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}
