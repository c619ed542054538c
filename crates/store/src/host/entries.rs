//! From entries of the node journal to those of Pabawi: as rows of `journal_entries`, and as its journal service takes them.

use pabawi_domain::ports::{HostEntry, HostValue};
use serde_json::Value;

use super::executions::{is_batch, row_id, time};
use super::words::Wider;
use crate::sql::mirrored::UnmirroredEntry;

/// An entry in Pabawi's shape. Its details name the row of `executions` that tells of the same, of an execution on so many targets,
/// so that Pabawi does not show it twice, and what else the fields have no room for.
fn shaped(unmirrored: &UnmirroredEntry, wider: Wider, targets: Option<u64>) -> HostEntry {
    let entry = &unmirrored.entry.entry;
    let (event_type, source) = (wider.event_type(&entry.event_type), wider.source(&entry.source));
    let mut details = entry.details.clone();
    let mut tell = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            details.insert(name.to_owned(), value.into());
        }
    };
    if let Some(execution) = entry.execution_id {
        // Of one that is gone nobody knows how many targets it had.
        let targets = targets.unwrap_or(1);
        tell("executionId", Some(&row_id(execution, &entry.node, targets)));
        tell("batchId", Some(execution.to_string().as_str()).filter(|_| is_batch(targets)));
    }
    tell("resultStatus", entry.result_status.as_deref());
    tell("user", entry.user.as_deref());
    tell("eventType", Some(entry.event_type.as_str()).filter(|word| *word != event_type));
    tell("source", Some(entry.source.as_str()).filter(|word| *word != source));
    // Pabawi wants at least one character.
    let or = |text: &str, other: &str| if text.is_empty() { other } else { text }.to_owned();
    HostEntry {
        node_id: entry.node.to_string(),
        node_uri: format!("{}:{}", entry.source, entry.node),
        event_type: event_type.to_owned(),
        source: source.to_owned(),
        action: or(&entry.action, event_type),
        summary: or(&entry.summary, event_type),
        details,
        user_id: entry.user.clone(),
    }
}

/// The row of an entry.
pub(super) fn row(unmirrored: &UnmirroredEntry, wider: Wider) -> Vec<HostValue> {
    let entry = shaped(unmirrored, wider, unmirrored.targets);
    let user = || HostValue::from(entry.user_id.as_deref());
    vec![
        unmirrored.entry.entry.id.to_string().into(),
        entry.node_id.into(),
        entry.node_uri.into(),
        entry.event_type.into(),
        entry.source.into(),
        entry.action.into(),
        entry.summary.into(),
        Value::Object(entry.details).to_string().into(),
        user(),
        user(),
        user(),
        time(unmirrored.entry.entry.at).into(),
    ]
}

/// What a journal service is told. It gives each entry an id and a time of its own, so the details have ours: by the id an entry
/// that was told twice is known again. Where no rows of executions are mirrored, they name the execution itself.
pub(super) fn told(unmirrored: &UnmirroredEntry, wider: Wider, has_rows: bool) -> HostEntry {
    let mut told = shaped(unmirrored, wider, unmirrored.targets.filter(|_| has_rows));
    let entry = &unmirrored.entry.entry;
    told.details.insert("entryId".to_owned(), entry.id.to_string().into());
    told.details.insert("occurredAt".to_owned(), time(entry.at).into());
    if let Some(before) = entry.supersedes {
        told.details.insert("supersedes".to_owned(), before.to_string().into());
    }
    told
}
