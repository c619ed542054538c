//! Secrets that are given again when a graph goes on, since they were not stored: [`with_secrets`].

use pabawi_domain::action::{Action, EnvValue};
use pabawi_domain::secret::{Secret, SecretValue};
use pabawi_domain::task::{CheckedGraph, TaskGraph, TaskRecord, TaskStatus};
use pabawi_domain::validation::{FieldError, ValidationError};
use serde_json::Value;

use crate::graph::error::GraphError;
use crate::graph::file::check_graph;
use crate::graph::tools::check_tools;
use crate::needs::Tools;
use crate::rerun::RerunSecrets;

/// The graph with the secrets that were given again, looked at as when it was submitted. Tasks that have ended need no
/// secrets and no plugins.
///
/// # Errors
/// [`GraphError::Invalid`] with every secret that is missing, by its field, and with parameters that no plugin takes.
pub(super) async fn with_secrets(
    mut graph: TaskGraph,
    tasks: &[TaskRecord],
    secrets: &RerunSecrets,
    tools: &Tools,
) -> Result<CheckedGraph, GraphError> {
    let goes_on =
        |index: usize| tasks.get(index).is_none_or(|record| record.status == TaskStatus::Interrupted);
    let secrets = literally(secrets);
    let mut lost = ValidationError::default();
    for (index, task) in graph.tasks.iter_mut().enumerate() {
        if goes_on(index) {
            secrets.clone().fill(&mut task.request);
            for FieldError { path, message } in task.request.lost_parameters() {
                lost.push(format!("tasks[{index}].{path}"), message);
            }
        } else {
            forget(&mut task.request.action);
            if let Some(check) = task.request.rollout.health_check_mut() {
                forget(&mut check.action);
            }
        }
    }
    let graph = match check_graph(graph) {
        Ok(graph) if lost.fields.is_empty() => graph,
        Ok(_) => return Err(lost.into()),
        Err(mut faults) => {
            faults.fields.extend(lost.fields);
            return Err(faults.into());
        }
    };
    check_tools(graph.graph().clone(), tools, goes_on).await?;
    Ok(graph)
}

/// The parameters so that a text in them which reads like a reference to a task is none.
fn literally(secrets: &RerunSecrets) -> RerunSecrets {
    let literal = |(pointer, value): (&String, &SecretValue)| {
        let mut value = value.expose().clone();
        escape(&mut value);
        (pointer.clone(), SecretValue::from(value))
    };
    let parameters = secrets.parameters.iter().map(literal).collect();
    RerunSecrets { parameters, ..secrets.clone() }
}

/// As deep as the value is, which its reader has bounded.
fn escape(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("${", "$${"),
        Value::Array(items) => items.iter_mut().for_each(escape),
        Value::Object(entries) => entries.values_mut().for_each(escape),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes the marks of secrets away, so that nobody is asked for what is not needed any more.
fn forget(action: &mut Action) {
    let Some(process) = action.process_mut() else { return };
    for value in process.env.values_mut() {
        if let EnvValue::Secret { secret } = value {
            *secret = Secret::new("not needed any more");
        }
    }
    if let Some(run_as) = &mut process.run_as {
        run_as.password = None;
    }
}
