//! The handle that every surface uses: [`Engine`]. It sends requests through the stages and answers questions;
//! it holds no run state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pabawi_domain::breaker::{BreakerStatus, Component};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::metrics::MetricsSnapshot;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{
    Clock, ExecutionRef, ExecutionStore, PlanStore, PoolStats, TargetResolver, ToolRunStats,
};
use pabawi_domain::record::ExecutionRecord;
use pabawi_domain::redact::Redactor;
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::summary::ExecutionSummary;
use pabawi_domain::validation::ValidationError;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{RwLock, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tracing::{Instrument as _, Span};

use crate::authorize::{AuthorizerGate, Denial, authorize};
use crate::breaker::{BreakerBoard, BreakerWatch};
use crate::builder::EngineBuilder;
use crate::denied::no_nodes;
use crate::dispatcher::{Control, Dispatcher, HealthChecks, Orders};
use crate::emit::{Hub, Pen, RecorderHandle, Ways};
use crate::error::{EngineError, SubmitError};
use crate::foreign::Foreign;
use crate::journal::{About, Journaller};
use crate::limits::EngineLimits;
use crate::meter::{Meter, SourceMeter};
use crate::metrics::PartStats;
use crate::needs::Tools;
use crate::plan::{ExecutionPlan, Transports, plan};
use crate::pressure::{MemoryBudget, MemoryStats};
use crate::record::{Recorded, RecordedExecution, record};
use crate::registry::{Live, Registry};
use crate::resolve::resolve;
use crate::run::{DetachedNames, RunContext, Unsettled};
use crate::schedule::{QueueRoom, SchedulerHandle, Turn};
use crate::subscribe::{EventLog, Rings, Subscription, SubscriptionMode};
use crate::validate::validate;

/// Messages on the way to a hub.
const HUB_CHANNEL: usize = 1024;
/// Orders on the way to a dispatcher, which takes them at once.
const CONTROL_CHANNEL: usize = 64;

/// Runs executions. Cloning gives another handle of the same engine. It lives on a tokio runtime: the one on
/// which it was built.
///
/// Dropping every handle without [`Engine::shutdown`] lets the executions that run come to their end as long as
/// the runtime lives.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn ExecutionStore>,
    pub(crate) resolver: Arc<dyn TargetResolver>,
    pub(crate) transports: Arc<Transports>,
    pub(crate) tools: Tools,
    pub(crate) gate: AuthorizerGate,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Arc<EngineLimits>,
    pub(crate) journaller: Journaller,
    pub(crate) registry: Arc<Registry>,
    pub(crate) room: Arc<QueueRoom>,
    pub(crate) scheduler: SchedulerHandle,
    pub(crate) recorder: RecorderHandle,
    pub(crate) breakers: Arc<BreakerBoard>,
    /// What other processes do to them, and the task that looks for it.
    pub(crate) breaker_watch: Arc<BreakerWatch>,
    pub(crate) breaker_watcher: AbortHandle,
    pub(crate) unsettled: Arc<Unsettled>,
    pub(crate) plans: Option<Arc<dyn PlanStore>>,
    pub(crate) meter: Meter,
    pub(crate) closing: AtomicBool,
    /// Held for reading by a submission from its recording to its start, for writing by a shutdown.
    pub(crate) submissions: RwLock<()>,
    /// The task that looks for requests of other processes to cancel.
    pub(crate) poller: AbortHandle,
    /// All output in memory, the rings of events that are part of it, and the task that watches it.
    pub(crate) budget: Arc<MemoryBudget>,
    pub(crate) rings: Arc<Rings>,
    pub(crate) watchman: AbortHandle,
    /// The span in which the engine was built: what it does on its own is logged in it.
    pub(crate) span: Span,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.poller.abort();
        self.breaker_watcher.abort();
        self.watchman.abort();
    }
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExecutionOutcome {
    /// The folded result.
    pub summary: ExecutionSummary,
    /// The whole record.
    pub record: ExecutionRecord,
}

