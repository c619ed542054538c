//! Port [`LogSink`]: where a host application wants the log lines. Best effort: it may lose, and never slows
//! a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{CorrelationId, ExecutionId};

/// Takes log records.
pub trait LogSink: Send + Sync + 'static {
    /// Takes one record without blocking.
    fn log(&self, record: &LogRecord);
}

/// One structured log entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// When.
    pub at: Timestamp,
    /// How grave.
    pub level: LogLevel,
    /// The part that speaks: `engine`, `transport`.
    pub component: String,
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

/// How grave a log entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
