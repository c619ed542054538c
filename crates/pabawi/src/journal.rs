//! The node journal: [`NodeJournal`] stands before the service and asks the authorizer; the types of what it is asked and answers,
//! and the ports of plugins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::CapabilityCall;
use pabawi_domain::request::Caller;
use pabawi_engine::Engine;
use pabawi_plugins::host::PluginHost;
use serde_json::{Map, Value};

use crate::{FrameworkError, allowed};

pub use pabawi_domain::journal::{
    ChainFault, ChainFaultKind, ChainHead, EntryId, ExecutionCut, ExecutionLimit, JournalCut, JournalEntry,
    JournalLevel, JournalLimit, JournalQuery, JournalVerification, Journalling, NewJournalEntry, OutputCut,
};
pub use pabawi_domain::ports::{PluginEvent, PluginJournal};
pub use pabawi_journal::{
    ExecutionRetention, JournalError, JournalRetention, JournalSettings, LiveEvents, LiveSource,
    LiveSourceError, MOST_NOTE, PluginJournalSettings, Retention, RetentionHealth, RetentionLimit,
    RetentionPlan, RetentionReport, RetentionSchedule, SourceFault, Timeline, TimelineQuery,
};

/// Writing notes.
const NOTE: &str = "journal.note";
/// Looking whether the journal is what was written.
const VERIFY: &str = "journal.verify";
/// Removing what is old of the journal, and of executions and outputs.
const PRUNE: [&str; 2] = ["journal.prune", "executions.prune"];

/// The capability by which a plugin tells events of nodes, and the one by which plugins of v1.x tell all kinds of data.
const EVENTS: [&str; 2] = ["events.list", "node_data.get"];

/// Timelines, notes, verification and retention (R11). Cloning gives another handle.
#[derive(Clone)]
pub struct NodeJournal {
    pub(crate) journal: pabawi_journal::Journal,
    pub(crate) engine: Engine,
    pub(crate) plugins: PluginHost,
    pub(crate) live_timeout: Duration,
}