/// How the engine stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineStats {
    /// Executions that wait in the queue.
    pub queued_executions: usize,
    /// Executions that wait or run.
    pub live_executions: usize,
    /// Nodes that run.
    pub node_runs: usize,
    /// Why the store cannot write now, if it cannot: executions are held until it can.
    pub store_trouble: Option<String>,
    /// Transactions of the store since the start. The busier the engine, the more writes go into one.
    pub store_commits: u64,
    /// Writes in them.
    pub store_writes: u64,
    /// How the output in memory stands against its budget.
    pub memory: MemoryStats,
    /// How the connections of each transport stand, by its name.
    pub transports: Vec<(String, PoolStats)>,
    /// How often the tools of plugins were run, and for how many nodes, by the plugin's name (R8.3).
    pub tool_runs: Vec<(String, ToolRunStats)>,
}

impl Engine {
    /// Puts an engine together.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::new()
    }

    /// Accepts an execution and returns its id as soon as it is on stable storage (R1.3). A request with an
    /// idempotency key that this user has used for the same request returns the execution of then and starts
    /// nothing. Dropping the future does not take back what was accepted.
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was started.
    pub async fn submit(
        &self,
        caller: Caller,
        request: ExecutionRequest,
    ) -> Result<ExecutionId, SubmitError> {
        refuse_attach(&request)?;
        let accepted = self.accept(caller, request, None, None, Origin::Caller).await?;
        Ok(accepted.id)
    }

    /// Submits, and subscribes to the execution's events before its first node can start, so that not even
    /// output that is only shown live can be missed by being late.
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was started.
    pub async fn submit_and_follow(
        &self,
        caller: Caller,
        request: ExecutionRequest,
        mode: SubscriptionMode,
    ) -> Result<(ExecutionId, Subscription), SubmitError> {
        refuse_attach(&request)?;
        let Accepted { id, followed, .. } =
            self.accept(caller, request, None, Some(mode), Origin::Caller).await?;
        // An execution that was accepted before, under the same idempotency key, may be anywhere.
        let followed = followed.unwrap_or_else(|| self.follow(id, 1, mode));
        Ok((id, followed))
    }

    /// Submits and waits for the end (R1.2).
    ///
    /// # Errors
    /// [`EngineError::Submit`] when it was not accepted; otherwise as for [`Engine::wait`].
    pub async fn execute(
        &self,
        caller: Caller,
        request: ExecutionRequest,
    ) -> Result<ExecutionOutcome, EngineError> {
        let id = self.submit(caller, request).await?;
        self.outcome(id).await
    }

    /// Waits for the end of an execution, also of one that another process runs. Needs `executions.show`.
    ///
    /// # Errors
    /// [`EngineError`]; [`EngineError::Abandoned`] when the engine is shut down before the end could be stored.
    pub async fn wait(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionOutcome, EngineError> {
        self.may_show(caller, id).await?;
        self.outcome(id).await
    }

    /// How the engine stands now.
    pub fn stats(&self) -> EngineStats {
        let shared = &self.shared;
        let transports = shared.transports.all().iter();
        let tool_runs = transports.clone().filter_map(|one| Some((one.name().to_owned(), one.tool_runs()?)));
        let (store_commits, store_writes) = shared.recorder.batched();
        EngineStats {
            store_commits,
            store_writes,
            queued_executions: shared.room.waiting(),
            live_executions: *shared.registry.count().borrow(),
            node_runs: shared.scheduler.permits_in_use(),
            store_trouble: shared.recorder.trouble().map(|error| error.to_string()),
            memory: shared.budget.stats(),
            tool_runs: tool_runs.collect(),
            transports: transports.map(|one| (one.name().to_owned(), one.stats())).collect(),
        }
    }

    /// What counts the answers of sources.
    pub fn source_meter(&self) -> SourceMeter {
        SourceMeter::new(self.shared.meter.clone())
    }

    /// All measurements since the start (R5.7, R8.7), with those of parts that are not known here.
    pub fn metrics(&self, beside: &PartStats) -> MetricsSnapshot {
        let shared = &self.shared;
        let (meter, stats) = (&shared.meter, self.stats());
        let permits = (stats.node_runs, shared.limits.max_node_runs);
        meter.queue((stats.queued_executions, stats.live_executions), shared.room.targets(), permits);
        meter.buffered(stats.memory.used_bytes, stats.memory.limit_bytes);
        meter.store(stats.store_trouble.is_none());
        for (name, stats) in &stats.transports {
            meter.transport(name, *stats);
        }
        for (name, runs) in &stats.tool_runs {
            meter.tool_runs(name, *runs);
        }
        meter.beside(beside);
        meter.snapshot(shared.clock.now())
    }

    /// The circuit breakers that are not closed or have seen failures lately, in this process or, as far as it is
    /// stored, in others. Needs `breakers.show`.
    ///
    /// # Errors
    /// [`EngineError::Denied`], [`EngineError::Store`].
    pub async fn breakers(&self, caller: &Caller) -> Result<Vec<BreakerStatus>, EngineError> {
        self.may(caller, "breakers.show").await?;
        self.shared.breaker_watch.read().await?;
        Ok(self.shared.breakers.all())
    }

    /// Closes a circuit breaker, also for other processes that use the store, which see it within
    /// [`EngineLimits::breaker_poll`]; the failures it has seen are forgotten. `false` when it is closed already. Needs
    /// `breakers.reset`.
    ///
    /// # Errors
    /// [`EngineError::Denied`], [`EngineError::Store`].
    pub async fn reset_breaker(&self, caller: &Caller, component: &Component) -> Result<bool, EngineError> {
        let about = async {
            match component {
                Component::Node(node) => vec![node.clone()],
                Component::Group(_) | Component::Plugin(_) => Vec::new(),
            }
        };
        self.may_about_those(caller, "breakers.reset", &[], about).await?;
        self.shared.breaker_watch.read().await?;
        let _in_span = self.shared.span.enter();
        tracing::info!(%component, user = caller.user.as_str(), "circuit breaker reset");
        Ok(self.shared.breakers.reset(component))
    }

    /// The limits that are in force.
    pub fn limits(&self) -> &EngineLimits {
        &self.shared.limits
    }

    /// Sends a request through the stages. `known` are targets that need no resolving.
    pub(crate) async fn accept(
        &self,
        caller: Caller,
        request: ExecutionRequest,
        known: Option<Vec<Target>>,
        follow: Option<SubscriptionMode>,
        origin: Origin,
    ) -> Result<Accepted, SubmitError> {
        let id = request.correlation_id.as_ref().map(|id| id.as_str());
        let span = tracing::error_span!(parent: &self.shared.span, "request", correlation_id = id);
        self.accept_in_span(caller, request, known, follow, origin).instrument(span).await
    }

    async fn accept_in_span(
        &self,
        caller: Caller,
        request: ExecutionRequest,
        known: Option<Vec<Target>>,
        follow: Option<SubscriptionMode>,
        origin: Origin,
    ) -> Result<Accepted, SubmitError> {
        let shared = &self.shared;
        if shared.closing.load(Ordering::Acquire) {
            return Err(SubmitError::ShuttingDown);
        }
        let valid = validate(caller, request, &shared.tools).await?;
        let resolved = resolve(valid, &*shared.resolver, known, shared.limits.max_targets).await?;
        let authorized = match authorize(resolved, &shared.gate).await {
            Ok(authorized) => authorized,
            Err(denied) => {
                shared.denied(&denied.told()).await;
                return Err(denied.into());
            }
        };
        let plan = plan(authorized, &shared.transports, &*shared.store, &shared.limits).await?;
        self.accept_planned(plan, follow, origin).await
    }

    /// The last stages of a submission.
    pub(crate) async fn accept_planned(
        &self,
        plan: ExecutionPlan,
        follow: Option<SubscriptionMode>,
        origin: Origin,
    ) -> Result<Accepted, SubmitError> {
        // In a task of its own: a caller that goes away between the two steps must not leave an execution that
        // is recorded and never run.
        let started = record_and_start(Arc::clone(&self.shared), plan, follow, origin);
        let accepted = tokio::spawn(started.in_current_span());
        accepted.await.unwrap_or_else(|error| Err(SubmitError::Internal(error.to_string())))
    }

    /// Subscribes, without asking whether the execution exists or the authorizer.
    pub(crate) fn follow(&self, id: ExecutionId, from_seq: u64, mode: SubscriptionMode) -> Subscription {
        let store = Arc::clone(&self.shared.store);
        match self.shared.registry.get(id) {
            Some(live) => Subscription::live(live, store, from_seq, mode),
            None => Subscription::stored(id, self.foreign(), from_seq),
        }
    }

    /// Waits for the end, without asking the authorizer.
    pub(crate) async fn outcome(&self, id: ExecutionId) -> Result<ExecutionOutcome, EngineError> {
        let shared = &self.shared;
        if let Some(live) = shared.registry.get(id) {
            let summary = live.log.finished().await.ok_or(EngineError::Abandoned(id))?;
            return Ok(ExecutionOutcome { summary: *summary, record: live.record() });
        }
        let mut foreign = self.foreign();
        // Ends with the execution, which another process runs.
        loop {
            let record = shared.store.execution(id).await?.ok_or(EngineError::NotFound(id))?;
            if let (true, Some(summary)) = (record.status.is_final(), record.summary.clone()) {
                return Ok(ExecutionOutcome { summary, record });
            }
            foreign.pause().await;
        }
    }

    /// The way to follow an execution of another process.
    pub(crate) fn foreign(&self) -> Foreign {
        let shared = &self.shared;
        let (store, clock) = (Arc::clone(&shared.store), Arc::clone(&shared.clock));
        Foreign::new(store, shared.journaller.clone(), clock, shared.limits.follow_poll)
    }

    /// Asks the authorizer about something that others than the engine do with these nodes, within the same limit of
    /// time and with the same answers when nobody can tell. A denial is logged, and journalled for each of the nodes.
    ///
    /// # Errors
    /// [`EngineError::Denied`].
    pub async fn may_on(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
    ) -> Result<(), EngineError> {
        self.may_about_those(caller, capability, nodes, no_nodes()).await
    }

    /// As [`Engine::may_on`], where the nodes that it is about are looked for only to tell of a denial.
    pub(crate) async fn may_about_those(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
        about: impl Future<Output = Vec<NodeId>> + Send,
    ) -> Result<(), EngineError> {
        let answer = self.ask_on(caller, capability, nodes, about).await;
        answer.map_err(|Denial { reason }| EngineError::Denied { capability: capability.to_owned(), reason })
    }

    /// Asks the authorizer about the engine itself.
    pub(crate) async fn may(&self, caller: &Caller, capability: &str) -> Result<(), EngineError> {
        self.may_on(caller, capability, &[]).await
    }
}

