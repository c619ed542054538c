//! Why a graph was not run, or a question about one not answered: [`GraphError`].

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::task::GraphStatus;
use pabawi_domain::validation::ValidationError;

/// Why a graph was not run, or a question about one not answered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Something in the graph or the question is bad; all of it is named. Nothing was started.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// The command policy refuses something of it, whoever asks; all of it is named. Nothing was started.
    #[error(transparent)]
    NotAllowed(ValidationError),
    /// The caller may not do this, or nobody could tell.
    #[error("denied: {reason}")]
    Denied {
        /// What they may not do, as a capability name.
        capability: String,
        /// Why.
        reason: String,
    },
    /// There is no such graph run.
    #[error("no graph run {0}")]
    NotFound(ExecutionId),
    /// Only a run that is interrupted can be resumed.
    #[error("graph run {id} is {status}; only one that is interrupted can be resumed")]
    NotInterrupted {
        /// Which.
        id: ExecutionId,
        /// How it stands.
        status: GraphStatus,
    },
    /// Another process was quicker to resume it.
    #[error("graph run {0} is being resumed by another process")]
    Taken(ExecutionId),
    /// The inventory could not be read.
    #[error("failed to read the inventory: {0}")]
    Inventory(String),
    /// The store could not answer, or not write the run down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine is shutting down.
    #[error("engine is shutting down")]
    ShuttingDown,
}

impl GraphError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) | Self::NotInterrupted { .. } | Self::Taken(_) => ErrorCode::Validation,
            Self::NotAllowed(_) => ErrorCode::CommandNotAllowed,
            Self::Denied { .. } => ErrorCode::Denied,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Inventory(_) => ErrorCode::BadConfig,
            Self::Store(error) => error.code(),
            Self::ShuttingDown => ErrorCode::ShuttingDown,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            other => other.code().is_retryable(),
        }
    }
}
