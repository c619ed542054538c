//! The handle that others hold: [`PluginHost`], and what it is made with, [`PluginHostBuilder`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{
    Clock, FactProvider, InventorySource, Plugin, PluginHealth, ToolRouter, Transport,
};
use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::built_in::BuiltIn;
use super::instance::Instance;
use super::lifecycle;
use super::order::order;
use super::register::{Declared, RegisterError};
use super::router::Router;
use super::run::ToolTransport;
use super::settings::HostSettings;
use super::slot::Slot;
use super::status::{PluginState, PluginStatus, ProvidedCapability};

/// Registers plugins.
pub struct PluginHostBuilder {
    clock: Arc<dyn Clock>,
    settings: HostSettings,
    slots: Vec<Arc<Slot>>,
    configs: BTreeMap<PluginName, Value>,
}

impl PluginHostBuilder {
    /// Other limits than the defaults. Has to come before the plugins.
    #[must_use]
    pub fn settings(mut self, settings: HostSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Registers a plugin with its configuration, and its capabilities (R6.3). Nothing of it is called yet but what asks
    /// what it is.
    ///
    /// # Errors
    /// [`RegisterError`]; the plugin is not registered then.
    pub fn plugin(&mut self, plugin: Arc<dyn Plugin>, config: Value) -> Result<(), RegisterError> {
        self.add(plugin, config, false)
    }

    /// Registers a way to nodes that comes with the framework.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn built_in(&mut self, transport: BuiltIn) -> Result<(), RegisterError> {
        self.add(Arc::new(transport), Value::Null, true)
    }

    fn add(
        &mut self,
        plugin: Arc<dyn Plugin>,
        config: Value,
        is_built_in: bool,
    ) -> Result<(), RegisterError> {
        let declared = Declared::of(&*plugin)?;
        let name = declared.metadata.name.clone();
        if self.slots.iter().any(|slot| *slot.name() == name) {
            return Err(RegisterError::Duplicate(name));
        }
        let instance = Instance::new(plugin, declared);
        self.slots.push(Slot::new(instance, is_built_in, self.settings.start_timeout));
        self.configs.insert(name, config);
        Ok(())
    }

    /// Gets all of them ready, each after those it depends on and otherwise side by side (R6.7), on the current tokio
    /// runtime. One that cannot get ready is in that state and stops no other. Bounded in time.
    pub async fn start(self) -> PluginHost {
        let Self { clock, settings, slots, mut configs } = self;
        let depends_on = |slot: &Arc<Slot>| slot.instance().declared.metadata.depends_on.clone();
        let all: Vec<_> = slots.iter().map(|slot| (slot.name().clone(), depends_on(slot))).collect();
        let (ordered, never) = order(&all);
        for slot in &slots {
            if let Some(why) = never.get(slot.name()) {
                tracing::error!(plugin = %slot.name(), reason = %why, "plugin cannot get ready");
                slot.set_state(PluginState::failed(why.clone()));
            }
        }
        let router = Arc::new(Router { slots });
        let mut starting = JoinSet::new();
        for slot in router.slots.iter().filter(|slot| !never.contains_key(slot.name())) {
            let needed: Vec<Arc<Slot>> =
                depends_on(slot).iter().filter_map(|name| router.slot(name)).cloned().collect();
            let config = configs.remove(slot.name()).unwrap_or_default();
            let slot = Arc::clone(slot);
            starting.spawn(async move {
                let state = get_ready(&slot, &needed, config, settings.initialize_timeout).await;
                match &state {
                    PluginState::Failed { message, stack, .. } => {
                        tracing::error!(plugin = %slot.name(), reason = %message, ?stack, "plugin cannot get ready");
                    }
                    _ => tracing::info!(plugin = %slot.name(), "plugin is ready"),
                }
                slot.set_state(state);
            });
        }
        // Each has its deadline.
        starting.join_all().await;
        let tools = router.slots.iter().filter(|slot| !slot.is_built_in);
        let transports =
            tools.map(|slot| ToolTransport::start(Arc::clone(slot), settings.batch()) as _).collect();
        let rounds = Rounds { router: Arc::clone(&router), clock: Arc::clone(&clock), settings };
        let shared = Shared {
            router,
            order: ordered,
            transports,
            clock,
            settings,
            retiring: Mutex::default(),
            rounds: tokio::spawn(rounds.run()).abort_handle(),
        };
        PluginHost { shared: Arc::new(shared) }
    }
}

