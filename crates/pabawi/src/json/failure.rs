//! What is told when something fails: [`Failure`], of which each language makes an error of its own.

use crate::graph::GraphError;
use crate::plugin::{CallError, CallFault};
use crate::v1::AdoptError;
use crate::{EngineError, ErrorCode, FieldError, FrameworkError, PlanError, SubmitError, ValidationError};
use pabawi_domain::command_policy::NotAllowed;
use pabawi_domain::ports::StoreError;
use pabawi_journal::JournalError;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A failure as it crosses.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// The reason, for a person.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The plugin whose fault it is, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Box<str>>,
    /// The fields that are bad, each by its path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// More.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// A code of the framework, or what only happens between the two languages.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FailureCode {
    /// A code of the framework.
    Known(ErrorCode),
    /// A code of this side.
    Own(OwnCode),
}

/// What only happens between the two languages.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnCode {
    /// The call was given up by the caller.
    Aborted,
}

impl Failure {
    /// A failure with a reason.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: FailureCode::Known(code),
            message: message.into(),
            retryable: code.is_retryable(),
            plugin: None,
            fields: Vec::new(),
            details: Map::new(),
        }
    }

    /// The caller has given the call up.
    pub fn aborted() -> Self {
        Self {
            code: FailureCode::Own(OwnCode::Aborted),
            ..Self::new(ErrorCode::Internal, "the call was given up")
        }
    }

    fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    fn with(mut self, name: &str, value: impl Serialize) -> Self {
        // What cannot be written as JSON is left out: the message says it as well.
        if let Ok(value) = serde_json::to_value(value) {
            self.details.insert(name.to_owned(), value);
        }
        self
    }

    fn denied(capability: &str, message: String) -> Self {
        Self::new(ErrorCode::Denied, message).with("capability", capability)
    }

    fn bad_cursor(message: String) -> Self {
        ValidationError::of("cursor", message).into()
    }

    fn not_allowed(message: String, refused: &NotAllowed) -> Self {
        let failure = Self::new(ErrorCode::CommandNotAllowed, message);
        failure.with("command", &refused.command).with("reason", &refused.reason)
    }
}

impl From<ValidationError> for Failure {
    fn from(error: ValidationError) -> Self {
        Self { fields: error.fields.clone(), ..Self::new(ErrorCode::Validation, error.to_string()) }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let (code, message, retryable) = (error.code(), error.to_string(), error.is_retryable());
        match error {
            SubmitError::Invalid(error) => error.into(),
            SubmitError::Denied { capability, .. } => Self::denied(&capability, message),
            SubmitError::CommandNotAllowed(refused) => Self::not_allowed(message, &refused),
            SubmitError::IdempotencyConflict { existing } => {
                Self::new(code, message).with("executionId", existing)
            }
            SubmitError::NotReady { capability, reasons } => {
                let told: Map<String, Value> =
                    reasons.into_iter().map(|(plugin, why)| (plugin.to_string(), why.into())).collect();
                Self::new(code, message).with("capability", capability).with("plugins", told)
            }
            _ => Self::new(code, message).retryable(retryable),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let (code, message, retryable) = (error.code(), error.to_string(), error.is_retryable());
        match error {
            EngineError::Invalid(error) => error.into(),
            EngineError::Submit(error) => error.into(),
            EngineError::Denied { capability, .. } => Self::denied(&capability, message),
            EngineError::Store(StoreError::BadCursor) => Self::bad_cursor(message),
            _ => Self::new(code, message).retryable(retryable),
        }
    }
}

impl From<FrameworkError> for Failure {
    fn from(error: FrameworkError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error {
            FrameworkError::Invalid(error) => error.into(),
            FrameworkError::Engine(error) => error.into(),
            FrameworkError::Denied { capability, .. } => Self::denied(&capability, message),
            FrameworkError::Store(StoreError::BadCursor)
            | FrameworkError::Journal(JournalError::Store(StoreError::BadCursor)) => {
                Self::bad_cursor(message)
            }
            FrameworkError::Store(error) => Self::new(code, message).retryable(error.is_retryable()),
            _ => Self::new(code, message),
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let (code, message, retryable) = (error.code(), error.to_string(), error.is_retryable());
        match error {
            PlanError::Submit(error) => error.into(),
            PlanError::Changed { changes, .. } => Self::new(code, message).with("changes", changes),
            PlanError::Applied { by, .. } => Self::new(code, message).with("executionId", by),
            _ => Self::new(code, message).retryable(retryable),
        }
    }
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        let (code, message, retryable) = (error.code(), error.to_string(), error.is_retryable());
        match error {
            GraphError::Invalid(error) => error.into(),
            GraphError::Denied { capability, .. } => Self::denied(&capability, message),
            GraphError::Store(StoreError::BadCursor) => Self::bad_cursor(message),
            // Nothing that was given is bad: it is not the time for it.
            GraphError::NotInterrupted { id, .. } => ValidationError::of("id", message).with_id(id),
            GraphError::Taken(id) => ValidationError::of("id", message).with_id(id),
            _ => Self::new(code, message).retryable(retryable),
        }
    }
}

/// A bad id as a failure that also has the id.
trait WithId {
    fn with_id(self, id: crate::ExecutionId) -> Failure;
}

impl WithId for ValidationError {
    fn with_id(self, id: crate::ExecutionId) -> Failure {
        Failure::from(self).with("id", id)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let (code, message, retryable) = (error.code(), error.to_string(), error.is_retryable());
        match error {
            CallError::Invalid(error) => error.into(),
            CallError::CommandNotAllowed(refused) => Self::not_allowed(message, &refused),
            CallError::Failed { tried } => {
                let plugin = tried.last().map(|fault: &CallFault| fault.plugin.as_str().into());
                Self { plugin, ..Self::new(code, message).retryable(retryable).with("tried", tried) }
            }
            _ => Self::new(code, message).retryable(retryable),
        }
    }
}

impl From<AdoptError> for Failure {
    fn from(error: AdoptError) -> Self {
        let message = error.to_string();
        match error {
            AdoptError::Invalid { plugin, error } => Self { plugin: Some(plugin.into()), ..error.into() },
            AdoptError::Unreadable { plugin, .. } => {
                Self { plugin: Some(plugin.into()), ..Self::new(ErrorCode::PluginFault, message) }
            }
            _ => Self::new(ErrorCode::BadConfig, message),
        }
    }
}
