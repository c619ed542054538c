//! Why a call has no answer: [`CallError`], and what a plugin did instead, [`CallFault`].

use std::fmt;

use pabawi_domain::command_policy::NotAllowed;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::validation::ValidationError;
use serde::Serialize;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The call is bad; all of it is named, with paths such as `parameters.count` and `plugin`. Nobody was called.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// No plugin has the capability.
    #[error("no plugin has the capability {capability}")]
    NoPlugin {
        /// The capability.
        capability: String,
    },
    /// Nobody says yet who may call what: plugins are still getting ready.
    #[error("plugins are getting ready, none of them can be called yet")]
    NotOpen,
    /// The caller may not do this, or nobody could tell.
    #[error("denied: {reason}")]
    Denied {
        /// Why.
        reason: String,
    },
    /// The command policy refuses a command line among the parameters, whoever asks.
    #[error("{}", .0.told())]
    CommandNotAllowed(Box<NotAllowed>),
    /// Every plugin that was tried, in that order, with what it did instead; at least one.
    #[error("{}", .tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Failed {
        /// What each did.
        tried: Vec<CallFault>,
    },
}

impl CallError {
    /// The stable code; of several plugins that of the last.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Validation,
            Self::NoPlugin { .. } => ErrorCode::Unsupported,
            Self::NotOpen => ErrorCode::Unavailable,
            Self::Denied { .. } => ErrorCode::Denied,
            Self::CommandNotAllowed(_) => ErrorCode::CommandNotAllowed,
            Self::Failed { tried } => tried.last().map_or(ErrorCode::Internal, |fault| fault.code),
        }
    }

    /// Whether the same call may be answered later.
    pub fn is_retryable(&self) -> bool {
        self.code().is_retryable()
    }
}

/// What a plugin did instead of answering (R7.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("plugin {plugin}: {message}")]
pub struct CallFault {
    /// The plugin.
    pub plugin: PluginName,
    /// What became of the call.
    pub kind: CallFaultKind,
    /// The kind of error.
    pub code: ErrorCode,
    /// The reason.
    pub message: String,
    /// The stack or diagnostics of its tool or language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CallFaultKind {
    /// The plugin is not ready: it was not called.
    NotReady,
    /// Its circuit breaker is open: it was not called.
    BreakerOpen,
    /// It has as many calls as it is given at the same time, none of which ended in time: it was not called.
    Busy,
    /// It answered with an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It did not answer in time.
    TimedOut,
    /// Its answer breaks the schema of results, or is too large.
    BadAnswer,
}

impl fmt::Display for CallFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "not ready",
            Self::BreakerOpen => "breaker open",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed out",
            Self::BadAnswer => "bad answer",
        })
    }
}

impl CallFault {
    /// Whether the plugin was called at all.
    pub fn was_called(&self) -> bool {
        !matches!(self.kind, CallFaultKind::NotReady | CallFaultKind::BreakerOpen | CallFaultKind::Busy)
    }

    /// Whether it says nothing against the plugin: it works, and what it was asked for is not there or not to be had.
    pub(super) fn is_an_answer(&self) -> bool {
        let answers = [
            ErrorCode::Validation,
            ErrorCode::NotFound,
            ErrorCode::UnknownTarget,
            ErrorCode::Denied,
            ErrorCode::Unsupported,
        ];
        self.kind == CallFaultKind::Failed && answers.contains(&self.code)
    }
}
