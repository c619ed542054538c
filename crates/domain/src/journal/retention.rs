//! What may be forgotten. A limit is what a person wants; a store makes a cut of it, which is what would go; and a cut is
//! carried out in small steps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::action::ActionKind;
use crate::id::PluginName;

/// How long entries are kept. An entry follows the limit that says most about it: type and source, then source, then type,
/// then neither. One that no limit is about is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JournalLimit {
    /// Entries of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Entries told by this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Entries before this time go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// Of the others so many are kept, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
}

impl JournalLimit {
    /// How much it says about the entries that it is for.
    pub fn rank(&self) -> u8 {
        u8::from(self.source.is_some()) * 2 + u8::from(self.event_type.is_some())
    }
}

/// What would go by one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalCut {
    /// The limit.
    pub limit: JournalLimit,
    /// How many entries would go.
    pub entries: u64,
    /// Everything older than this goes; a store's own mark.
    pub mark: Option<(i64, i64)>,
}

/// How long executions, or their outputs, are kept; those of executions that are not over always are. An execution follows the
/// limit that says most about it: type and plugin, then plugin, then type, then neither. Of several that say as much, since it had
/// several plugins, it follows the one that keeps it longest. One that no limit is about is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionLimit {
    /// Executions that do this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_kind: Option<ActionKind>,
    /// Executions that this plugin or transport did, on one of their nodes or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginName>,
    /// Executions that were submitted before this time go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// Of the others so many are kept, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
}

impl ExecutionLimit {
    /// How much it says about the executions that it is for.
    pub fn rank(&self) -> u8 {
        u8::from(self.plugin.is_some()) * 2 + u8::from(self.action_kind.is_some())
    }
}

/// What would go of the executions by one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionCut {
    /// The limit.
    pub limit: ExecutionLimit,
    /// How many would go.
    pub executions: u64,
    /// With how many targets.
    pub targets: u64,
    /// When the newest of them was submitted.
    pub newest: Option<Timestamp>,
    /// Everything older than this goes; a store's own mark.
    pub mark: Option<i64>,
}

/// What would go of the outputs while their executions stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputCut {
    /// Outputs that only executions of these have.
    pub outputs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The executions that would give up their outputs, by limit.
    pub executions: Vec<ExecutionCut>,
}

/// What one step has removed of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrunedJournal {
    /// Entries that are gone.
    pub entries: u64,
    /// Where the next step goes on, a store's own mark; absent when nothing is left to do.
    pub next: Option<(i64, i64)>,
}

/// What one step has removed of the executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrunedExecutions {
    /// Executions that are gone.
    pub executions: u64,
    /// Targets that are gone.
    pub targets: u64,
    /// Outputs that nobody else had.
    pub outputs: u64,
    /// Where the next step goes on, a store's own mark; absent when nothing is left to do.
    pub next: Option<i64>,
}

/// What one step has removed of the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrunedOutputs {
    /// Outputs whose content is gone.
    pub outputs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Where the next step goes on; absent when nothing is left to do.
    pub next: Option<OutputPlace>,
}

/// Up to where outputs were given up, in a store's own marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutputPlace {
    /// By this execution and those before it.
    Execution(i64),
    /// Of the next execution, up to this output.
    Output {
        /// The execution.
        execution: i64,
        /// The last output.
        output: i64,
    },
    /// Of the next execution all outputs, and those in its events up to this number.
    Events {
        /// The execution.
        execution: i64,
        /// The last number.
        seq: i64,
    },
}
