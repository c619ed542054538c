//! What of a graph is for tools: [`check_tools`].

use pabawi_domain::action::Action;
use pabawi_domain::id::PluginName;
use pabawi_domain::task::TaskGraph;
use pabawi_domain::validation::ValidationError;

use crate::error::SubmitError;
use crate::graph::error::GraphError;
use crate::needs::{Needs, Tools};

/// Looks whether somebody can do the actions of tools, with these parameters, and returns the graph with a mark at the
/// parameters that are secrets. Who does it is chosen when the task starts. Parameters that refer to results of other tasks
/// are checked then, since they are not known before. `which` says of which tasks this is asked.
///
/// # Errors
/// [`GraphError::Invalid`] with all that is bad, or [`GraphError::NotAllowed`] with what the command policy refuses.
pub(super) async fn check_tools(
    mut graph: TaskGraph,
    tools: &Tools,
    which: impl Fn(usize) -> bool,
) -> Result<TaskGraph, GraphError> {
    let (mut faults, mut refused) = (ValidationError::default(), ValidationError::default());
    for (index, task) in graph.tasks.iter_mut().enumerate().filter(|(index, _)| which(*index)) {
        let by = task.request.transport.clone();
        let place = Place { task: index, field: "action" };
        look_at(&mut task.request.action, by.as_ref(), place, tools, &mut faults, &mut refused).await;
        if let Some(check) = task.request.rollout.health_check_mut() {
            let place = Place { task: index, field: "rollout.healthCheck.action" };
            look_at(&mut check.action, by.as_ref(), place, tools, &mut faults, &mut refused).await;
        }
    }
    faults.into_result()?;
    refused.into_result().map_err(GraphError::NotAllowed)?;
    Ok(graph)
}

/// Where an action stands.
#[derive(Clone, Copy)]
struct Place {
    task: usize,
    field: &'static str,
}

async fn look_at(
    action: &mut Action,
    by: Option<&PluginName>,
    Place { task, field }: Place,
    tools: &Tools,
    faults: &mut ValidationError,
    not_allowed: &mut ValidationError,
) {
    if !is_known_later(action) {
        tools.first_health(action, by).await;
        match tools.needs(action, by, field) {
            Err(SubmitError::Invalid(error)) => {
                for fault in error.fields {
                    faults.push(format!("tasks[{task}].{}", fault.path), fault.message);
                }
            }
            Err(error @ SubmitError::Unsupported { .. }) => {
                faults.push(format!("tasks[{task}].{field}.type"), error.to_string());
            }
            Ok(Needs { refused: Some(refused), .. }) => {
                not_allowed.push(refused.path(&format!("tasks[{task}].{field}")), refused.told());
            }
            // It may be able to by the time the task starts.
            Ok(_) | Err(_) => {}
        }
    }
    tools.mark(action);
}

fn is_known_later(action: &Action) -> bool {
    let refers = |tool| serde_json::to_string(tool).is_ok_and(|text| text.contains("${"));
    action.tool().is_some_and(refers)
}
