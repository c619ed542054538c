//! [`Journal`]: the handle of the node journal.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::journal::{EntryId, JournalEntry, JournalQuery, JournalVerification, words};
use pabawi_domain::ports::{
    Clock, JournalStore, PluginError, PluginEvent, PluginEvents, RetentionStore, StoreError,
};
use pabawi_domain::request::Caller;
use pabawi_domain::validation::ValidationError;

use crate::cursor::TimelineCursor;
use crate::error::JournalError;
use crate::live::{LiveSource, ask};
use crate::note;
use crate::plugin_event;
use crate::retention::{Retention, RetentionPlan, RetentionReport, carry_out};
use crate::rules::Rules;
use crate::timeline::{Timeline, TimelineQuery, Window, unknown};

/// Nodes that a timeline with live events may be about.
const MOST_LIVE_NODES: usize = 50;
/// Values of one field of a question.
const MOST_VALUES: usize = 1_000;
/// Bytes of the text that is searched for.
const MOST_TEXT: usize = 4_096;

/// The node journal. It asks nobody for permission: whoever hands it out does. Cloning gives another handle of the same journal.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn JournalStore>,
    retention: Arc<dyn RetentionStore>,
    clock: Arc<dyn Clock>,
    rules: Rules,
}

impl Journal {
    /// A journal over a store.
    pub fn new(
        store: Arc<dyn JournalStore>,
        retention: Arc<dyn RetentionStore>,
        clock: Arc<dyn Clock>,
        rules: Rules,
    ) -> Self {
        Self { store, retention, clock, rules }
    }

    /// What becomes an entry.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Writes a note on a node (R11.6) and returns it when it is on stable storage.
    ///
    /// # Errors
    /// [`JournalError`]; [`JournalError::Invalid`] under `text` for a note that is blank or has more than 5,000 characters.
    pub async fn note(&self, author: &str, node: NodeId, text: String) -> Result<JournalEntry, JournalError> {
        note::check(&text)?;
        let entry = note::new(node, author, text, self.clock.now());
        let id = entry.id;
        self.store.append_journal(std::slice::from_ref(&entry)).await?;
        self.version(id).await
    }

    /// Writes another version of a note, by the id of any version of it. The others stay and can be read.
    ///
    /// # Errors
    /// [`JournalError`]; [`StoreError::Superseded`] where somebody else was quicker.
    pub async fn edit_note(
        &self,
        author: &str,
        id: EntryId,
        text: String,
    ) -> Result<JournalEntry, JournalError> {
        note::check(&text)?;
        let versions = self.store.journal_versions(id).await?;
        let entry = note::edit(&versions, author, text, self.clock.now(), id)?;
        let id = entry.id;
        self.store.append_journal(std::slice::from_ref(&entry)).await?;
        self.version(id).await
    }

