//! [`ExternalError`]: why a program is no plugin.

use std::path::PathBuf;

use pabawi_domain::ports::ToolError;

/// Why a program is no plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalError {
    /// The file cannot be run, or it is not safe to run it.
    #[error("plugin {}: {reason}", .program.display())]
    Unusable {
        /// The program.
        program: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// It could not be asked what it is.
    #[error("{} describe: {error}", .program.display())]
    NotAsked {
        /// The program.
        program: PathBuf,
        /// Why.
        error: ToolError,
    },
    /// What it says of itself cannot be used.
    #[error("{} describe: {reason}", .program.display())]
    Undescribed {
        /// The program.
        program: PathBuf,
        /// What is wrong, with line and field.
        reason: String,
        /// What it wrote to its standard error at the end.
        log: Option<String>,
    },
    /// What a part of this program says of itself cannot be used.
    #[error("{0}")]
    Description(String),
}

impl ExternalError {
    /// What the program wrote to its standard error at the end.
    pub fn log(&self) -> Option<&str> {
        match self {
            Self::Undescribed { log, .. } => log.as_deref(),
            Self::Unusable { .. } | Self::NotAsked { .. } | Self::Description(_) => None,
        }
    }
}
