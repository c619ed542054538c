//! [`Framework`]: the handle of everything. It passes each call on to the part that answers it.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::breaker::{BreakerStatus, Component};
use pabawi_domain::id::{ExecutionId, NodeId, PluginName};
use pabawi_domain::journal::{JournalEntry, JournalQuery};
use pabawi_domain::metrics::MetricsSnapshot;
use pabawi_domain::node::{Target, TargetExpression};
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::pace::ProgressReport;
use pabawi_domain::ports::{CapabilityCall, JournalStore, Plugin, TargetResolver as _, TerminateMode};
use pabawi_domain::preview::{ExecutionPreview, PlanHash, PlanHead, StoredPlan};
use pabawi_domain::record::{
    AttemptRecord, ExecutionQuery, ExecutionRecord, ExecutionTotals, OutputChunk, OutputGroup, Page,
    TargetQuery, TargetRecord,
};
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_engine::{
    ApplyOptions, CancelReceipt, CancelScope, Engine, EngineError, EngineStats, ExecutionOutcome, Graphs,
    MirrorCounts, PartStats, PlanError, RerunOptions, RerunSecrets, RerunSelection, Resumed, RetentionCounts,
    ShutdownReport, SlowReport, SubmitError, Subscription, SubscriptionMode,
};
use pabawi_inventory::expression::Explanation;
use pabawi_inventory::{Catalog, Freshness, Resolver, View};
use pabawi_journal::{RetentionHealth, RetentionKeeper};
use pabawi_plugins::host::{CallError, PluginHost, PluginStatus, ProvidedCapability};
use pabawi_store::host::{HostMirror, MirrorHealth, MirrorState};
use pabawi_transport::SshTransport;
use pabawi_transport::ssh_config::SshConfig;
use serde_json::Value;
use tracing::{Instrument as _, Span};

use crate::allowed;
use crate::export::Export;
use crate::facts::NodeFactsHandle;
use crate::journal::NodeJournal;
use crate::log::{LogStats, Route};
use crate::{FrameworkBuilder, FrameworkError};

/// How long plugins may take to let go of what they hold.
pub(crate) const PLUGINS_CLOSING: Duration = Duration::from_secs(5);

/// How long the last log records may take to their sink.
const LOG_CLOSING: Duration = Duration::from_secs(2);

/// How long the host may take for what is not there yet.
const MIRROR_CLOSING: Duration = Duration::from_secs(5);

/// How long a collector of traces has for the last of them.
#[cfg(feature = "otlp")]
const TRACES_CLOSING: Duration = Duration::from_secs(5);

/// Runs executions and answers questions about them. Cloning gives another handle of the same framework.
#[derive(Clone)]
pub struct Framework {
    pub(crate) ssh: SshTransport,
    pub(crate) engine: Engine,
    pub(crate) graphs: Graphs,
    pub(crate) facts: NodeFactsHandle,
    pub(crate) plugins: PluginHost,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) journal: NodeJournal,
    pub(crate) entries: Arc<dyn JournalStore>,
    pub(crate) database: String,
    pub(crate) route: Arc<Route>,
    pub(crate) mirror: Option<Arc<HostMirror>>,
    pub(crate) host_journal: Option<Arc<HostMirror>>,
    pub(crate) retention: Option<Arc<RetentionKeeper>>,
    #[cfg(feature = "otlp")]
    pub(crate) traces: Option<pabawi_traces::Traces>,
}

impl Framework {
    /// Puts a framework together.
    pub fn builder() -> FrameworkBuilder {
        FrameworkBuilder::default()
    }

    /// Accepts an execution and returns its id as soon as it is on stable storage (R1.3). The same
    /// idempotency key returns the same execution and starts nothing.
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was started.
    pub async fn submit(
        &self,
        caller: Caller,
        request: ExecutionRequest,
    ) -> Result<ExecutionId, SubmitError> {
        self.engine.submit(caller, request).await
    }

    /// Submits, and follows the events from the start on. It needs no more than the action does: who starts something is
    /// shown what comes of it.
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was started.
    pub async fn submit_and_follow(
        &self,
        caller: Caller,
        request: ExecutionRequest,
        mode: SubscriptionMode,
    ) -> Result<(ExecutionId, Subscription), SubmitError> {
        self.engine.submit_and_follow(caller, request, mode).await
    }