impl NodeJournal {
    /// A page of a timeline, newest first, with what plugins tell live where that is asked for (R11.14). Needs `journal.read`;
    /// entries of nodes of which the caller may not read are left out, so that a page may hold fewer than there are. Plugins are
    /// asked for the caller, who needs what that takes.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn timeline(&self, caller: &Caller, query: &TimelineQuery) -> Result<Timeline, FrameworkError> {
        self.engine.may_on(caller, allowed::READ_JOURNAL, &query.query.nodes).await?;
        let sources = if query.live { self.live_sources() } else { Vec::new() };
        let page = self.journal.timeline(caller, query, &sources, self.live_timeout).await?;
        Ok(Timeline { items: allowed::entries(&self.engine, caller, page.items).await, ..page })
    }

    /// Writes a note on a node (R11.6): text of 1 to 5,000 characters. Needs `journal.note`.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn note(
        &self,
        caller: &Caller,
        node: NodeId,
        text: impl Into<String>,
    ) -> Result<JournalEntry, FrameworkError> {
        self.engine.may_on(caller, NOTE, std::slice::from_ref(&node)).await?;
        Ok(self.journal.note(&caller.user, node, text.into()).await?)
    }

    /// Writes another version of one of the caller's own notes; those before stay and can be read. Needs `journal.note`.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn edit_note(
        &self,
        caller: &Caller,
        id: EntryId,
        text: impl Into<String>,
    ) -> Result<JournalEntry, FrameworkError> {
        self.versions_for(caller, NOTE, id).await?;
        Ok(self.journal.edit_note(&caller.user, id, text.into()).await?)
    }

    /// All versions of a note by the id of any of them, the first one first. Needs `journal.read`.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn versions(&self, caller: &Caller, id: EntryId) -> Result<Vec<JournalEntry>, FrameworkError> {
        self.versions_for(caller, allowed::READ_JOURNAL, id).await
    }

    /// All versions of a note where the caller may do this on its node. Whoever may not is told that also of a note that there
    /// is not.
    async fn versions_for(
        &self,
        caller: &Caller,
        capability: &str,
        id: EntryId,
    ) -> Result<Vec<JournalEntry>, FrameworkError> {
        let versions = self.journal.versions(id).await;
        let first = versions.iter().flatten().next();
        let node = first.map(|first| std::slice::from_ref(&first.entry.node)).unwrap_or_default();
        self.engine.may_on(caller, capability, node).await?;
        Ok(versions?)
    }

    /// Looks whether the entries of one node, or of all, are what was written. Needs `journal.verify`.
    ///
    /// # Errors
    /// [`FrameworkError`]. That something is wrong with the entries is no error: the answer says it.
    pub async fn verify(
        &self,
        caller: &Caller,
        node: Option<&NodeId>,
    ) -> Result<JournalVerification, FrameworkError> {
        self.engine.may_on(caller, VERIFY, node.map(std::slice::from_ref).unwrap_or_default()).await?;
        Ok(self.journal.verify(node).await?)
    }

    /// What would be removed now (R11.13); nothing is. Needs what [`NodeJournal::prune`] needs.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn plan_retention(
        &self,
        caller: &Caller,
        retention: &Retention,
    ) -> Result<RetentionPlan, FrameworkError> {
        let of_executions = !(retention.executions.is_empty() && retention.outputs.is_empty());
        self.may_prune(caller, !retention.journal.is_empty(), of_executions).await?;
        Ok(self.journal.plan_retention(retention).await?)
    }

    /// Removes what a plan says, in small steps that keep nobody from writing. Needs `journal.prune` for entries of the journal,
    /// `executions.prune` for executions and outputs.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn prune(
        &self,
        caller: &Caller,
        plan: &RetentionPlan,
    ) -> Result<RetentionReport, FrameworkError> {
        let of_executions = !plan.executions.is_empty() || plan.outputs.is_some();
        self.may_prune(caller, !plan.journal.is_empty(), of_executions).await?;
        let report = self.journal.carry_out(plan).await?;
        tracing::info!(user = ?caller.user, entries = report.entries, executions = report.executions,
            outputs = report.outputs, steps = report.steps, "old records removed");
        Ok(report)
    }

    async fn may_prune(
        &self,
        caller: &Caller,
        of_journal: bool,
        of_executions: bool,
    ) -> Result<(), FrameworkError> {
        for (wanted, capability) in [of_journal, of_executions].into_iter().zip(PRUNE) {
            if wanted {
                self.engine.may_on(caller, capability, &[]).await?;
            }
        }
        Ok(())
    }

    /// The plugins that tell events of nodes, each by the first of the capabilities that it has.
    fn live_sources(&self) -> Vec<Arc<dyn LiveSource>> {
        let all = self.plugins.capabilities();
        let mut taken = BTreeSet::new();
        let mut sources: Vec<Arc<dyn LiveSource>> = Vec::new();
        for capability in EVENTS {
            for provided in all.iter().filter(|provided| provided.capability.name == capability) {
                if taken.insert(provided.plugin.clone()) {
                    let (plugins, plugin) = (self.plugins.clone(), provided.plugin.clone());
                    sources.push(Arc::new(EventsOfPlugin { plugins, plugin, capability }));
                }
            }
        }
        sources
    }
}

/// The events that a plugin tells.
struct EventsOfPlugin {
    plugins: PluginHost,
    plugin: PluginName,
    capability: &'static str,
}

#[async_trait]
impl LiveSource for EventsOfPlugin {
    fn name(&self) -> &str {
        self.plugin.as_str()
    }

    async fn events(&self, caller: &Caller, node: &NodeId) -> Result<LiveEvents, LiveSourceError> {
        let mut parameters = Map::new();
        if self.capability == "node_data.get" {
            parameters.insert("type".into(), Value::from("events"));
        }
        let call = CapabilityCall {
            plugin: Some(self.plugin.clone()),
            capability: self.capability.to_owned(),
            parameters,
            nodes: vec![node.clone()],
            correlation_id: None,
        };
        let answer =
            self.plugins.call(caller, call).await.map_err(|error| LiveSourceError(error.to_string()))?;
        let events = match answer {
            Value::Array(events) => events,
            Value::Object(mut fields) => match fields.remove("events") {
                Some(Value::Array(events)) => events,
                _ => Vec::new(),
            },
            // It has none.
            _ => Vec::new(),
        };
        Ok(LiveEvents(events))
    }
}