    /// All versions of a note by the id of any of them, the first one first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn versions(&self, id: EntryId) -> Result<Vec<JournalEntry>, JournalError> {
        let versions = self.store.journal_versions(id).await?;
        if versions.is_empty() { Err(JournalError::NotFound(id)) } else { Ok(versions) }
    }

    async fn version(&self, id: EntryId) -> Result<JournalEntry, JournalError> {
        let versions = self.versions(id).await?;
        versions.into_iter().find(|version| version.entry.id == id).ok_or(JournalError::NotFound(id))
    }

    /// A page of a timeline, with what the sources tell live where that is asked for: each of them within `deadline`, and one
    /// that fails is named and stops no other. What they tell is not stored (R11.14), and left out where it is.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn timeline(
        &self,
        caller: &Caller,
        asked: &TimelineQuery,
        sources: &[Arc<dyn LiveSource>],
        deadline: Duration,
    ) -> Result<Timeline, JournalError> {
        check(&asked.query, asked.live)?;
        if !asked.live {
            let page = self.store.journal(&asked.query).await?;
            return Ok(Timeline { items: page.items, next_cursor: page.next_cursor, ..Timeline::default() });
        }
        let cursor = asked.query.cursor.as_deref().map(TimelineCursor::decode).transpose()?;
        let stored = JournalQuery {
            cursor: cursor.as_ref().map(|cursor| cursor.stored.clone()),
            ..asked.query.clone()
        };
        let page = self.store.journal(&stored).await?;
        let last = page.items.last().map(|last| last.entry.at);
        let window = Window {
            from: last.filter(|_| page.next_cursor.is_some()),
            until: cursor.map(|cursor| cursor.until),
        };
        let wanted: Vec<Arc<dyn LiveSource>> = sources
            .iter()
            .filter(|source| {
                asked.query.sources.is_empty() || asked.query.sources.iter().any(|name| name == source.name())
            })
            .cloned()
            .collect();
        let (events, failed) = ask(&wanted, caller, &asked.query.nodes, deadline, self.clock.now()).await;
        let events = unknown(events, &asked.query, window, &*self.store).await?;
        let mut items = page.items;
        items.extend(events);
        // Stable, so that stored entries stay in the store's order.
        items.sort_by_key(|item| std::cmp::Reverse(item.entry.at));
        let next_cursor =
            page.next_cursor.zip(last).map(|(stored, until)| TimelineCursor { stored, until }.encode());
        let mut names: Vec<String> = wanted.iter().map(|source| source.name().to_owned()).collect();
        names.sort();
        Ok(Timeline { items, next_cursor, sources: names, failed })
    }

    /// Looks whether the entries of one node, or of all, are what was written.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn verify(&self, node: Option<&NodeId>) -> Result<JournalVerification, JournalError> {
        Ok(self.store.verify_journal(node).await?)
    }

    /// What would be removed now. Nothing is.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn plan_retention(&self, retention: &Retention) -> Result<RetentionPlan, JournalError> {
        retention.plan(&*self.retention, self.clock.now()).await
    }

    /// Removes what a plan says.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn carry_out(&self, plan: &RetentionPlan) -> Result<RetentionReport, JournalError> {
        Ok(carry_out(plan, &*self.retention).await?)
    }

    /// Whether nobody has removed what is old for so long: then the caller does it now. Otherwise how long that is still to come.
    pub(crate) async fn claim_retention(&self, every: Duration) -> Result<Option<Duration>, JournalError> {
        Ok(self.retention.claim_retention(self.clock.now(), every).await?)
    }
}

#[async_trait]
impl PluginEvents for Journal {
    async fn record(
        &self,
        plugin: &PluginName,
        events: Vec<PluginEvent>,
    ) -> Result<Vec<EntryId>, PluginError> {
        let fault = |code: ErrorCode, message: String| PluginError {
            plugin: plugin.clone(),
            code,
            message,
            stack: None,
        };
        let now: Timestamp = self.clock.now();
        plugin_event::check(&events, now).map_err(|error| fault(ErrorCode::Validation, error.to_string()))?;
        let name = plugin.as_str();
        let kept = |event: &PluginEvent| {
            self.rules.keeps_event(name, &event.event_type, plugin_event::weight(event))
        };
        let entries: Vec<_> =
            events.into_iter().filter(kept).map(|event| plugin_event::entry(name, event, now)).collect();
        let written = self.store.append_journal(&entries).await;
        written.map_err(|error: StoreError| fault(error.code(), error.to_string()))?;
        Ok(entries.iter().map(|entry| entry.id).collect())
    }
}

/// What a question has to be.
fn check(query: &JournalQuery, live: bool) -> Result<(), ValidationError> {
    let mut faults = ValidationError::default();
    for (field, many) in [
        ("nodes", query.nodes.len()),
        ("eventTypes", query.event_types.len()),
        ("sources", query.sources.len()),
        ("users", query.users.len()),
        ("statuses", query.statuses.len()),
    ] {
        if many > MOST_VALUES {
            faults.push(field, format!("are {many}, at most {MOST_VALUES} are taken"));
        }
    }
    if query.limit.is_some_and(|limit| !(1..=1_000).contains(&limit)) {
        faults.push("limit", "must be from 1 to 1000");
    }
    if let Some(text) = &query.text {
        if text.len() > MOST_TEXT {
            faults.push("text", format!("has {} bytes, at most {MOST_TEXT} are searched for", text.len()));
        } else if words(text).is_empty() {
            faults.push("text", "has no letter and no digit, and nothing else is searched for");
        }
    }
    if let (Some(since), Some(until)) = (query.since, query.until)
        && since >= until
    {
        faults.push("since", format!("{since} is not before until, {until}"));
    }
    if live && !(1..=MOST_LIVE_NODES).contains(&query.nodes.len()) {
        let text = format!(
            "are {}: plugins are asked about each of them, so that live events are for 1 to {MOST_LIVE_NODES} nodes",
            query.nodes.len()
        );
        faults.push("nodes", text);
    }
    faults.into_result()
}