async fn get_ready(slot: &Slot, needed: &[Arc<Slot>], config: Value, patience: Duration) -> PluginState {
    for other in needed {
        match other.settled().await {
            PluginState::Ready => {}
            PluginState::Failed { message, .. } => {
                let text =
                    format!("depends on plugin {}, which could not get ready: {message}", other.name());
                return PluginState::failed(text);
            }
            PluginState::Waiting | PluginState::Stopped => {
                return PluginState::failed(format!(
                    "depends on plugin {}, which is shut down",
                    other.name()
                ));
            }
        }
    }
    match lifecycle::initialize(&slot.instance(), config, patience).await {
        Ok(()) => PluginState::Ready,
        Err(state) => state,
    }
}

/// The plugins of a framework. Cloning gives another handle of the same host.
#[derive(Clone)]
pub struct PluginHost {
    shared: Arc<Shared>,
}

struct Shared {
    router: Arc<Router>,
    /// Each after those it depends on.
    order: Vec<PluginName>,
    transports: Vec<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    settings: HostSettings,
    /// Instances that were replaced and have runs left.
    retiring: Mutex<JoinSet<()>>,
    rounds: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.rounds.abort();
    }
}

/// Why a plugin was not loaded anew. The old one goes on.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// There is no plugin of that name to take the place of.
    #[error("there is no plugin {0} that can be loaded anew")]
    Unknown(PluginName),
    /// What it says of itself is bad.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// It could not get ready.
    #[error("plugin {plugin} could not get ready: {message}; the one that was there goes on")]
    NotReady {
        /// The plugin.
        plugin: PluginName,
        /// Why.
        message: String,
    },
    /// The host is shut down.
    #[error("plugin {0} is shut down")]
    Stopped(PluginName),
}

/// A plugin that did not let go as it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownFault {
    /// The plugin.
    pub plugin: PluginName,
    /// What it did instead.
    pub message: String,
}

impl PluginHost {
    /// Registers plugins. The clock says when they were asked how they are.
    pub fn builder(clock: Arc<dyn Clock>) -> PluginHostBuilder {
        PluginHostBuilder {
            clock,
            settings: HostSettings::default(),
            slots: Vec::new(),
            configs: BTreeMap::new(),
        }
    }

    /// Who does which action, for the engine.
    pub fn router(&self) -> Arc<dyn ToolRouter> {
        Arc::clone(&self.shared.router) as _
    }

    /// The plugins as ways to nodes, for the engine.
    pub fn transports(&self) -> &[Arc<dyn Transport>] {
        &self.shared.transports
    }

    /// The sources of nodes that the plugins which are ready have.
    pub fn inventories(&self) -> Vec<Arc<dyn InventorySource>> {
        let ready = self.shared.router.slots.iter().filter(|slot| slot.is_ready().is_ok());
        ready.filter_map(|slot| slot.instance().plugin.inventory()).collect()
    }

    /// The providers of facts that the plugins which are ready have.
    pub fn fact_providers(&self) -> Vec<Arc<dyn FactProvider>> {
        let ready = self.shared.router.slots.iter().filter(|slot| slot.is_ready().is_ok());
        ready.filter_map(|slot| slot.instance().plugin.facts()).collect()
    }

