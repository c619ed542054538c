//! [`Exit`]: how `pab` ends, and [`Failure`], an error that knows it.

use std::fmt;
use std::process::ExitCode;

use pabawi::graph::GraphError;
use pabawi::plugin::CallError;
use pabawi::{EngineError, ErrorCode, FrameworkError, PlanChange, PlanError, SubmitError, ValidationError};

/// How `pab` ends. The numbers are documented and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All nodes succeeded.
    AllSucceeded,
    /// Some nodes, or all of them, did not succeed.
    SomeFailed,
    /// Something that was given is not valid; nothing was started.
    Usage,
    /// No node could be reached, or the history could not be opened or written.
    NothingRan,
    /// A policy or permission refused it.
    Refused,
    /// It was cancelled.
    Cancelled,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::AllSucceeded => 0,
            Self::SomeFailed => 1,
            Self::Usage => 2,
            Self::NothingRan => 3,
            Self::Refused => 4,
            Self::Cancelled => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// How a missing permission is told.
const DENIED: &str = "✗ Permission denied:";

/// Why `pab` ends without having done what was asked.
#[derive(Debug)]
pub struct Failure {
    /// How it ends.
    pub exit: Exit,
    /// What is told. Empty when everything has been told already.
    pub message: String,
}

impl Failure {
    /// Something that was given is not valid.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// A permission is missing.
    pub fn denied(capability: &str, reason: &str) -> Self {
        let message = format!("{DENIED} You lack the '{capability}' capability.\n{reason}");
        Self { exit: Exit::Refused, message }
    }

    /// A plugin did not answer.
    pub(crate) fn of_call(capability: &str, error: CallError) -> Self {
        match error {
            CallError::Denied { reason } => Self::denied(capability, &reason),
            CallError::Invalid(error) => error.into(),
            other => Self { exit: exit_of(other.code()), message: other.to_string() },
        }
    }

    /// Whether it says itself that something is wrong, so that no word has to go before it.
    pub fn is_denial(&self) -> bool {
        self.message.starts_with(DENIED)
    }

    /// It could not be done.
    pub fn nothing_ran(message: impl fmt::Display) -> Self {
        Self { exit: Exit::NothingRan, message: message.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ValidationError> for Failure {
    fn from(error: ValidationError) -> Self {
        Self::usage(crate::option_names::describe(&error))
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Invalid(error) => error.into(),
            SubmitError::Denied { capability, reason } => Self::denied(&capability, &reason),
            other => Self { exit: exit_of(other.code()), message: other.to_string() },
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid(error) => error.into(),
            EngineError::Denied { capability, reason } => Self::denied(&capability, &reason),
            EngineError::Submit(error) => error.into(),
            other => Self { exit: exit_of(other.code()), message: other.to_string() },
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let exit = exit_of(error.code());
        match error {
            PlanError::Submit(error) => error.into(),
            PlanError::Changed { hash, changes } => {
                let is_denied = changes.iter().all(|change| matches!(change, PlanChange::Denied { .. }));
                let exit = if is_denied { Exit::Refused } else { exit };
                Self { exit, message: crate::difference::describe(hash, &changes) }
            }
            PlanError::Applied { hash, by } => Self {
                exit,
                message: format!(
                    "plan {hash} was applied by execution {by}; apply it once more with --again, or look at it with \
                     pab executions show {by}"
                ),
            },
            other => Self { exit, message: other.to_string() },
        }
    }
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Invalid(error) => Self::usage(crate::option_names::listed(&error)),
            GraphError::NotAllowed(error) => {
                Self { exit: Exit::Refused, message: crate::option_names::listed(&error) }
            }
            GraphError::Denied { capability, reason } => Self::denied(&capability, &reason),
            other => Self { exit: exit_of(other.code()), message: other.to_string() },
        }
    }
}

impl From<FrameworkError> for Failure {
    fn from(error: FrameworkError) -> Self {
        match error {
            FrameworkError::Invalid(error) => error.into(),
            FrameworkError::Denied { capability, reason } => Self::denied(&capability, &reason),
            FrameworkError::Engine(error) => error.into(),
            other => Self { exit: exit_of(other.code()), message: other.to_string() },
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::nothing_ran(format!("{error:#}"))
    }
}

fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::Denied | ErrorCode::CommandNotAllowed => Exit::Refused,
        ErrorCode::Validation
        | ErrorCode::NotFound
        | ErrorCode::UnknownTarget
        | ErrorCode::Unsupported
        | ErrorCode::IdempotencyConflict
        | ErrorCode::PlanChanged
        | ErrorCode::PlanExpired
        | ErrorCode::PlanApplied
        | ErrorCode::BadConfig
        | ErrorCode::BadKey
        | ErrorCode::LocalFile => Exit::Usage,
        _ => Exit::NothingRan,
    }
}
