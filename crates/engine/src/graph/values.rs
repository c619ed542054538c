//! The values that a task's references have when it starts: [`values`]. They come from the store, so that a task that
//! is started after a crash sees the same.

use std::collections::HashMap;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_domain::record::{OutputRef, TargetQuery, TargetRecord};
use pabawi_domain::task::{NodeField, Reference, TaskDef, TaskStatus, references};
use serde_json::Value;

/// The longest output that can be referred to, in bytes: a command line takes no more.
const MAX_VALUE_BYTES: u64 = 1024 * 1024;
/// Bytes read at once.
const PIECE: u32 = 256 * 1024;

/// How a prerequisite stands, as far as references can ask.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) status: TaskStatus,
    pub(super) executions: Vec<ExecutionId>,
}

/// A value, or why there is none.
pub(super) type Values = HashMap<Reference, Result<Value, String>>;

/// The values of everything that the task refers to.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn values(
    task: &TaskDef,
    prerequisites: &HashMap<String, Standing>,
    store: &dyn ExecutionStore,
) -> Result<Values, StoreError> {
    let mut values = Values::new();
    for reference in references(&task.request) {
        let value = match &reference {
            Reference::Parameter(name) => {
                task.parameters.get(name).cloned().ok_or_else(|| "is no parameter".to_owned())
            }
            Reference::Status { task } => match prerequisites.get(task) {
                Some(standing) => Ok(Value::String(standing.status.to_string())),
                None => Err("is not known".to_owned()),
            },
            Reference::Node { task, node, field } => match prerequisites.get(task) {
                Some(standing) => of_node(standing, node, *field, store).await?,
                None => Err("is not known".to_owned()),
            },
        };
        values.insert(reference, value);
    }
    Ok(values)
}

async fn of_node(
    standing: &Standing,
    node: &str,
    field: NodeField,
    store: &dyn ExecutionStore,
) -> Result<Result<Value, String>, StoreError> {
    let Ok(node) = NodeId::new(node) else { return Ok(Err("is no name of a node".to_owned())) };
    let Some(record) = result_of(standing, &node, store).await? else {
        return Ok(Err(format!("nothing was run there; the task is {}", standing.status)));
    };
    let output = match field {
        NodeField::Outcome => {
            let word = record.result.as_ref().map(NodeOutcome::word);
            return Ok(word
                .map(|word| Value::String(word.to_owned()))
                .ok_or_else(|| "is not known".to_owned()));
        }
        NodeField::ExitCode => {
            let code = record.result.as_ref().and_then(NodeOutcome::exit_code);
            let ended = record.result.as_ref().map(NodeOutcome::describe).unwrap_or_default();
            return Ok(code.map(Value::from).ok_or_else(|| format!("there is no exit status: {ended}")));
        }
        NodeField::Stdout => record.stdout,
        NodeField::Stderr => record.stderr,
    };
    match output {
        None => Ok(Ok(Value::String(String::new()))),
        Some(output) => text_of(output, store).await,
    }
}

/// The last result of a node over the executions of its task.
async fn result_of(
    standing: &Standing,
    node: &NodeId,
    store: &dyn ExecutionStore,
) -> Result<Option<TargetRecord>, StoreError> {
    let query = TargetQuery { nodes: vec![node.clone()], ..TargetQuery::default() };
    for id in standing.executions.iter().rev() {
        let found = store.targets(*id, &query).await?.items.into_iter().next();
        let left = NodeOutcome::Skipped { why: SkipReason::Interrupted };
        if let Some(record) = found.filter(|record| record.result.as_ref().is_some_and(|end| *end != left)) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

async fn text_of(output: OutputRef, store: &dyn ExecutionStore) -> Result<Result<Value, String>, StoreError> {
    if output.omitted_bytes > 0 {
        let text = "only its first and last part were kept; let that task keep everything (debug: true)";
        return Ok(Err(text.to_owned()));
    }
    if output.total_bytes > MAX_VALUE_BYTES {
        let bytes = output.total_bytes;
        return Ok(Err(format!("it has {bytes} bytes, at most {MAX_VALUE_BYTES} can be referred to")));
    }
    let mut bytes = Vec::new();
    // Ends: every turn adds bytes or is the last.
    loop {
        let chunk = store.output(output.hash, bytes.len() as u64, PIECE).await?;
        match chunk {
            Some(chunk) if !chunk.data.0.is_empty() => bytes.extend_from_slice(&chunk.data.0),
            _ => break,
        }
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Ok(Value::String(text.trim_end_matches(['\n', '\r']).to_owned())),
        Err(_) => Err("it is no text in UTF-8".to_owned()),
    })
}
