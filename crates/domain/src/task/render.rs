//! A request with its references replaced by their values: [`render`]. Which values there are is the caller's
//! knowledge; how each one is written depends on where it stands.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::request::ExecutionRequest;
use crate::task::places::{Place, visit};
use crate::task::reference::{Part, Reference, parts};
use crate::task::shell::{Scanner, shell_word};
use crate::validation::ValidationError;

/// Every reference of a request with the path of its field. What is no reference is a violation.
pub(super) fn find(request: &ExecutionRequest, faults: &mut ValidationError) -> Vec<(String, Reference)> {
    let mut found = Vec::new();
    visit(&mut request.clone(), &mut |path, place| {
        let (text, is_command) = match &place {
            Place::Command(text) => (text.as_str(), true),
            Place::Raw(text) => (text.as_str(), false),
            Place::Json(value) => (value.as_str().unwrap_or_default(), false),
        };
        if !text.contains("${") {
            return;
        }
        let cut = match parts(text) {
            Ok(cut) => cut,
            Err(wrong) => {
                for fault in wrong {
                    faults.push(path, fault);
                }
                return;
            }
        };
        let mut scanner = Scanner::default();
        for part in cut {
            match part {
                Part::Text(text) if is_command => scanner.read(&text),
                Part::Text(_) => {}
                Part::Reference(reference) => {
                    if is_command && let Err(why) = scanner.value() {
                        faults.push(path, format!("{reference} {why}"));
                    }
                    found.push((path.to_owned(), reference));
                }
            }
        }
    });
    found
}

/// The references of a request that was checked, each once.
pub fn references(request: &ExecutionRequest) -> BTreeSet<Reference> {
    find(request, &mut ValidationError::default()).into_iter().map(|(_, reference)| reference).collect()
}

/// The request with every reference replaced.
///
/// In a command line a value arrives as one quoted word; in a JSON value that is nothing but a reference it keeps
/// its type; everywhere else it is put in as it is.
///
/// # Errors
/// What `value` said of each reference that has no value, with the field it stands in; and what the request's own
/// check says of the result.
pub fn render(
    request: &ExecutionRequest,
    value: &dyn Fn(&Reference) -> Result<Value, String>,
) -> Result<ExecutionRequest, ValidationError> {
    let mut rendered = request.clone();
    let mut faults = ValidationError::default();
    visit(&mut rendered, &mut |path, place| {
        let result = match place {
            Place::Command(text) => replace(text, value, shell_word).map(|new| *text = new),
            Place::Raw(text) => replace(text, value, str::to_owned).map(|new| *text = new),
            Place::Json(json) => replace_json(json, value),
        };
        for fault in result.err().into_iter().flatten() {
            faults.push(path, fault);
        }
    });
    faults.into_result()?;
    rendered.check()?;
    Ok(rendered)
}

/// The longest text that references may make of a field, in bytes: more than any field may have.
const MAX_RENDERED: usize = 16 * 1024 * 1024;

