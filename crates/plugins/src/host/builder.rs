//! What a host is made with: [`PluginHostBuilder`].

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{Clock, Plugin};
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::{Instrument as _, Span};

use super::built_in::BuiltIn;
use super::closing::Retiring;
use super::handle::{PluginHost, Shared};
use super::instance::Instance;
use super::lifecycle;
use super::order::order;
use super::peers::Home;
use super::register::{Declared, RegisterError};
use super::rounds::Rounds;
use super::router::Router;
use super::run::ToolTransport;
use super::settings::HostSettings;
use super::slot::Slot;
use super::status::PluginState;
use crate::together;

/// Registers plugins.
pub struct PluginHostBuilder {
    clock: Arc<dyn Clock>,
    settings: HostSettings,
    slots: Vec<Arc<Slot>>,
    configs: BTreeMap<PluginName, Value>,
}

impl PluginHostBuilder {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, settings: HostSettings::default(), slots: Vec::new(), configs: BTreeMap::new() }
    }

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
        let declared = Declared::of(&plugin, self.settings.health_timeout)?;
        let name = declared.metadata.name.clone();
        if self.slots.iter().any(|slot| *slot.name() == name) {
            return Err(RegisterError::Duplicate(name));
        }
        let instance = Instance::new(plugin, declared);
        self.slots.push(Slot::new(instance, is_built_in, &self.settings));
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
        let router = Arc::new(Router { health_timeout: settings.health_timeout, slots });
        let home = Home::default();
        let mut starting = JoinSet::new();
        for slot in router.slots.iter().filter(|slot| !never.contains_key(slot.name())) {
            let needed: Vec<Arc<Slot>> =
                depends_on(slot).iter().filter_map(|name| router.slot(name)).cloned().collect();
            let config = configs.remove(slot.name()).unwrap_or_default();
            let (slot, home) = (Arc::clone(slot), Arc::clone(&home));
            let start = async move {
                let state = get_ready(&slot, &needed, config, &home, settings.initialize_timeout).await;
                match &state {
                    PluginState::Failed { message, stack, .. } => {
                        tracing::error!(plugin = %slot.name(), reason = %message, ?stack, "plugin cannot get ready");
                    }
                    _ => tracing::info!(plugin = %slot.name(), "plugin is ready"),
                }
                slot.set_state(state);
            };
            starting.spawn(start.in_current_span());
        }
        // Each has its deadline.
        together::all(starting).await;
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
            retiring: Retiring::new(),
            gate: OnceLock::new(),
            journal: OnceLock::new(),
            home: Arc::clone(&home),
            span: Span::current(),
            rounds: tokio::spawn(rounds.run().in_current_span()).abort_handle(),
        };
        let shared = Arc::new(shared);
        let _ = home.set(Arc::downgrade(&shared));
        PluginHost { shared }
    }
}

async fn get_ready(
    slot: &Slot,
    needed: &[Arc<Slot>],
    config: Value,
    home: &Home,
    patience: Duration,
) -> PluginState {
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
    match lifecycle::initialize(&slot.instance(), config, home, patience).await {
        Ok(()) => PluginState::Ready,
        Err(state) => state,
    }
}
