//! From entries of the node journal to rows of `journal_entries`.

use pabawi_domain::ports::HostValue;
use serde_json::Value;

use super::executions::{is_batch, row_id, time};
use super::words::Wider;
use crate::sql::mirrored::UnmirroredEntry;

/// The row of an entry. Its details name the row of `executions` that tells of the same, so that Pabawi does not show it twice,
/// and what else the columns have no room for.
pub(super) fn row(unmirrored: &UnmirroredEntry, wider: Wider) -> Vec<HostValue> {
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
        let targets = unmirrored.targets.unwrap_or(1);
        tell("executionId", Some(&row_id(execution, &entry.node, targets)));
        tell("batchId", Some(execution.to_string().as_str()).filter(|_| is_batch(targets)));
    }
    tell("resultStatus", entry.result_status.as_deref());
    tell("user", entry.user.as_deref());
    tell("eventType", Some(entry.event_type.as_str()).filter(|word| *word != event_type));
    tell("source", Some(entry.source.as_str()).filter(|word| *word != source));
    let user = || HostValue::from(entry.user.as_deref());
    // Pabawi wants at least one character.
    let or = |text: &str, other: &str| HostValue::from(if text.is_empty() { other } else { text });
    vec![
        entry.id.to_string().into(),
        entry.node.as_str().into(),
        format!("{}:{}", entry.source, entry.node).into(),
        event_type.into(),
        source.into(),
        or(&entry.action, event_type),
        or(&entry.summary, event_type),
        Value::Object(details).to_string().into(),
        user(),
        user(),
        user(),
        time(entry.at).into(),
    ]
}
