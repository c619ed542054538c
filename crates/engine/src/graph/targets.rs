//! What the inventory says of a graph before it starts: [`check_targets`]. Every unknown target of every task is
//! told, and every reference to a node that is no target of the task it names.

use std::collections::{HashMap, HashSet};

use pabawi_domain::id::NodeId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::{TargetError, TargetResolver};
use pabawi_domain::task::{CheckedGraph, Reference, references};
use pabawi_domain::validation::ValidationError;

use crate::graph::error::GraphError;

/// Most faults that are told.
const MOST: usize = 1_000;

/// Resolves the targets of every task that are known by now, and gives the nodes, each once.
///
/// # Errors
/// [`GraphError::Invalid`] with everything found; [`GraphError::Inventory`] when the inventory cannot be read.
pub(super) async fn check_targets(
    graph: &CheckedGraph,
    resolver: &dyn TargetResolver,
) -> Result<Vec<NodeId>, GraphError> {
    let mut faults = ValidationError::default();
    // Tasks often share their targets.
    let mut known: HashMap<&TargetExpression, Result<HashSet<NodeId>, ValidationError>> = HashMap::new();
    for (index, task) in graph.graph().tasks.iter().enumerate() {
        let expression = &task.request.targets;
        if is_known_later(expression) {
            continue;
        }
        if !known.contains_key(expression) {
            let nodes = match resolver.resolve(expression).await {
                Ok(targets) => Ok(targets.into_iter().map(|target| target.node).collect()),
                Err(TargetError::Invalid(error)) => Err(error),
                Err(TargetError::Inventory(message)) => return Err(GraphError::Inventory(message)),
                Err(other) => return Err(GraphError::Inventory(other.to_string())),
            };
            known.insert(expression, nodes);
        }
        if let Some(Err(error)) = known.get(expression) {
            for fault in error.fields.iter().take(MOST.saturating_sub(faults.fields.len())) {
                faults.push(format!("tasks[{index}].{}", fault.path), fault.message.clone());
            }
        }
    }
    for (index, task) in graph.graph().tasks.iter().enumerate() {
        for reference in references(&task.request) {
            let Reference::Node { task: name, node, .. } = &reference else { continue };
            let other = graph.index_of(name).and_then(|other| graph.task(other));
            let Some(Ok(nodes)) = other.and_then(|other| known.get(&other.request.targets)) else { continue };
            if !nodes.contains(node.as_str()) && faults.fields.len() < MOST {
                let text = format!("{reference}: {node} is not among the targets of {name}");
                faults.push(format!("tasks[{index}].action"), text);
            }
        }
    }
    faults.into_result()?;
    let mut nodes: Vec<NodeId> = known.into_values().flatten().flatten().collect();
    nodes.sort_unstable();
    nodes.dedup();
    Ok(nodes)
}

/// Whether only a prerequisite tells what the targets are.
pub(super) fn is_known_later(expression: &TargetExpression) -> bool {
    expression.as_str().contains("${")
}