fn replace(
    text: &str,
    value: &dyn Fn(&Reference) -> Result<Value, String>,
    write: fn(&str) -> String,
) -> Result<String, Vec<String>> {
    if !text.contains("${") {
        return Ok(text.to_owned());
    }
    let mut out = String::new();
    let mut faults = Vec::new();
    for part in parts(text)? {
        match part {
            Part::Text(text) => out.push_str(&text),
            Part::Reference(reference) => match value(&reference) {
                Ok(value) => out.push_str(&write(&plain(&value))),
                Err(fault) => faults.push(format!("{reference}: {fault}")),
            },
        }
        if out.len() > MAX_RENDERED {
            return Err(vec![format!("is longer than {MAX_RENDERED} bytes with its references replaced")]);
        }
    }
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

fn replace_json(
    json: &mut Value,
    value: &dyn Fn(&Reference) -> Result<Value, String>,
) -> Result<(), Vec<String>> {
    let text = json.as_str().unwrap_or_default();
    if !text.contains("${") {
        return Ok(());
    }
    *json = match parts(text)?.as_slice() {
        [Part::Reference(only)] => value(only).map_err(|fault| vec![format!("{only}: {fault}")])?,
        _ => Value::String(replace(text, value, str::to_owned)?),
    };
    Ok(())
}

/// A value as text: a string without quotes, everything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, CommandAction, ScriptAction, ToolAction, UploadAction};
    use crate::node::TargetExpression;
    use crate::output::OutputData;
    use serde_json::json;

    fn values(reference: &Reference) -> Result<Value, String> {
        match reference {
            Reference::Parameter(name) if name == "count" => Ok(json!(3)),
            Reference::Parameter(_) => Ok(json!("it's; $(rm -rf /)")),
            Reference::Status { .. } => Ok(json!("completed")),
            Reference::Node { .. } => Err("has no exit status".to_owned()),
        }
    }

    fn rendered(action: Action) -> ExecutionRequest {
        render(&ExecutionRequest::new(action, TargetExpression::new("web${parameters.count}")), &values)
            .unwrap()
    }

    /// R2.1
    #[test]
    fn a_value_is_written_as_its_place_needs_it() {
        let mut command =
            CommandAction::new("echo ${parameters.x} $${parameters.x} ${HOME} ${parameters.count}");
        command.process.env.insert("X".into(), "<${parameters.x}>".into());
        command.process.cwd = Some("/srv/${tasks.a.status}".into());
        let request = rendered(Action::Command(command));
        assert_eq!(request.targets.as_str(), "web3");
        let Action::Command(command) = &request.action else { panic!() };
        assert_eq!(command.command, "echo 'it'\\''s; $(rm -rf /)' ${parameters.x} ${HOME} '3'");
        assert_eq!(command.process.env["X"].expose(), b"<it's; $(rm -rf /)>");
        assert_eq!(command.process.cwd.as_deref(), Some("/srv/completed"));

        let script = ScriptAction {
            name: "s".into(),
            content: OutputData::from(b"echo ${parameters.x}".to_vec()),
            interpreter: None,
            arguments: vec!["${parameters.x}".into()],
            process: Default::default(),
        };
        let Action::Script(script) = rendered(Action::Script(script)).action else { panic!() };
        assert_eq!(script.arguments, ["it's; $(rm -rf /)"]);
        assert_eq!(&script.content.0[..], b"echo ${parameters.x}", "a script is a file and stays as it is");

        let upload =
            UploadAction { source: "/a/${parameters.count}".into(), destination: "/b".into(), mode: None };
        let Action::Upload(upload) = rendered(Action::Upload(upload)).action else { panic!() };
        assert_eq!(upload.source.to_str(), Some("/a/3"));
    }

    #[test]
    fn numbers_keep_their_type_where_the_place_is_a_json_value() {
        let tool = ToolAction {
            name: "package".into(),
            parameters:
                json!({"n": "${parameters.count}", "deep": [{"t": "v${parameters.count}"}], "b": true})
                    .as_object()
                    .unwrap()
                    .clone(),
            ..ToolAction::default()
        };
        let Action::Package(tool) = rendered(Action::Package(tool)).action else { panic!() };
        assert_eq!(Value::Object(tool.parameters), json!({"n": 3, "deep": [{"t": "v3"}], "b": true}));
    }

    /// A few references to large outputs must not take all the memory: what is too long is given up as soon as it is.
    #[test]
    fn what_references_make_of_a_field_is_bounded() {
        let value = "x".repeat(1024 * 1024);
        for (references, is_too_long) in [(15, false), (200, true)] {
            let mut command = CommandAction::new("true");
            command.process.env.insert("X".into(), "${parameters.big}".repeat(references).as_str().into());
            let action = Action::Command(command);
            let asked = std::cell::Cell::new(0);
            let rendered = render(&ExecutionRequest::new(action, TargetExpression::new("a")), &|_| {
                asked.set(asked.get() + 1);
                Ok(Value::String(value.clone()))
            });
            let error = rendered.err().map(|error| error.to_string()).unwrap_or_default();
            let text = "action.env.X: is longer than 16777216 bytes with its references replaced";
            assert_eq!(error.contains(text), is_too_long, "{references}: {error}");
            assert_eq!(asked.get(), references.min(17));
        }
    }

    #[test]
    fn what_has_no_value_is_named_with_its_field() {
        let action = Action::Command(CommandAction::new("exit ${tasks.a.nodes.b.exitCode}"));
        let error = render(&ExecutionRequest::new(action, TargetExpression::new("a")), &values).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid request: action.command: ${tasks.a.nodes.b.exitCode}: has no exit status"
        );
    }
}