    /// All plugins and how they stand, in the order of their registration. Nobody is asked anything.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.shared.router.slots.iter().map(|slot| status(slot)).collect()
    }

    /// One plugin.
    pub fn plugin(&self, name: &PluginName) -> Option<PluginStatus> {
        self.shared.router.slot(name).map(|slot| status(slot))
    }

    /// Every capability of every plugin, by name; of several plugins with the same the one that goes first before the
    /// others (R6.8, R10.2).
    pub fn capabilities(&self) -> Vec<ProvidedCapability> {
        self.shared.router.capabilities()
    }

    /// Asks how plugins are, all at once, and waits for their answers, at most the limit of one (R6.7); all of them, or
    /// one.
    pub async fn check_health(&self, name: Option<&PluginName>) -> Vec<PluginStatus> {
        let wanted = |slot: &&Arc<Slot>| name.is_none_or(|name| slot.name() == name);
        let slots: Vec<_> = self.shared.router.slots.iter().filter(wanted).cloned().collect();
        ask(&slots, &*self.shared.clock, self.shared.settings.health_timeout).await;
        slots.iter().map(|slot| status(slot)).collect()
    }

    /// Puts another instance of a plugin, with another configuration, in the place of the one that is there. It is got
    /// ready first; then new runs go to it, those that are under way end on the old one, and that is shut down after the
    /// last of them.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing has changed then.
    pub async fn reload(&self, plugin: Arc<dyn Plugin>, config: Value) -> Result<(), ReloadError> {
        let Shared { router, settings, .. } = &*self.shared;
        let declared = Declared::of(&*plugin)?;
        let name = declared.metadata.name.clone();
        let slot = router.slot(&name).filter(|slot| !slot.is_built_in);
        let slot = slot.ok_or_else(|| ReloadError::Unknown(name.clone()))?;
        let instance = Instance::new(plugin, declared);
        if let Err(state) = lifecycle::initialize(&instance, config, settings.initialize_timeout).await {
            let message = match state {
                PluginState::Failed { message, .. } => message,
                other => format!("{other:?}"),
            };
            return Err(ReloadError::NotReady { plugin: name, message });
        }
        let was_ready = slot.is_ready().is_ok();
        let Some(old) = slot.replace(Arc::clone(&instance)) else {
            let _ = lifecycle::shutdown(&instance, Instant::now(), settings.shutdown_timeout).await;
            return Err(ReloadError::Stopped(name));
        };
        tracing::info!(plugin = %name, runs_on_the_old_one = old.runs(), "plugin loaded anew");
        if was_ready {
            let patience = settings.shutdown_timeout;
            let mut retiring = self.shared.retiring.lock().unwrap_or_else(PoisonError::into_inner);
            retiring.spawn(async move {
                // Runs have their own limits.
                old.idle().await;
                if let Err(message) = lifecycle::shutdown(&old, Instant::now(), patience).await {
                    tracing::warn!(plugin = %name, %message, "plugin did not let go");
                }
            });
        }
        Ok(())
    }

    /// Begins no run any more, waits for those that are under way until the deadline, and shuts all plugins down, each
    /// before those it depends on (R6.7). Returns those that did not let go in time or as they should have.
    pub async fn shutdown(&self, deadline: Duration) -> Vec<ShutdownFault> {
        let Shared { router, order, settings, rounds, .. } = &*self.shared;
        rounds.abort();
        let until = Instant::now() + deadline;
        let mut faults = Vec::new();
        for slot in order.iter().rev().filter_map(|name| router.slot(name)) {
            let (instance, before) = slot.stop();
            if before != PluginState::Ready {
                continue;
            }
            // One that hangs does not take the others' time.
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
            let patience = settings.shutdown_timeout.min(left);
            if let Err(message) = lifecycle::shutdown(&instance, until, patience).await {
                tracing::warn!(plugin = %slot.name(), %message, "plugin did not let go");
                faults.push(ShutdownFault { plugin: slot.name().clone(), message });
            }
        }
        let retiring =
            std::mem::take(&mut *self.shared.retiring.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = tokio::time::timeout_at(until, retiring.join_all()).await;
        faults
    }
}

fn status(slot: &Slot) -> PluginStatus {
    let instance = slot.instance();
    let capabilities = &instance.declared.capabilities;
    PluginStatus {
        metadata: instance.declared.metadata.clone(),
        built_in: slot.is_built_in,
        state: slot.state(),
        health: slot.health(),
        capabilities: capabilities.iter().map(|checked| checked.capability.name.clone()).collect(),
        running: instance.runs(),
    }
}

async fn ask(slots: &[Arc<Slot>], clock: &dyn Clock, patience: Duration) {
    let mut asking = JoinSet::new();
    for slot in slots.iter().filter(|slot| slot.is_ready().is_ok()) {
        let (slot, at) = (Arc::clone(slot), clock.now());
        asking.spawn(async move {
            let instance = slot.instance();
            let report = lifecycle::health(&*instance.plugin, patience, at).await;
            if report.health != PluginHealth::Healthy {
                tracing::warn!(plugin = %slot.name(), health = ?report.health, "plugin is not well");
            }
            slot.set_health(&instance, report);
        });
    }
    // Each has its deadline.
    asking.join_all().await;
}

/// The task that asks all plugins how they are, again and again.
struct Rounds {
    router: Arc<Router>,
    clock: Arc<dyn Clock>,
    settings: HostSettings,
}

impl Rounds {
    /// Works until it is aborted.
    async fn run(self) {
        let is_well =
            |slot: &Arc<Slot>| slot.health().is_none_or(|report| report.health == PluginHealth::Healthy);
        // Ends by being aborted when the host goes.
        loop {
            ask(&self.router.slots, &*self.clock, self.settings.health_timeout).await;
            let all_well = self.router.slots.iter().all(is_well);
            let pause = if all_well { self.settings.health_interval } else { self.settings.health_retry };
            tokio::time::sleep(pause).await;
        }
    }
}
