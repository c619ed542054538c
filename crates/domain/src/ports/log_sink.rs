//! Port [`LogSink`]: where a host application wants the log lines. Best effort: it may lose, says so, and never slows
//! a run.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{CorrelationId, ExecutionId};

/// Takes log records. It is called on a thread of its own, one record after the other, so it may block; what comes
/// meanwhile waits, and beyond a bound is lost and counted.
pub trait LogSink: Send + Sync + 'static {
    /// Takes one record.
    fn log(&self, record: &LogRecord);
}

/// One structured log entry, in the shape of Pabawi's `LoggerService`: [`LogRecord::logger_context`] is its context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// When.
    pub at: Timestamp,
    /// How grave.
    pub level: LogLevel,
    /// The part that speaks: `engine`, `transport`.
    pub component: String,
    /// The plugin, transport or source that it is about: `bolt`, `ssh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
    /// What was being done: the kind of an action or a capability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The sentence.
    pub message: String,
    /// The execution it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// The request it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<CorrelationId>,
    /// More, already redacted.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl LogRecord {
    /// The second argument of `LoggerService`'s methods. It has no field for the ids, so they stand in its metadata.
    pub fn logger_context(&self) -> LoggerContext {
        let ids = [
            ("executionId", self.execution_id.map(|id| id.to_string())),
            ("correlationId", self.correlation_id.as_ref().map(ToString::to_string)),
        ];
        let ids = ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), Value::from(id?))));
        LoggerContext {
            component: self.component.clone(),
            integration: self.integration.clone(),
            operation: self.operation.clone(),
            metadata: ids.chain(self.fields.clone()).collect(),
        }
    }
}

/// `LogContext` of Pabawi's `LoggerService`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggerContext {
    /// See [`LogRecord::component`].
    pub component: String,
    /// See [`LogRecord::integration`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
    /// See [`LogRecord::operation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The ids, and all else.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// How grave a log entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogLevel {
    /// For finding faults.
    Debug,
    /// What happens.
    Info,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// The word that `LoggerService` has for it, which is the name of its method too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the way to a sink stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogStats {
    /// Records that the sink has been given.
    pub delivered: u64,
    /// Records that were lost since the sink was too slow, or is given none any more.
    pub dropped: u64,
    /// Calls of the sink that panicked.
    pub panics: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R10.6: the shape that `LoggerService` takes.
    #[test]
    fn a_record_is_what_the_logger_service_takes() {
        let record = LogRecord {
            at: Timestamp::UNIX_EPOCH,
            level: LogLevel::Warn,
            component: "engine".into(),
            integration: Some("bolt".into()),
            operation: None,
            message: "denied".into(),
            execution_id: Some("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()),
            correlation_id: Some(CorrelationId::new("ticket-9").unwrap()),
            fields: Map::from_iter([("targets".to_owned(), Value::from(2))]),
        };
        assert_eq!(
            serde_json::to_value(record.logger_context()).unwrap(),
            serde_json::json!({
                "component": "engine", "integration": "bolt",
                "metadata": {
                    "executionId": "01890a5d-ac96-774b-bcce-b302099a8057", "correlationId": "ticket-9", "targets": 2
                },
            })
        );
        assert_eq!((record.level.to_string(), LogLevel::Error.as_str()), ("warn".into(), "error"));
    }
}