    /// Submits and waits for the end (R1.2).
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn execute(
        &self,
        caller: Caller,
        request: ExecutionRequest,
    ) -> Result<ExecutionOutcome, EngineError> {
        self.engine.execute(caller, request).await
    }

    /// Waits for the end of an execution, also of one that another process runs.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn wait(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionOutcome, EngineError> {
        self.engine.wait(caller, id).await
    }

    /// Where an execution stands now.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn status(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionRecord, EngineError> {
        self.engine.status(caller, id).await
    }

    /// How far an execution is, how fast it goes and when it will be done (R2.6, R5.4).
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn progress(&self, caller: &Caller, id: ExecutionId) -> Result<ProgressReport, EngineError> {
        self.engine.progress(caller, id).await
    }

    /// The events of an execution from a sequence number on (1 for all), live or replayed.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn events(
        &self,
        caller: &Caller,
        id: ExecutionId,
        from_seq: u64,
        mode: SubscriptionMode,
    ) -> Result<Subscription, EngineError> {
        self.engine.events(caller, id, from_seq, mode).await
    }

    /// Ends an execution or some of its nodes, also of another process. Asking twice is asking once.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: ExecutionId,
        scope: CancelScope,
        mode: TerminateMode,
    ) -> Result<CancelReceipt, EngineError> {
        self.engine.cancel(caller, id, scope, mode).await
    }

    /// Runs an execution again on chosen nodes of it, as a new one.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn rerun(
        &self,
        caller: Caller,
        id: ExecutionId,
        selection: RerunSelection,
        options: RerunOptions,
    ) -> Result<ExecutionId, SubmitError> {
        self.engine.rerun(caller, id, selection, options).await
    }

    /// Says what a request would do, and keeps that as a plan for [`Framework::apply`]. Nothing is connected or started.
    /// `surface` is kept with the plan; it must hold no secret.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn preview(
        &self,
        caller: Caller,
        request: ExecutionRequest,
        surface: serde_json::Value,
    ) -> Result<ExecutionPreview, PlanError> {
        self.engine.preview(caller, request, surface).await
    }

    /// Plans whose hash begins so, newest first.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn plans(
        &self,
        caller: &Caller,
        beginning: &str,
        limit: u32,
    ) -> Result<Vec<PlanHead>, PlanError> {
        self.engine.plans(caller, beginning, limit).await
    }

    /// One plan.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn plan(&self, caller: &Caller, hash: PlanHash) -> Result<StoredPlan, PlanError> {
        self.engine.plan(caller, hash).await
    }

    /// Carries a plan out, if what would happen now is still what was planned.
    ///
    /// # Errors
    /// [`PlanError`]; then nothing was started.
    pub async fn apply(
        &self,
        caller: Caller,
        hash: PlanHash,
        options: ApplyOptions,
    ) -> Result<ExecutionId, PlanError> {
        self.engine.apply(caller, hash, options).await
    }

    /// Carries a plan out, and follows the events from the start on, as [`Framework::submit_and_follow`] does.
    ///
    /// # Errors
    /// [`PlanError`]; then nothing was started.
    pub async fn apply_and_follow(
        &self,
        caller: Caller,
        hash: PlanHash,
        options: ApplyOptions,
        mode: SubscriptionMode,
    ) -> Result<(ExecutionId, Subscription), PlanError> {
        self.engine.apply_and_follow(caller, hash, options, mode).await
    }

    /// The circuit breakers that are not closed or have seen failures lately.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn breakers(&self, caller: &Caller) -> Result<Vec<BreakerStatus>, EngineError> {
        self.engine.breakers(caller).await
    }

    /// Closes a circuit breaker; `false` when it is closed already.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn reset_breaker(&self, caller: &Caller, component: &Component) -> Result<bool, EngineError> {
        self.engine.reset_breaker(caller, component).await
    }

    /// Goes on with an execution whose process died, on the nodes on which nothing was run, and with `rerun_unknown`
    /// also where nobody knows what came of it.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn resume(
        &self,
        caller: Caller,
        id: ExecutionId,
        rerun_unknown: bool,
        secrets: RerunSecrets,
    ) -> Result<Resumed, SubmitError> {
        self.engine.resume(caller, id, rerun_unknown, secrets).await
    }

    /// Executions, newest first (R5.5, R5.8).
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn executions(
        &self,
        caller: &Caller,
        query: &ExecutionQuery,
    ) -> Result<Page<ExecutionRecord>, EngineError> {
        self.engine.executions(caller, query).await
    }

    /// How many executions stand where, of all that the question is about and the caller may look at (R5.8).
    ///
    /// # Errors
    /// As for [`Engine::totals`](pabawi_engine::Engine::totals).
    pub async fn totals(
        &self,
        caller: &Caller,
        query: &ExecutionQuery,
    ) -> Result<ExecutionTotals, EngineError> {
        self.engine.totals(caller, query).await
    }

    /// Targets of one execution in the order of its plan.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn targets(
        &self,
        caller: &Caller,
        id: ExecutionId,
        query: &TargetQuery,
    ) -> Result<Page<TargetRecord>, EngineError> {
        self.engine.targets(caller, id, query).await
    }

    /// Attempts of one execution, or of one of its nodes, in the order of their start.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn attempts(
        &self,
        caller: &Caller,
        id: ExecutionId,
        node: Option<&NodeId>,
    ) -> Result<Vec<AttemptRecord>, EngineError> {
        self.engine.attempts(caller, id, node).await
    }

    /// Where the time of an execution went, with the `most` nodes that took longest (R5.7). Of one that runs, as far as it
    /// is.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn explain_slow(
        &self,
        caller: &Caller,
        id: ExecutionId,
        most: usize,
    ) -> Result<SlowReport, EngineError> {
        self.engine.explain_slow(caller, id, most).await
    }

    /// Everything that is remembered of an execution, part by part; of one that runs, as far as it is stored.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn export(&self, caller: &Caller, id: ExecutionId) -> Result<Export, EngineError> {
        let records = self.engine.export(caller, id).await?;
        Ok(Export::new(self.clone(), caller.clone(), id, records))
    }

    /// A part of a stored output: at most `max_bytes` from `offset` of what is kept.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn output(
        &self,
        caller: &Caller,
        hash: ContentHash,
        offset: u64,
        max_bytes: u32,
    ) -> Result<Option<OutputChunk>, EngineError> {
        self.engine.output(caller, hash, offset, max_bytes).await
    }

    /// The targets of an execution by equal output of one stream, the largest group first.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn output_groups(
        &self,
        caller: &Caller,
        id: ExecutionId,
        stream: StreamKind,
    ) -> Result<Vec<OutputGroup>, EngineError> {
        self.engine.output_groups(caller, id, stream).await
    }

    /// Task graphs: runs of them, orders to them and questions about them.
    pub fn graphs(&self) -> &Graphs {
        &self.graphs
    }

    /// Facts of nodes (R4).
    pub fn facts(&self) -> &NodeFactsHandle {
        &self.facts
    }

    /// The plugins: how they stand, how they are, and another one in the place of one that is there.
    pub fn plugins(&self) -> &PluginHost {
        &self.plugins
    }

    /// How the plugins stand that the caller may see. Needs `plugins.list`.
    ///
    /// # Errors
    /// [`FrameworkError::Denied`].
    pub async fn plugins_for(&self, caller: &Caller) -> Result<Vec<PluginStatus>, FrameworkError> {
        self.engine.may_on(caller, allowed::LIST_PLUGINS, &[]).await?;
        Ok(allowed::plugins(&self.engine, caller, self.plugins.plugins()).await)
    }

    /// Asks how one of the plugins is, or all that the caller may see. Needs `plugins.list` and `plugins.health`.
    ///
    /// # Errors
    /// [`FrameworkError::Denied`].
    pub async fn plugin_health(
        &self,
        caller: &Caller,
        plugin: Option<&PluginName>,
    ) -> Result<Vec<PluginStatus>, FrameworkError> {
        self.engine.may_on(caller, "plugins.health", &[]).await?;
        self.engine.may_on(caller, allowed::LIST_PLUGINS, &[]).await?;
        Ok(allowed::plugins(&self.engine, caller, self.plugins.check_health(plugin).await).await)
    }

    /// What the plugins can do, by name; of several with the same the one that goes first before the others.
    pub fn capabilities(&self) -> Vec<ProvidedCapability> {
        self.plugins.capabilities()
    }

    /// Of what the plugins can do, what the caller may do where no node is named (R6.5).
    pub async fn capabilities_of(&self, caller: &Caller) -> Vec<ProvidedCapability> {
        allowed::capabilities(&self.engine, caller, self.plugins.capabilities()).await
    }

    /// Puts another instance in the place of a plugin, with its configuration. Needs `plugins.reload`; what
    /// [`PluginHost::reload`] does for a program itself asks nobody.
    ///
    /// # Errors
    /// [`FrameworkError::Denied`], [`FrameworkError::Reload`].
    pub async fn reload_plugin(
        &self,
        caller: &Caller,
        plugin: Arc<dyn Plugin>,
        config: Value,
    ) -> Result<(), FrameworkError> {
        self.may_reload_plugins(caller).await?;
        Ok(self.plugins.reload(plugin, config).await?)
    }

    /// Nodes are reached by this client configuration from now on. What runs goes on as it was begun, and the limits of connections
    /// hold for all together. Needs `plugins.reload`.
    ///
    /// # Errors
    /// [`FrameworkError::Denied`].
    pub async fn use_ssh_config(&self, caller: &Caller, config: SshConfig) -> Result<(), FrameworkError> {
        self.may_reload_plugins(caller).await?;
        self.ssh.use_config(Arc::new(config));
        Ok(())
    }

    /// Asks whether somebody may do that, for whoever has to begin something before there is another instance.
    ///
    /// # Errors
    /// [`FrameworkError::Denied`].
    pub async fn may_reload_plugins(&self, caller: &Caller) -> Result<(), FrameworkError> {
        Ok(self.engine.may_on(caller, "plugins.reload", &[]).await?)
    }

    /// Has a plugin answer what is no action on nodes: `task.list`, `inventory.list`, a look-up. The caller needs every
    /// permission of the capability, or its own name where it has none, for the plugin that answers and these nodes.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, caller: &Caller, call: CapabilityCall) -> Result<Value, CallError> {
        self.plugins.call(caller, call).await
    }

    /// The node journal: timelines, notes, verification and retention (R11).
    pub fn node_journal(&self) -> &NodeJournal {
        &self.journal
    }

    /// Journal entries, newest first. Needs `journal.read`; entries of nodes of which the caller may not read are left out,
    /// so that a page may hold fewer than there are.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn journal(
        &self,
        caller: &Caller,
        query: &JournalQuery,
    ) -> Result<Page<JournalEntry>, EngineError> {
        self.engine.may_on(caller, allowed::READ_JOURNAL, &query.nodes).await?;
        let page = self.entries.journal(query).await?;
        Ok(Page { items: allowed::entries(&self.engine, caller, page.items).await, ..page })
    }

    /// The targets that an expression selects now. This asks nobody; see [`Framework::resolve_for`].
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, FrameworkError> {
        Ok(self.resolver.resolve(expression).instrument(self.span()).await?)
    }

    /// Of the targets that an expression selects now, those that the caller may see: it is read as if there were no others.
    /// Needs `inventory.list`.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn resolve_for(
        &self,
        caller: &Caller,
        expression: &TargetExpression,
    ) -> Result<Vec<Target>, FrameworkError> {
        let view = self.inventory_for(caller, Freshness::Cached).await?;
        let targets = self.resolver.resolve_among(&view, expression).await?;
        // Where no source has a name it is a node all the same.
        allowed::targets(&self.engine, caller, targets).await
    }

    /// As [`Framework::explain`], as if there were no other nodes than those that the caller may see. Needs `inventory.list`.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn explain_for(
        &self,
        caller: &Caller,
        expression: &TargetExpression,
        asked: &[NodeId],
    ) -> Result<Explanation, FrameworkError> {
        let view = self.inventory_for(caller, Freshness::Cached).await?;
        Ok(self.resolver.explain_among(&view, expression, asked).await?)
    }

    /// What the sources of nodes know of those nodes that the caller may see. Needs `inventory.list`.
    ///
    /// # Errors
    /// [`FrameworkError::Denied`].
    pub async fn inventory_for(&self, caller: &Caller, freshness: Freshness) -> Result<View, FrameworkError> {
        self.engine.may_on(caller, allowed::LIST_NODES, &[]).await?;
        allowed::view(&self.engine, caller, self.inventory(freshness).await).await
    }

    /// What each term of an expression selects, and which term decides about the nodes of these names.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn explain(
        &self,
        expression: &TargetExpression,
        asked: &[NodeId],
    ) -> Result<Explanation, FrameworkError> {
        Ok(self.resolver.explain(expression, asked).instrument(self.span()).await?)
    }

    /// What the sources of nodes know, at least as fresh as asked for, and how each of them did (R3.1, R3.4-R3.6). This asks
    /// nobody; see [`Framework::inventory_for`].
    pub async fn inventory(&self, freshness: Freshness) -> View {
        self.resolver.catalog().read(freshness).instrument(self.span()).await
    }

    /// The sources of nodes, with their cache.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.resolver.catalog()
    }

    /// How the engine and the connections of its transports stand now.
    pub fn stats(&self) -> EngineStats {
        self.engine.stats()
    }

    /// All measurements since the framework was opened (R5.7, R8.7), also in the shape of Pabawi's
    /// `PerformanceMonitorService` (R10.7). Their number is bounded.
    pub fn metrics(&self) -> MetricsSnapshot {
        self.engine.metrics(&PartStats {
            log: self.log_stats(),
            mirror: self.mirror_health().as_ref().map(mirror_counts),
            host_journal: self.host_journal_health().as_ref().map(mirror_counts),
            retention: self.retention_health().map(|health| RetentionCounts {
                worked: health.worked,
                failed: health.failed,
                entries: health.removed.entries,
                executions: health.removed.executions,
                outputs: health.removed.outputs,
            }),
        })
    }

    /// The same as text for Prometheus.
    pub fn metrics_prometheus(&self) -> String {
        self.metrics().to_prometheus()
    }

    /// How the way to the log sink stands; `None` without a sink.
    pub fn log_stats(&self) -> Option<LogStats> {
        self.route.queue.as_ref().map(|queue| queue.stats())
    }

    /// How the mirror in the host's database goes; `None` without one.
    pub fn mirror_health(&self) -> Option<MirrorHealth> {
        self.mirror.as_ref().map(|mirror| mirror.health())
    }

    /// How telling the host's journal service goes; `None` without one.
    pub fn host_journal_health(&self) -> Option<MirrorHealth> {
        self.host_journal.as_ref().map(|mirror| mirror.health())
    }

    /// Waits until the host's database and journal service have everything that is stored now; without an end while they fail, at
    /// once without them.
    pub async fn mirrored(&self) {
        for mirror in [&self.mirror, &self.host_journal].into_iter().flatten() {
            mirror.settled().await;
        }
    }

    /// How removing what is old goes; `None` without a schedule.
    pub fn retention_health(&self) -> Option<RetentionHealth> {
        self.retention.as_ref().map(|keeper| keeper.health())
    }

    fn span(&self) -> Span {
        self.route.span.clone()
    }

    /// Where the database is: a path, or a URL without its password.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Accepts and starts nothing more, gives what runs until the deadline, ends it then, and closes
    /// everything. Graphs that run are left as interrupted and can be resumed.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.graphs.leave(deadline).await;
        let report = self.engine.drain(deadline).await;
        if let Some(keeper) = &self.retention {
            keeper.stop().await;
        }
        // Its runs have had their time; a plugin may still have to end what it started, and to journal what it was told.
        self.plugins.shutdown(PLUGINS_CLOSING).await;
        let finish = async |mirror: &Option<Arc<HostMirror>>| {
            if let Some(mirror) = mirror {
                mirror.finish(MIRROR_CLOSING).instrument(self.span()).await;
            }
        };
        tokio::join!(finish(&self.mirror), finish(&self.host_journal));
        self.engine.close().await;
        #[cfg(feature = "otlp")]
        if let Some(traces) = &self.traces {
            traces.close(TRACES_CLOSING).instrument(self.span()).await;
        }
        if let Some(queue) = &self.route.queue {
            queue.flush(LOG_CLOSING).await;
        }
        report
    }
}

fn mirror_counts(health: &MirrorHealth) -> MirrorCounts {
    MirrorCounts {
        up: !matches!(health.state, MirrorState::Failing | MirrorState::Ended),
        waiting: health.waiting,
        written: health.written,
        refused: health.refused,
        failures: health.all_failures,
    }
}
