//! What a person writes: [`TaskDef`], a request with a name and prerequisites, and [`TaskGraph`], many of them.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::request::ExecutionRequest;
use crate::validation as check;

/// A unit of work: name, action, parameters, targets, options, prerequisites (R2.1, R2.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDef {
    /// Its name, unique in its graph.
    #[garde(custom(check::tool_name))]
    pub name: String,
    /// Tasks that come first, by name: its prerequisites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(skip)]
    pub after: Vec<String>,
    /// Whether it runs when one of those did not succeed.
    #[serde(default)]
    #[garde(skip)]
    pub when: When,
    /// Values that the texts of the request refer to as `${parameters.NAME}`. They are taken as they are: no
    /// reference is looked for in them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[garde(skip)]
    pub parameters: Map<String, Value>,
    /// JSON Schema that the parameters, as one object, have to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub parameter_schema: Option<Value>,
    /// What is to be done, where and how, as in any other request.
    #[serde(flatten)]
    #[garde(dive)]
    pub request: ExecutionRequest,
}

/// Tasks that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskGraph {
    /// Its name.
    pub name: String,
    /// The tasks, in any order; at least one and at most [`super::MAX_TASKS`].
    pub tasks: Vec<TaskDef>,
}

impl TaskGraph {
    /// The same graph with `***` in place of every secret, as it is stored and shown.
    pub fn redacted(&self) -> Self {
        let redacted = |task: &TaskDef| TaskDef { request: task.request.redacted(), ..task.clone() };
        Self { name: self.name.clone(), tasks: self.tasks.iter().map(redacted).collect() }
    }
}

/// When a task runs, seen from its prerequisites, once all of them have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// All of them succeeded.
    #[default]
    Succeeded,
    /// At least one did not: a rescue task. Where all of them did, it is skipped, and that counts as a success for
    /// the tasks after it.
    Failed,
    /// In any case.
    Always,
}