/// Who brings a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A caller: it waits for its turn in the queue.
    Caller,
    /// An execution that runs already, which waits for this part of it: with a place in the queue each could wait
    /// for the other.
    Part,
}

/// What came of a submission.
pub(crate) struct Accepted {
    pub(crate) id: ExecutionId,
    /// Whether this submission has made it; not, where its idempotency key was used before.
    pub(crate) is_new: bool,
    /// Where it was asked for and the execution is new.
    pub(crate) followed: Option<Subscription>,
}

/// Whoever could name commands of earlier executions could read what others ran.
pub(crate) fn refuse_attach(request: &ExecutionRequest) -> Result<(), SubmitError> {
    if request.attach.is_empty() {
        return Ok(());
    }
    let text = "is for the engine to say; resume the execution whose detached commands are meant";
    Err(ValidationError::of("attach", text).into())
}

async fn record_and_start(
    shared: Arc<Shared>,
    plan: ExecutionPlan,
    follow: Option<SubscriptionMode>,
    origin: Origin,
) -> Result<Accepted, SubmitError> {
    let _not_between = shared.submissions.read().await;
    if shared.closing.load(Ordering::Acquire) {
        return Err(SubmitError::ShuttingDown);
    }
    shared.breaker_watch.freshen().await;
    match record(plan, &shared.room, &*shared.store, &*shared.clock, origin).await? {
        Recorded::Existing(id) => Ok(Accepted { id, is_new: false, followed: None }),
        Recorded::New(recorded) => {
            let id = recorded.id;
            Ok(Accepted { id, is_new: true, followed: start(&shared, *recorded, follow, origin) })
        }
    }
}

