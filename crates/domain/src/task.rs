//! Orchestration: [`TaskDef`], a unit of work with prerequisites, and [`TaskGraph`], many of them.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::action::Action;
use crate::node::TargetExpression;
use crate::resilience::RetryPolicy;
use crate::validation as check;

/// A unit of work: name, action, parameters, targets, options, prerequisites (R2.1, R2.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub struct TaskDef {
    /// Its name, unique in its graph.
    #[garde(custom(check::tool_name))]
    pub name: String,
    /// What is to be done.
    #[garde(dive)]
    pub action: Action,
    /// Parameters.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[garde(skip)]
    pub parameters: Map<String, Value>,
    /// JSON Schema of the parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub parameter_schema: Option<Value>,
    /// Where.
    #[garde(dive)]
    pub targets: TargetExpression,
    /// Tasks that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(skip)]
    pub after: Vec<String>,
    /// Whether it runs when one of those did not succeed.
    #[serde(default)]
    #[garde(skip)]
    pub when: When,
    /// In which order and how many nodes at once.
    #[serde(default)]
    #[garde(dive)]
    pub mode: Mode,
    /// When a node run is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub retry: Option<RetryPolicy>,
}

/// Tasks that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub struct TaskGraph {
    /// Its name.
    #[garde(custom(check::tool_name))]
    pub name: String,
    /// The tasks, in any order.
    #[garde(length(min = 1), dive)]
    pub tasks: Vec<TaskDef>,
}

/// When a task runs, seen from its prerequisites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// All of them succeeded.
    #[default]
    Succeeded,
    /// At least one did not: a rescue task.
    Failed,
    /// In any case.
    Always,
}

/// In which order a task's targets are taken (R2.8, R2.9).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Mode {
    /// As many at once as the limits allow; the next starts as soon as one ends.
    #[default]
    Parallel,
    /// One after the other, in the declared order.
    Sequential {
        /// Stops at the first failure.
        #[serde(default)]
        #[garde(skip)]
        stop_at_failure: bool,
    },
    /// In waves.
    Rolling {
        /// Sizes of the waves; the last one repeats.
        #[garde(length(min = 1), dive)]
        waves: Vec<Share>,
        /// Rest between two waves, in milliseconds.
        #[serde(default)]
        #[garde(range(max = check::MAX_TIMEOUT_MS))]
        pause_ms: u64,
        /// Failures, of any kind, at which no further node is started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[garde(dive)]
        max_failures: Option<Share>,
    },
}

/// A number of nodes, or a part of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub enum Share {
    /// So many.
    Count(#[garde(range(min = 1))] u64),
    /// So many of a hundred, above 0 and at most 100.
    Percent(#[garde(range(min = 0.000_001, max = 100.0))] f64),
}
