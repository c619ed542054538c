//! [`FrameworkError`]: why a framework could not be opened.

use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::{StoreError, TargetError};
use pabawi_domain::validation::ValidationError;
use pabawi_engine::{BuildError, EngineError};
use pabawi_facts::RegisterError;
use pabawi_journal::JournalError;
use pabawi_plugins::host;

/// Why a framework could not be opened, or its inventory or facts not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameworkError {
    /// An option is bad.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// No database was named, and the environment does not say where the user's data belongs.
    #[error("no place for the database: neither XDG_DATA_HOME nor HOME is set; name a file")]
    NoDataDirectory,
    /// The database could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory could not be read.
    #[error("failed to read the inventory: {0}")]
    Inventory(String),
    /// The caller may not do this, or nobody could tell.
    #[error("denied: {reason}")]
    Denied {
        /// What they may not do, as a capability name.
        capability: String,
        /// Why.
        reason: String,
    },
    /// A fact provider cannot be registered.
    #[error(transparent)]
    FactProvider(#[from] RegisterError),
    /// The engine could not answer.
    #[error(transparent)]
    Engine(EngineError),
    /// A plugin could not be registered.
    #[error(transparent)]
    Plugin(#[from] host::RegisterError),
    /// Another instance of a plugin could not take its place.
    #[error(transparent)]
    Reload(#[from] host::ReloadError),
    /// The journal could not do it.
    #[error(transparent)]
    Journal(JournalError),
    /// The parts do not fit together.
    #[error(transparent)]
    Build(BuildError),
}

impl FrameworkError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) | Self::NoDataDirectory => ErrorCode::Validation,
            Self::Store(error) => error.code(),
            Self::Inventory(_) | Self::FactProvider(_) | Self::Plugin(_) => ErrorCode::BadConfig,
            Self::Denied { .. } => ErrorCode::Denied,
            Self::Reload(_) => ErrorCode::BadConfig,
            Self::Engine(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Build(_) => ErrorCode::Internal,
        }
    }
}

impl From<BuildError> for FrameworkError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Limits(error) => Self::Invalid(error),
            BuildError::Store(error) => Self::Store(error),
            other => Self::Build(other),
        }
    }
}

impl From<EngineError> for FrameworkError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Denied { capability, reason } => Self::Denied { capability, reason },
            EngineError::Invalid(error) => Self::Invalid(error),
            EngineError::Store(error) => Self::Store(error),
            other => Self::Engine(other),
        }
    }
}

impl From<JournalError> for FrameworkError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Invalid(error) => Self::Invalid(error),
            JournalError::Store(error) => Self::Store(error),
            other => Self::Journal(other),
        }
    }
}

impl From<TargetError> for FrameworkError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Invalid(error) => Self::Invalid(error),
            TargetError::Inventory(message) => Self::Inventory(message),
            other => Self::Inventory(other.to_string()),
        }
    }
}
