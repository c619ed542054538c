//! Entries as they are asked for and shown.

use jiff::Timestamp;
use pabawi::journal::{EntryId, JournalEntry, JournalQuery};
use pabawi::{ExecutionId, NodeId};

use crate::args::{JournalFilterArgs, PageArgs, parse_time};
use crate::command::list::{first_line, short_time};
use crate::exit::Failure;
use crate::text::{Table, escape_for_terminal};

/// The question of what was typed.
///
/// # Errors
/// A word that is no node, time or id, by its option.
pub(super) fn query(
    nodes: &[String],
    filter: &JournalFilterArgs,
    page: &PageArgs,
    now: Timestamp,
) -> Result<JournalQuery, Failure> {
    let time = |option: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| {
            parse_time(text, now).map_err(|error| Failure::usage(format!("{option} {text:?} {error}")))
        });
        parsed.transpose()
    };
    let execution = filter.execution.as_ref().map(|id| id.parse::<ExecutionId>());
    Ok(JournalQuery {
        nodes: nodes.iter().map(|name| node(name)).collect::<Result<_, _>>()?,
        execution_id: execution
            .transpose()
            .map_err(|error| Failure::usage(format!("--execution: {error}")))?,
        event_types: filter.event_type.clone(),
        sources: filter.source.clone(),
        users: filter.user.clone(),
        statuses: filter.status.clone(),
        since: time("--since", &filter.since)?,
        until: time("--until", &filter.until)?,
        text: None,
        superseded: filter.superseded,
        limit: Some(page.head.limit),
        cursor: page.cursor.clone(),
    })
}

/// A node's name as it was typed.
pub(super) fn node(name: &str) -> Result<NodeId, Failure> {
    NodeId::new(name).map_err(|error| Failure::usage(format!("NODE: {error}")))
}

/// An entry's id as it was typed.
pub(super) fn id(text: &str) -> Result<EntryId, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("ID: {error}")))
}

/// Entries as a table. Everything that somebody else wrote is shown escaped.
pub(super) fn table(entries: &[JournalEntry]) -> Table {
    let mut table = Table::new(&["TIME (UTC)", "NODE", "TYPE", "SOURCE", "USER", "STATUS", "SUMMARY"]);
    for JournalEntry { entry, is_live, superseded, .. } in entries {
        let escaped = |text: &str| escape_for_terminal(text.as_bytes());
        let mark = match (is_live, superseded) {
            (true, _) => " (live)",
            (_, true) => " (superseded)",
            _ => "",
        };
        table.row([
            short_time(entry.at),
            entry.node.to_string(),
            escaped(&entry.event_type) + mark,
            escaped(&entry.source),
            escaped(entry.user.as_deref().unwrap_or("-")),
            escaped(entry.result_status.as_deref().unwrap_or("-")),
            first_line(&entry.summary),
        ]);
    }
    table
}
