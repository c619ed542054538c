//! Every text of a request in which a reference may stand: [`visit`]. The check and the rendering walk by the same
//! way, so that nothing is replaced that was not checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::action::{Action, EnvValue, ProcessOptions, StdinSource};
use crate::node::TargetExpression;
use crate::request::ExecutionRequest;
use crate::rollout::{Mode, Rolling};

/// A text, by what its surroundings make of it.
pub(super) enum Place<'a> {
    /// A command line: a value becomes one quoted word.
    Command(&'a mut String),
    /// A text that is used as it is.
    Raw(&'a mut String),
    /// A JSON value: one that is nothing but a reference takes the value with its type.
    Json(&'a mut Value),
}

/// Shows every text of the request, with the path of its field, in the order of the fields.
pub(super) fn visit(request: &mut ExecutionRequest, see: &mut dyn FnMut(&str, Place<'_>)) {
    action(&mut request.action, "action", see);
    targets(&mut request.targets, "targets", see);
    if let Mode::Rolling(Rolling { health_check: Some(check), .. }) = &mut request.rollout.mode {
        action(&mut check.action, "rollout.mode.healthCheck.action", see);
        if let Some(expression) = &mut check.targets {
            targets(expression, "rollout.mode.healthCheck.targets", see);
        }
    }
}

fn action(action: &mut Action, path: &str, see: &mut dyn FnMut(&str, Place<'_>)) {
    match action {
        Action::Command(command) => {
            see(&format!("{path}.command"), Place::Command(&mut command.command));
            process(&mut command.process, path, see);
        }
        Action::Script(script) => {
            for (index, argument) in script.arguments.iter_mut().enumerate() {
                see(&format!("{path}.arguments[{index}]"), Place::Raw(argument));
            }
            process(&mut script.process, path, see);
        }
        Action::Upload(copy) => {
            local(&mut copy.source, &format!("{path}.source"), see);
            see(&format!("{path}.destination"), Place::Raw(&mut copy.destination));
        }
        Action::Download(copy) => {
            see(&format!("{path}.source"), Place::Raw(&mut copy.source));
            local(&mut copy.destination, &format!("{path}.destination"), see);
        }
        Action::Task(tool)
        | Action::Playbook(tool)
        | Action::Plan(tool)
        | Action::Facts(tool)
        | Action::Package(tool) => object(&mut tool.parameters, &format!("{path}.parameters"), see),
    }
}

fn process(options: &mut ProcessOptions, path: &str, see: &mut dyn FnMut(&str, Place<'_>)) {
    env(&mut options.env, path, see);
    if let Some(cwd) = &mut options.cwd {
        see(&format!("{path}.cwd"), Place::Raw(cwd));
    }
    if let Some(StdinSource::File(file)) = &mut options.stdin {
        local(file, &format!("{path}.stdin.file"), see);
    }
}

fn env(env: &mut BTreeMap<String, EnvValue>, path: &str, see: &mut dyn FnMut(&str, Place<'_>)) {
    for (name, value) in env {
        if let EnvValue::Plain(text) = value {
            see(&format!("{path}.env.{name}"), Place::Raw(text));
        }
    }
}

/// Paths that are no text hold no reference.
fn local(file: &mut PathBuf, path: &str, see: &mut dyn FnMut(&str, Place<'_>)) {
    if let Some(text) = file.to_str() {
        let mut text = text.to_owned();
        see(path, Place::Raw(&mut text));
        *file = PathBuf::from(text);
    }
}

fn targets(expression: &mut TargetExpression, path: &str, see: &mut dyn FnMut(&str, Place<'_>)) {
    let mut text = expression.as_str().to_owned();
    see(path, Place::Raw(&mut text));
    *expression = TargetExpression::new(text);
}

fn object(values: &mut Map<String, Value>, path: &str, see: &mut dyn FnMut(&str, Place<'_>)) {
    for (name, value) in values {
        json(value, &format!("{path}.{name}"), see);
    }
}

/// As deep as the reader of the value allowed; values that a program made are as deep as it made them.
fn json(value: &mut Value, path: &str, see: &mut dyn FnMut(&str, Place<'_>)) {
    match value {
        Value::String(_) => see(path, Place::Json(value)),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                json(item, &format!("{path}[{index}]"), see);
            }
        }
        Value::Object(entries) => object(entries, path, see),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
