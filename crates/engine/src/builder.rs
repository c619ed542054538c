//! Puts an engine together: [`EngineBuilder`]. A missing authorizer denies everything.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use pabawi_domain::command_policy::CommandPolicy;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{
    Authorizer, BreakerStore, Clock, ExecutionStore, JournalRules, JournalStore, MetricsSink, PlanStore,
    StoreError, TargetResolver, ToolRouter, Transport,
};
use pabawi_domain::validation::ValidationError;
use tokio::sync::RwLock;
use tracing::{Instrument as _, Span};

use crate::authorize::{AuthorizerGate, DenyAll};
use crate::breaker::{BreakerBoard, BreakerKeeper, BreakerPolicies, BreakerWatch};
use crate::cancel::poll_requests;
use crate::emit::Recorder;
use crate::engine::{Engine, Shared};
use crate::journal::Journaller;
use crate::limits::EngineLimits;
use crate::meter::Meter;
use crate::needs::Tools;
use crate::plan::Transports;
use crate::pressure::{MemoryBudget, Watchman, memory_of_process};
use crate::registry::Registry;
use crate::run::{Unsettled, remove_left_spills};
use crate::schedule::{QueueRoom, Scheduler};
use crate::subscribe::Rings;

/// This machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Why an engine could not be built.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A port that has no default was not given.
    #[error("no {0} was given")]
    Missing(&'static str),
    /// Two transports have the same name, or one has a bad name.
    #[error("bad transport {name:?}: {reason}")]
    Transport {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A limit is bad.
    #[error(transparent)]
    Limits(#[from] ValidationError),
    /// The store could not be read or recovered.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gathers the ports. [`EngineBuilder::store`] and [`EngineBuilder::resolver`] are needed.
#[derive(Default)]
pub struct EngineBuilder {
    store: Option<Arc<dyn ExecutionStore>>,
    journal: Option<Arc<dyn JournalStore>>,
    journal_rules: Option<Arc<dyn JournalRules>>,
    transports: Vec<Arc<dyn Transport>>,
    resolver: Option<Arc<dyn TargetResolver>>,
    authorizer: Option<Arc<dyn Authorizer>>,
    clock: Option<Arc<dyn Clock>>,
    breakers: Option<Arc<dyn BreakerStore>>,
    plans: Option<Arc<dyn PlanStore>>,
    metrics: Option<Arc<dyn MetricsSink>>,
    tools: Option<Arc<dyn ToolRouter>>,
    command_policy: Option<CommandPolicy>,
    limits: EngineLimits,
}

impl EngineBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Where executions are remembered.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn ExecutionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Where accepted host keys and denials are journalled, and what executions and calls do where
    /// [`EngineBuilder::journal_rules`] say so; without one they are only logged. It has to be the same store as that of
    /// [`EngineBuilder::store`], which writes the entries of executions together with their results.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn JournalStore>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// What becomes a journal entry of what executions and calls of plugins do (R11.8, R11.9); nothing without any.
    #[must_use]
    pub fn journal_rules(mut self, rules: Arc<dyn JournalRules>) -> Self {
        self.journal_rules = Some(rules);
        self
    }

    /// A way to nodes, under its own name. May be called for several.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transports.push(transport);
        self
    }

    /// Who knows which plugin does an action of a tool. Each plugin that it names has to be a transport of that name.
    /// Without one, actions of tools are refused.
    #[must_use]
    pub fn tools(mut self, router: Arc<dyn ToolRouter>) -> Self {
        self.tools = Some(router);
        self
    }

    /// Which commands may be run at all, whoever asks and whatever runs them. Without one, every command.
    #[must_use]
    pub fn command_policy(mut self, policy: CommandPolicy) -> Self {
        self.command_policy = Some(policy);
        self
    }

    /// What turns target expressions into nodes.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn TargetResolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Who decides about callers. Without one, everything is denied.
    #[must_use]
    pub fn authorizer(mut self, authorizer: Arc<dyn Authorizer>) -> Self {
        self.authorizer = Some(authorizer);
        self
    }

    /// Where records get their times from; [`SystemClock`] without one.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where circuit breakers are remembered; without one they are closed after a restart.
    #[must_use]
    pub fn breakers(mut self, store: Arc<dyn BreakerStore>) -> Self {
        self.breakers = Some(store);
        self
    }

    /// Where plans are kept that may be applied later; without one, none can be made.
    #[must_use]
    pub fn plans(mut self, store: Arc<dyn PlanStore>) -> Self {
        self.plans = Some(store);
        self
    }

    /// Where measurements go (R8.7).
    #[must_use]
    pub fn metrics(mut self, sink: Arc<dyn MetricsSink>) -> Self {
        self.metrics = Some(sink);
        self
    }

    /// Other limits than the defaults.
    #[must_use]
    pub fn limits(mut self, limits: EngineLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Closes the executions of processes that have died, then starts the engine on the current tokio runtime,
    /// which needs its timer.
    ///
    /// # Errors
    /// [`BuildError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn build(self) -> Result<Engine, BuildError> {
        let store = self.store.ok_or(BuildError::Missing("execution store"))?;
        let resolver = self.resolver.ok_or(BuildError::Missing("target resolver"))?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        self.limits.check()?;
        let transports = named(self.transports)?;
        let meter = Meter::new(self.metrics);
        let journaller = Journaller::start(self.journal, self.journal_rules, meter.clone());
        journaller.abandoned(&*store, clock.now()).await;
        let recovered = store.recover(clock.now()).await?;
        for id in &recovered {
            tracing::warn!(execution_id = %id,
                "interrupted: its process died; what its running targets did is not known");
        }
        let limits = Arc::new(self.limits);
        remove_left_spills(&limits.spill_dir, &*store).await?;
        let unsettled = Unsettled::load(Arc::clone(&store)).await?;
        let keeper = BreakerKeeper::start(self.breakers.clone());
        let policies = BreakerPolicies::of(&limits);
        let breakers = BreakerBoard::new(policies, Arc::clone(&clock), keeper, meter.clone());
        let watch = BreakerWatch::start(Arc::clone(&breakers), self.breakers, limits.breaker_poll).await?;
        let (scheduler, scheduler_handle) =
            Scheduler::new(limits.max_node_runs, limits.max_running_executions);
        tokio::spawn(scheduler.run().in_current_span());
        let (recorder, recorder_handle) =
            Recorder::new(Arc::clone(&store), limits.commit_writes, meter.clone());
        tokio::spawn(recorder.run().in_current_span());
        let registry = Registry::new();
        let budget = MemoryBudget::new(limits.output_memory(|| memory_of_process(Path::new("/"))));
        let (transports, rings) = (Arc::new(transports), Arc::new(Rings::default()));
        let watchman = Watchman {
            budget: Arc::clone(&budget),
            rings: Arc::downgrade(&rings),
            transports: Arc::clone(&transports),
            meter: meter.clone(),
            live: registry.count(),
        };
        let watching = Arc::clone(&watch).run(registry.count());
        let polling = poll_requests(Arc::clone(&registry), Arc::clone(&store), limits.cancel_poll);
        let shared = Shared {
            span: Span::current(),
            resolver,
            transports,
            tools: Tools::new(self.tools, Arc::clone(&breakers), self.command_policy.map(Arc::new)),
            gate: AuthorizerGate::new(
                self.authorizer.unwrap_or_else(|| Arc::new(DenyAll)),
                limits.authorizer_timeout,
                meter.clone(),
            ),
            clock,
            journaller,
            registry,
            room: QueueRoom::new(limits.max_queued_executions, limits.max_pending_targets),
            scheduler: scheduler_handle,
            recorder: recorder_handle,
            breakers,
            breaker_watch: watch,
            breaker_watcher: tokio::spawn(watching.in_current_span()).abort_handle(),
            unsettled,
            plans: self.plans,
            meter,
            closing: AtomicBool::new(false),
            submissions: RwLock::new(()),
            poller: tokio::spawn(polling.in_current_span()).abort_handle(),
            watchman: tokio::spawn(watchman.run().in_current_span()).abort_handle(),
            budget,
            rings,
            store,
            limits,
        };
        Ok(Engine { shared: Arc::new(shared) })
    }
}

fn named(all: Vec<Arc<dyn Transport>>) -> Result<Transports, BuildError> {
    let mut transports = Transports::default();
    for transport in all {
        let name = transport.name().to_owned();
        let plugin = PluginName::new(&name).map_err(|error| BuildError::Transport {
            name: name.clone(),
            reason: error.reason().to_owned(),
        })?;
        if !transports.add(plugin, transport) {
            return Err(BuildError::Transport { name, reason: "there is another of that name".to_owned() });
        }
    }
    Ok(transports)
}
