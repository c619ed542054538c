//! Why the engine refused: [`SubmitError`] for new executions, [`EngineError`] for everything else.

use pabawi_domain::action::ActionKind;
use pabawi_domain::command_policy::NotAllowed;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{ExecutionId, PluginName};
use pabawi_domain::ports::StoreError;
use pabawi_domain::validation::ValidationError;

/// Why an execution was not accepted. Nothing was started.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Fields of the request are bad; all of them are named (R9.3). Unknown targets are among these, under
    /// `targets`.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// The caller may not do this, or nobody could tell.
    #[error("denied: {reason}")]
    Denied {
        /// What they may not do, as a capability name.
        capability: String,
        /// Why.
        reason: String,
    },
    /// The command policy does not allow the command, whoever asks.
    #[error("{}", .0.told())]
    CommandNotAllowed(Box<NotAllowed>),
    /// Nothing registered can do this kind of action.
    #[error("no plugin can do actions of the kind {kind}; register one that has the capability {capability}")]
    Unsupported {
        /// The kind.
        kind: ActionKind,
        /// The capability a plugin would need.
        capability: &'static str,
    },
    /// There are plugins that can do it, and none of them can be asked now.
    #[error("nobody can do {capability} now: {}", told(.reasons))]
    NotReady {
        /// The capability.
        capability: &'static str,
        /// Each of the plugins with the reason.
        reasons: Vec<(PluginName, String)>,
    },
    /// The queue has reached its limit; try again when something has ended.
    #[error("queue is full: {limit} {what} wait already; try again later")]
    QueueFull {
        /// What the limit counts: `executions` or `targets`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The idempotency key belongs to another request.
    #[error("idempotency key was used for another request, which is execution {existing}; use a new key")]
    IdempotencyConflict {
        /// The execution that has the key.
        existing: ExecutionId,
    },
    /// There is no such execution to run again.
    #[error("no execution {0}")]
    NotFound(ExecutionId),
    /// The inventory could not be read.
    #[error("failed to read the inventory: {0}")]
    Inventory(String),
    /// The store could not write the execution down, so it was not started.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine is shutting down.
    #[error("engine is shutting down")]
    ShuttingDown,
    /// A fault of ours.
    #[error("internal fault: {0}")]
    Internal(String),
}

fn told(reasons: &[(PluginName, String)]) -> String {
    let reasons = reasons.iter().map(|(plugin, why)| format!("plugin {plugin}: {why}"));
    reasons.collect::<Vec<_>>().join("; ")
}

impl SubmitError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Validation,
            Self::Denied { .. } => ErrorCode::Denied,
            Self::CommandNotAllowed(_) => ErrorCode::CommandNotAllowed,
            Self::Unsupported { .. } => ErrorCode::Unsupported,
            Self::NotReady { .. } => ErrorCode::Unavailable,
            Self::QueueFull { .. } => ErrorCode::QueueFull,
            Self::IdempotencyConflict { .. } => ErrorCode::IdempotencyConflict,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Inventory(_) => ErrorCode::BadConfig,
            Self::Store(error) => error.code(),
            Self::ShuttingDown => ErrorCode::ShuttingDown,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    /// Whether the same submission may be accepted later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            other => other.code().is_retryable(),
        }
    }
}

/// Why a question or order about an execution was not answered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// There is no such execution.
    #[error("no execution {0}")]
    NotFound(ExecutionId),
    /// The caller may not do this, or nobody could tell.
    #[error("denied: {reason}")]
    Denied {
        /// What they may not do, as a capability name.
        capability: String,
        /// Why.
        reason: String,
    },
    /// Something in the question is bad.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// The execution was not accepted.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine gave the execution up before its end could be stored: it was shut down while the store
    /// could not write, or a part of it failed. The store's next `recover` closes the execution.
    #[error("execution {0} was given up before its end could be stored")]
    Abandoned(ExecutionId),
}

impl EngineError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Denied { .. } => ErrorCode::Denied,
            Self::Invalid(_) => ErrorCode::Validation,
            Self::Submit(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Abandoned(_) => ErrorCode::Internal,
        }
    }

    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Submit(error) => error.is_retryable(),
            _ => false,
        }
    }
}