/// Starts the two tasks of a recorded execution: the hub that emits and the dispatcher that runs.
fn start(
    shared: &Arc<Shared>,
    recorded: RecordedExecution,
    follow: Option<SubscriptionMode>,
    origin: Origin,
) -> Option<Subscription> {
    let limits = &shared.limits;
    let (control, orders) = mpsc::channel(CONTROL_CHANNEL);
    let (hub, inbox) = mpsc::channel(HUB_CHANNEL);
    let (request, priority) = (recorded.request, recorded.redacted.priority);
    let timeouts = request.timeouts;
    let wanted = request.concurrency.unwrap_or(limits.default_concurrency);
    let concurrency = usize::try_from(wanted).unwrap_or(usize::MAX).min(limits.max_node_runs);
    let targets: Arc<[_]> = recorded.targets.into();
    let engine = Engine { shared: Arc::clone(shared) };
    let health_checks = HealthChecks::of(engine, &recorded.caller, &request, recorded.id);
    let correlation_id = request.correlation_id.as_ref().map(|id| id.as_str());
    // Not within that of the request, which an execution outlives.
    let span =
        tracing::error_span!(parent: &shared.span, "execution", execution_id = %recorded.id, correlation_id);
    let live = Arc::new(Live {
        span,
        id: recorded.id,
        caller: recorded.caller.clone(),
        request: recorded.redacted,
        plugins: recorded.plugins,
        submitted_at: recorded.submitted_at,
        control,
        log: Arc::new(EventLog::new(targets.len() as u64, limits.event_ring, limits.event_ring_bytes)),
    });
    shared.rings.add(&live.log);
    let detached = DetachedNames::of(recorded.id, &request);
    let redactor = Redactor::of(&request);
    let context = Arc::new(RunContext {
        detached,
        unsettled: Arc::clone(&shared.unsettled),
        id: recorded.id,
        execution_ref: ExecutionRef { id: recorded.id, correlation_id: request.correlation_id },
        caller: recorded.caller,
        needs: recorded.needs.clone(),
        redactor,
        action: Arc::new(request.action),
        targets: Arc::clone(&targets),
        transports: Arc::clone(&shared.transports),
        gate: shared.gate.clone(),
        hub,
        output_room: Arc::new(Semaphore::new(limits.output_in_flight_bytes)),
        budget: Arc::clone(&shared.budget),
        turns: Arc::new(Semaphore::new(1)),
        clock: Arc::clone(&shared.clock),
        limits: Arc::clone(limits),
        meter: shared.meter.clone(),
        connect_timeout: timeouts.connect_ms.map_or(limits.connect_timeout, Duration::from_millis),
        node_timeout: timeouts.node_ms.map(Duration::from_millis),
        retry: request.retry,
        breakers: Arc::clone(&shared.breakers),
        host_keys: request.host_keys,
        debug: request.debug,
    });
    shared.registry.insert(Arc::clone(&live));
    let ways = Ways {
        recorder: shared.recorder.clone(),
        clock: Arc::clone(&shared.clock),
        meter: shared.meter.clone(),
        stored_output: limits.stored_output_event_bytes,
    };
    let about = About { id: live.id, caller: &live.caller, request: &live.request };
    let pen = Pen { scribe: shared.journaller.scribe(about), needs: recorded.needs };
    let hub = Hub::new(Arc::clone(&live), Arc::clone(&shared.registry), targets, inbox, (ways, pen));
    let store = &shared.store;
    let followed = follow.map(|mode| Subscription::live(Arc::clone(&live), Arc::clone(store), 1, mode));
    let span = live.span.clone();
    tokio::spawn(hub.run().instrument(span.clone()));
    let orders = Orders {
        control: orders,
        place: recorded.place,
        concurrency,
        execution_timeout: timeouts.execution_ms.map(Duration::from_millis),
        rollout: request.rollout,
        health_checks,
    };
    let turn = Turn { priority, concurrency, at_once: origin == Origin::Part };
    tokio::spawn(Dispatcher::new(context, orders).run(shared.scheduler.clone(), turn).instrument(span));
    if shared.closing.load(Ordering::Acquire) {
        // The shutdown did not wait for this submission any longer. The channel is new, so there is room.
        let _ = live.control.try_send(Control::Drain);
    }
    followed
}
