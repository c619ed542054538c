//! Stored entries and live events in one order: [`Timeline`].

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, JournalEntry, JournalQuery};
use pabawi_domain::ports::{JournalStore, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A question about a timeline.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TimelineQuery {
    /// Which entries, newest first. Its limit is for stored entries; live events of the same time come on top.
    pub query: JournalQuery,
    /// Whether plugins are asked what they know now. Needs nodes in the query, at most 50.
    pub live: bool,
}

/// A page of a timeline, newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The entries.
    pub items: Vec<JournalEntry>,
    /// For the next page, where there is more.
    pub next_cursor: Option<String>,
    /// The sources that were asked for live events.
    pub sources: Vec<String>,
    /// Those that could not tell. The others, and what is stored, are shown all the same.
    pub failed: Vec<SourceFault>,
}

/// A source that could not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceFault {
    /// Its name.
    pub source: String,
    /// Why.
    pub message: String,
}

/// The part of a timeline that a page is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// From here on; from the beginning when absent.
    pub(crate) from: Option<Timestamp>,
    /// Before; to the end when absent.
    pub(crate) until: Option<Timestamp>,
}

/// Of live events those that the question is about, in the page's part, that are not stored as well.
pub(crate) async fn unknown(
    events: Vec<JournalEntry>,
    query: &JournalQuery,
    window: Window,
    store: &dyn JournalStore,
) -> Result<Vec<JournalEntry>, StoreError> {
    let mut by_node: BTreeMap<NodeId, Vec<JournalEntry>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for event in events {
        let at = event.entry.at;
        let in_window =
            window.from.is_none_or(|from| at >= from) && window.until.is_none_or(|until| at < until);
        if in_window && query.fits(&event) && seen.insert(event.entry.id) {
            by_node.entry(event.entry.node.clone()).or_default().push(event);
        }
    }
    let mut unknown = Vec::new();
    for (node, events) in by_node {
        let ids: Vec<EntryId> = events.iter().map(|event| event.entry.id).collect();
        let executions: Vec<ExecutionId> =
            events.iter().filter_map(|event| event.entry.execution_id).collect();
        let (known, of) = store.journalled(&node, &ids, &executions).await?;
        unknown.extend(events.into_iter().filter(|event| {
            !known.contains(&event.entry.id) && event.entry.execution_id.is_none_or(|id| !of.contains(&id))
        }));
    }
    Ok(unknown)
}
