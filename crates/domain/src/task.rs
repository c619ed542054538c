//! Orchestration: [`TaskDef`], a request with a name and prerequisites, and [`TaskGraph`], many of them.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::request::ExecutionRequest;
use crate::validation as check;

/// A unit of work: name, action, parameters, targets, options, prerequisites (R2.1, R2.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub struct TaskDef {
    /// Its name, unique in its graph.
    #[garde(custom(check::tool_name))]
    pub name: String,
    /// Tasks that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(skip)]
    pub after: Vec<String>,
    /// Whether it runs when one of those did not succeed.
    #[serde(default)]
    #[garde(skip)]
    pub when: When,
    /// Parameters.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[garde(skip)]
    pub parameters: Map<String, Value>,
    /// JSON Schema of the parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub parameter_schema: Option<Value>,
    /// What is to be done, where and how, as in any other request.
    #[serde(flatten)]
    #[garde(dive)]
    pub request: ExecutionRequest,
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
