//! From an action to what Bolt is to do: [`Work`]. Nothing has been started or written by then, and what cannot be done is
//! refused with its field.

use pabawi_domain::action::{Action, ToolAction};
use pabawi_domain::validation::FieldError;
use serde_json::{Map, Value};

use super::process::{Script, command_text};
use crate::tool::parameters::Parameters;

/// The task that knows facts, which comes with Bolt.
pub(super) const FACTS: &str = "facts";
/// Parameters of a task that Bolt takes for itself.
const OF_BOLT: [&str; 2] = ["_noop", "_run_as"];

/// What Bolt is to do.
#[derive(Debug, PartialEq)]
pub(super) enum Work {
    /// A command line.
    Command(String),
    /// A script.
    Script(Script),
    /// A task with its parameters.
    Task(String, Map<String, Value>),
    /// A plan with its parameters.
    Plan(String, Map<String, Value>),
}

impl Work {
    /// What an action means to Bolt.
    ///
    /// # Errors
    /// What cannot be done, by its field.
    pub(super) fn of(action: &Action) -> Result<Self, FieldError> {
        match action {
            Action::Command(action) => Ok(Self::Command(command_text(action)?)),
            Action::Script(action) => Ok(Self::Script(Script::of(action)?)),
            Action::Task(tool) => Ok(Self::Task(name(tool)?, task_parameters(tool)?)),
            Action::Plan(tool) => Ok(Self::Plan(name(tool)?, plan_parameters(tool)?)),
            Action::Facts(tool) => {
                Parameters(&tool.parameters).only(&["_run_as"])?;
                Ok(Self::Task(FACTS.to_owned(), task_parameters(tool)?))
            }
            other => {
                let message = format!("is a {}, which Bolt cannot do", other.kind());
                Err(FieldError { path: "action".to_owned(), message })
            }
        }
    }

    /// The word of Bolt's command line.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Script(_) => "script",
            Self::Task(..) => "task",
            Self::Plan(..) => "plan",
        }
    }

    /// Its parameters, where it takes some.
    pub(super) fn parameters(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Task(_, parameters) | Self::Plan(_, parameters) => Some(parameters),
            Self::Command(_) | Self::Script(_) => None,
        }
    }
}

/// Whether it is the name of a task or a plan, as Bolt checks it.
pub(super) fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.len() <= 1_000 && text.split("::").all(is_part)
}

fn name(tool: &ToolAction) -> Result<String, FieldError> {
    if is_name(&tool.name) {
        return Ok(tool.name.clone());
    }
    let message =
        "must be a name such as facts or module::name: small letters, digits and _, parts joined by ::"
            .to_owned();
    Err(FieldError { path: "action.name".to_owned(), message })
}

fn task_parameters(tool: &ToolAction) -> Result<Map<String, Value>, FieldError> {
    let parameters = Parameters(&tool.parameters);
    parameters.flag("_noop")?;
    parameters.word("_run_as")?;
    for name in tool.parameters.keys().filter(|name| !OF_BOLT.contains(&name.as_str())) {
        own(name)?;
    }
    Ok(tool.parameters.clone())
}

fn plan_parameters(tool: &ToolAction) -> Result<Map<String, Value>, FieldError> {
    for name in tool.parameters.keys() {
        own(name)?;
        if ["targets", "nodes"].contains(&name.as_str()) {
            return Err(Parameters::fault(name, "is said by the targets of the request"));
        }
    }
    Ok(tool.parameters.clone())
}

/// Names with an underscore are Bolt's own orders, such as not to fail.
fn own(name: &str) -> Result<(), FieldError> {
    let is_own = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_own {
        true => Ok(()),
        false => Err(Parameters::fault(
            name,
            "is no name of a parameter; beside those, which begin with a small letter, a task takes _noop and _run_as",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(name: &str, parameters: Value) -> ToolAction {
        let parameters = parameters.as_object().unwrap().clone();
        ToolAction { name: name.to_owned(), parameters, ..ToolAction::default() }
    }

    /// R9.3
    #[test]
    fn what_cannot_be_done_is_refused_with_its_field() {
        for (action, part) in [
            (Action::Task(tool("--version", json!({}))), "action.name: must be a name"),
            (Action::Task(tool("a b", json!({}))), "action.name"),
            (Action::Task(tool("a:b", json!({}))), "action.name"),
            (Action::Task(tool("a::", json!({}))), "action.name"),
            (Action::Task(tool("x=y", json!({}))), "action.name"),
            (Action::Task(tool("a", json!({"_catch_errors": true}))), "action.parameters._catch_errors"),
            (Action::Task(tool("a", json!({"_noop": 1}))), "action.parameters._noop: must be true or false"),
            (Action::Task(tool("a", json!({"_run_as": "-x"}))), "action.parameters._run_as: must not start"),
            (Action::Plan(tool("a", json!({"targets": "all"}))), "action.parameters.targets: is said by"),
            (Action::Plan(tool("a", json!({"_run_as": "x"}))), "action.parameters._run_as"),
            (Action::Facts(tool("facts", json!({"x": 1}))), "action.parameters.x: is not known"),
            (Action::Playbook(tool("x", json!({}))), "action: is a playbook, which Bolt cannot do"),
        ] {
            let fault = Work::of(&action).unwrap_err().to_string();
            assert!(fault.starts_with(part), "{fault}");
        }
    }

    #[test]
    fn parameters_go_as_they_are() {
        let parameters = json!({"name": "nginx", "list": [1, {"a": null}], "_noop": true});
        let work = Work::of(&Action::Task(tool("package", parameters.clone()))).unwrap();
        assert_eq!(work.parameters().cloned().map(Value::Object), Some(parameters));
        let work = Work::of(&Action::Facts(tool("anything", json!({})))).unwrap();
        assert_eq!(work, Work::Task("facts".to_owned(), Map::new()));
    }
}
