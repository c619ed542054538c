//! [`SourceReport`]: how a source did.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a source did when it was asked last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// Its priority; higher wins.
    pub priority: i32,
    /// How it stands.
    pub state: SourceState,
    /// Nodes of its last good answer.
    pub nodes: usize,
    /// Groups of its last good answer.
    pub groups: usize,
    /// When it was asked for its last good answer, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<Timestamp>,
    /// How long ago that was, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How long the last answer, or failure, took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The last failure was that it did not answer in time.
    pub timed_out: bool,
    /// Why it failed last; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it had to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceState {
    /// It answered.
    Healthy,
    /// It failed; what it told before is used.
    Stale,
    /// It failed and has told nothing yet.
    Unavailable,
    /// Its settings say that it is not asked.
    Disabled,
}

impl SourceState {
    /// The word that is shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Stale => "stale",
            Self::Unavailable => "unavailable",
            Self::Disabled => "disabled",
        }
    }
}
