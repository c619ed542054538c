//! Schemas of parameters and results.

use serde_json::{Value, json};

/// The name of a task or a plan, as Bolt checks it.
const NAME: &str = "^[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*$";
/// A parameter that is not Bolt's own.
const PARAMETER: &str = "^[a-z][A-Za-z0-9_]*$";

/// An object of these properties and no others.
fn object(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

fn run_as() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.@\\\\-]*$",
           "description": "The user to run as; one of the inventory is passed over then"})
}

/// Commands and scripts bring their own options; the action is checked by the engine.
pub(super) fn process() -> Value {
    json!({"type": "object"})
}

/// Parameters of a task go to it as they are; which there are only its metadata tell.
pub(super) fn task() -> Value {
    json!({
        "type": "object",
        "description": "The task's own parameters, and with an underscore those of Bolt",
        "properties": {
            "_noop": {"type": "boolean", "description": "Change nothing, where the task can do that"},
            "_run_as": run_as(),
        },
        "patternProperties": {PARAMETER: {}},
        "additionalProperties": false,
    })
}

/// Parameters of a plan; its targets are those of the request.
pub(super) fn plan() -> Value {
    json!({
        "type": "object",
        "description": "The plan's own parameters",
        "propertyNames": {"not": {"enum": ["targets", "nodes"]}},
        "patternProperties": {PARAMETER: {}},
        "additionalProperties": false,
    })
}

pub(super) fn facts() -> Value {
    object(&json!({"_run_as": run_as()}), &[])
}

pub(super) fn nothing() -> Value {
    object(&json!({}), &[])
}

pub(super) fn filter(what: &str) -> Value {
    let description = format!("Only {what} whose name or description has this");
    object(&json!({"filter": {"type": "string", "description": description}}), &[])
}

pub(super) fn name(what: &str) -> Value {
    let description = format!("The {what}, such as facts or module::{what}");
    object(&json!({"name": {"type": "string", "pattern": NAME, "description": description}}), &["name"])
}

/// What a command or a script printed.
pub(super) fn printed() -> Value {
    json!({"type": "object", "properties": {
        "stdout": {"type": "string"}, "stderr": {"type": "string"}, "exitCode": {"type": "integer"}
    }})
}

/// What a task returned; nobody but the task knows more.
pub(super) fn task_value() -> Value {
    json!({"type": "object"})
}

/// What a plan returned: anything.
pub(super) fn plan_value() -> Value {
    json!({})
}

fn lists(names: &[&str]) -> Value {
    let list = json!({"type": "array"});
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), list.clone())).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

pub(super) fn inventory() -> Value {
    lists(&["nodes", "groups", "warnings"])
}

pub(super) fn facts_of_nodes() -> Value {
    lists(&["facts", "errors"])
}

fn text_or_nothing() -> Value {
    json!({"type": ["string", "null"]})
}

/// A parameter of a task.
fn parameter() -> Value {
    json!({
        "type": "object",
        "required": ["name", "type", "required", "sensitive"],
        "properties": {
            "name": {"type": "string"},
            "type": {"type": "string", "description": "A data type of Puppet"},
            "required": {"type": "boolean"},
            "sensitive": {"type": "boolean"},
            "description": text_or_nothing(),
            "default": {},
        }
    })
}

pub(super) fn tasks() -> Value {
    let task = json!({
        "type": "object",
        "required": ["name", "description", "module", "parameters", "supportsNoop"],
        "properties": {
            "name": {"type": "string"},
            "description": text_or_nothing(),
            "module": {"type": "string"},
            "supportsNoop": {"type": "boolean"},
            "parameters": {"type": ["array", "null"], "items": parameter(),
                           "description": "Nothing where its metadata were not found"},
        }
    });
    json!({"type": "object", "required": ["tasks"], "properties": {"tasks": {"type": "array", "items": task}}})
}

pub(super) fn plans() -> Value {
    let plan = json!({
        "type": "object",
        "required": ["name", "description"],
        "properties": {"name": {"type": "string"}, "description": text_or_nothing()}
    });
    json!({"type": "object", "required": ["plans"], "properties": {"plans": {"type": "array", "items": plan}}})
}

pub(super) fn one_task() -> Value {
    json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"}, "metadata": {"type": "object"}, "files": {"type": "array"}
    }})
}

pub(super) fn one_plan() -> Value {
    json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"}, "parameters": {"type": "object"}
    }})
}
