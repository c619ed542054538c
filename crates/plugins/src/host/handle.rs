//! The handle that others hold: [`PluginHost`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pabawi_domain::id::PluginName;
use pabawi_domain::journal::Journalling;
use pabawi_domain::ports::{
    CallGate, Clock, FactProvider, InventorySource, Plugin, PluginEvents, ToolRouter, Transport,
};
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use super::builder::PluginHostBuilder;
use super::closing::{Retiring, ShutdownFault, let_go};
use super::instance::Instance;
use super::lifecycle;
use super::peers::Home;
use super::register::{Declared, RegisterError};
use super::rounds::ask;
use super::router::Router;
use super::settings::HostSettings;
use super::slot::Slot;
use super::sources::{PluginFacts, PluginInventory};
use super::status::{PluginState, PluginStatus, ProvidedCapability};

/// The plugins of a framework. Cloning gives another handle of the same host.
#[derive(Clone)]
pub struct PluginHost {
    pub(super) shared: Arc<Shared>,
}

/// What all handles share.
pub(super) struct Shared {
    pub(super) router: Arc<Router>,
    /// Each after those it depends on.
    pub(super) order: Vec<PluginName>,
    pub(super) transports: Vec<Arc<dyn Transport>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: HostSettings,
    pub(super) retiring: Retiring,
    /// Who says who may call what, once there is somebody.
    pub(super) gate: OnceLock<Arc<dyn CallGate>>,
    /// Who writes down what plugins tell of nodes, once there is somebody.
    pub(super) journal: OnceLock<Arc<dyn PluginEvents>>,
    /// Where plugins find the others.
    pub(super) home: Home,
    pub(super) rounds: AbortHandle,
    /// The span in which the host was made: what is asked of it directly is logged in it.
    pub(super) span: Span,
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

impl PluginHost {
    /// Registers plugins. The clock says when they were asked how they are.
    pub fn builder(clock: Arc<dyn Clock>) -> PluginHostBuilder {
        PluginHostBuilder::new(clock)
    }

    /// Who does which action, for the engine.
    pub fn router(&self) -> Arc<dyn ToolRouter> {
        Arc::clone(&self.shared.router) as _
    }

    /// The plugins as ways to nodes, for the engine.
    pub fn transports(&self) -> &[Arc<dyn Transport>] {
        &self.shared.transports
    }

    /// Lets plugins be called, also by each other, as the gate says. The first one counts.
    pub fn open_calls(&self, gate: Arc<dyn CallGate>) {
        let _ = self.shared.gate.set(gate);
    }

    /// Lets plugins write down what they tell of nodes. The first one counts.
    pub fn open_journal(&self, journal: Arc<dyn PluginEvents>) {
        let _ = self.shared.journal.set(journal);
    }

    /// Tells what plugins wish of the journal (R11.9), by their names, whichever instances live. It holds the plugins and not the
    /// host.
    pub fn wishes(&self) -> Arc<impl Fn(&str) -> Option<Journalling> + Send + Sync + use<>> {
        let router = Arc::clone(&self.shared.router);
        Arc::new(move |name: &str| {
            let slot = router.slots.iter().find(|slot| slot.name().as_str() == name)?;
            Some(slot.instance().declared.journalling.clone())
        })
    }

    /// A source of nodes for each plugin, under the plugin's name: the inventory of whichever instance of it lives, there as
    /// long as that has one.
    pub fn inventories(&self) -> Vec<Arc<dyn InventorySource>> {
        let settings = self.shared.settings;
        self.tools().map(|slot| Arc::new(PluginInventory { slot: Arc::clone(slot), settings }) as _).collect()
    }

    /// A provider of facts for each plugin, likewise.
    pub fn fact_providers(&self) -> Vec<Arc<dyn FactProvider>> {
        let settings = self.shared.settings;
        self.tools().map(|slot| Arc::new(PluginFacts { slot: Arc::clone(slot), settings }) as _).collect()
    }

    /// Its limits.
    pub fn settings(&self) -> &HostSettings {
        &self.shared.settings
    }

    fn tools(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.shared.router.slots.iter().filter(|slot| !slot.is_built_in)
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
        let asked = ask(&slots, &*self.shared.clock, self.shared.settings.health_timeout);
        asked.instrument(self.shared.span.clone()).await;
        slots.iter().map(|slot| status(slot)).collect()
    }

    /// Puts another instance of a plugin, with another configuration, in the place of the one that is there. It is got
    /// ready first; then new runs go to it, those that are under way end on the old one, and that is shut down after the
    /// last of them.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing has changed then.
    pub async fn reload(&self, plugin: Arc<dyn Plugin>, config: Value) -> Result<(), ReloadError> {
        self.load_anew(plugin, config).instrument(self.shared.span.clone()).await
    }

    async fn load_anew(&self, plugin: Arc<dyn Plugin>, config: Value) -> Result<(), ReloadError> {
        let Shared { router, settings, clock, .. } = &*self.shared;
        let declared = Declared::of(&plugin, settings.health_timeout)?;
        let name = declared.metadata.name.clone();
        let slot = router.slot(&name).filter(|slot| !slot.is_built_in);
        let slot = slot.ok_or_else(|| ReloadError::Unknown(name.clone()))?;
        let instance = Instance::new(plugin, declared);
        if let Err(state) =
            lifecycle::initialize(&instance, config, &self.shared.home, settings.initialize_timeout).await
        {
            let message = match state {
                PluginState::Failed { message, .. } => message,
                other => format!("{other:?}"),
            };
            return Err(ReloadError::NotReady { plugin: name, message });
        }
        let was_ready = slot.is_ready().is_ok();
        let Some(old) = slot.replace(Arc::clone(&instance), clock.now()) else {
            let patience = settings.shutdown_timeout;
            let _ = lifecycle::shutdown(&instance, patience, patience).await;
            return Err(ReloadError::Stopped(name));
        };
        tracing::info!(plugin = %name, runs_on_the_old_one = old.runs(), "plugin loaded anew");
        if was_ready {
            self.shared.retiring.add(old, settings.shutdown_timeout);
        }
        Ok(())
    }

    /// Begins no run any more, waits for those that are under way, and shuts all plugins down, each before those it depends
    /// on (R6.7), all of it within the deadline. Returns those that did not let go in time or as they should have.
    pub async fn shutdown(&self, deadline: Duration) -> Vec<ShutdownFault> {
        let Shared { router, order, settings, rounds, retiring, .. } = &*self.shared;
        rounds.abort();
        let until = Instant::now() + deadline;
        let going = let_go(router, order, until, settings.shutdown_timeout);
        let (mut faults, of_old) =
            tokio::join!(going.instrument(self.shared.span.clone()), retiring.close(until),);
        faults.extend(of_old);
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
