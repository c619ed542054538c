//! An object of v1.x as a plugin: [`V1Adapter`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::capability::Capability;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::{
    FactProvider, InventorySource, Plugin, PluginCall, PluginError, PluginHealth, PluginMetadata,
    PluginMethods, PluginRun, RunningAction, V1ErrorKind, V1Plugin,
};
use serde_json::Value;

use super::adopt::{AdoptError, Adopted, adopt};
use super::answers::Answers;
use super::calls::{Calls, V1Stats};
use super::facts::V1Facts;
use super::health;
use super::inventory::V1Inventory;
use super::names::Names;
use super::run::Runner;
use super::settings::V1Settings;

/// Hooks by which an object lets go, the first that it has. v1.x has none in its interface; its SSH plugin has `cleanup`.
const LET_GO: [&str; 2] = ["shutdown", "cleanup"];

/// A plugin of v1.x. Cloning gives another handle of the same one.
///
/// ```no_run
/// # async fn example(object: std::sync::Arc<dyn pabawi_domain::ports::V1Plugin>) -> Result<(), Box<dyn std::error::Error>> {
/// use pabawi_plugins::v1::{V1Adapter, V1Settings};
/// use serde_json::json;
///
/// let config = json!({"enabled": true, "name": "bolt", "type": "both", "config": {}, "priority": 5});
/// let adapter = V1Adapter::adopt(object, config, V1Settings::default()).await?;
/// // Then as any plugin: Framework::builder().plugin(adapter.clone(), adapter.config()).
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct V1Adapter {
    inner: Arc<Inner>,
}

struct Inner {
    adopted: Adopted,
    settings: V1Settings,
    names: Arc<Names>,
    runner: Runner,
    answers: Answers,
}

impl V1Adapter {
    /// Looks at an object, gets it ready with its configuration `{enabled, name, type, config, priority}`, and asks it what it
    /// can do. That one could not get ready is told when it is registered. Bounded in time.
    ///
    /// # Errors
    /// [`AdoptError`]: it is no plugin of v1.x, or lacks a method that its type needs (R6.4).
    pub async fn adopt(
        object: Arc<dyn V1Plugin>,
        config: Value,
        settings: V1Settings,
    ) -> Result<Self, AdoptError> {
        let adopted = adopt(object, config, &settings).await?;
        let names = Arc::new(Names::default());
        let calls = adopted.calls.clone();
        let runner = Runner::new(calls.clone(), settings, Arc::clone(&names));
        let provisioning = Arc::new(adopted.listed.provisioning.clone());
        let answers = Answers { calls, settings, names: Arc::clone(&names), provisioning };
        Ok(Self { inner: Arc::new(Inner { adopted, settings, names, runner, answers }) })
    }

    /// The very object that was adopted.
    pub fn object(&self) -> &Arc<dyn V1Plugin> {
        self.calls().object()
    }

    /// The configuration, to be handed over with the plugin when that is registered.
    pub fn config(&self) -> Value {
        self.inner.adopted.config.whole.clone()
    }

    /// The name under which it is registered: its own, but `v1-ssh` for `ssh`, which is a way to nodes that comes with the
    /// framework.
    pub fn name(&self) -> &PluginName {
        self.calls().plugin()
    }

    /// What of it could not be used, and why.
    pub fn warnings(&self) -> &[String] {
        &self.inner.adopted.listed.warnings
    }

    /// What became of its calls.
    pub fn stats(&self) -> V1Stats {
        self.calls().stats()
    }

    fn calls(&self) -> &Calls {
        &self.inner.adopted.calls
    }

    /// Health without the secrets of the configuration.
    fn without_secrets(&self, health: PluginHealth) -> PluginHealth {
        let redacted = |message| self.calls().redacted(message);
        match health {
            PluginHealth::Healthy => PluginHealth::Healthy,
            PluginHealth::Unhealthy { message } => PluginHealth::Unhealthy { message: redacted(message) },
            PluginHealth::Degraded { message, working, failing } => {
                PluginHealth::Degraded { message: redacted(message), working, failing }
            }
        }
    }

    fn is_enabled(&self) -> bool {
        self.inner.adopted.config.enabled
    }

    fn informs(&self) -> bool {
        self.is_enabled() && self.inner.adopted.kind_of.informs()
    }
}

impl fmt::Debug for V1Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A configuration holds secrets.
        f.debug_struct("V1Adapter").field("name", self.name()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Plugin for V1Adapter {
    fn metadata(&self) -> PluginMetadata {
        self.inner.adopted.metadata.clone()
    }

    fn config_schema(&self) -> Option<Value> {
        Some(self.inner.adopted.config_schema.clone())
    }

    fn capabilities(&self) -> Vec<Capability> {
        self.inner.adopted.listed.capabilities.clone()
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: self.inner.adopted.kind_of.executes(), call: true }
    }

    /// Tells how getting ready went, which was done when it was adopted. No configuration stands for the same one.
    async fn initialize(&self, config: Value) -> Result<(), PluginError> {
        let known = &self.inner.adopted.config.whole;
        if !config.is_null() && config != *known {
            let text = "was adopted with another configuration; register it with V1Adapter::config";
            return Err(self.calls().error(ErrorCode::BadConfig, text, None));
        }
        self.inner.adopted.ready.clone()
    }

    async fn health(&self) -> PluginHealth {
        const METHOD: &str = "healthCheck";
        if !self.is_enabled() {
            return PluginHealth::Unhealthy { message: "Plugin is disabled".to_owned() };
        }
        match self.calls().call(METHOD, Vec::new(), self.inner.settings.health_timeout).await {
            Ok(answer) => self.without_secrets(health::read(&answer, &self.inner.adopted.listed.names)),
            Err(error) => PluginHealth::Unhealthy { message: self.calls().told(METHOD, &error) },
        }
    }

    async fn shutdown(&self) {
        for hook in LET_GO {
            match self.calls().call(hook, Vec::new(), self.inner.settings.ask_timeout).await {
                Ok(_) => return,
                Err(error) if error.kind == V1ErrorKind::Missing => {}
                Err(error) => {
                    let (plugin, fault) = (self.calls().plugin(), self.calls().told(hook, &error));
                    tracing::warn!(%plugin, %fault, "a v1.x plugin did not let go");
                    return;
                }
            }
        }
    }

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        self.inner.runner.start(run).await
    }

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        self.inner.answers.to(call).await
    }

    fn inventory(&self) -> Option<Arc<dyn InventorySource>> {
        let Inner { adopted, settings, names, .. } = &*self.inner;
        let name = adopted.calls.own().as_str();
        self.informs().then(|| {
            Arc::new(V1Inventory {
                calls: adopted.calls.clone(),
                priority: adopted.config.source_priority(name),
                ask_timeout: settings.ask_timeout,
                timeout: settings.inventory_timeout(name),
                names: Arc::clone(names),
            }) as _
        })
    }

    fn facts(&self) -> Option<Arc<dyn FactProvider>> {
        let Inner { adopted, settings, names, .. } = &*self.inner;
        self.informs().then(|| {
            Arc::new(V1Facts {
                calls: adopted.calls.clone(),
                priority: adopted.metadata.priority,
                settings: *settings,
                names: Arc::clone(names),
            }) as _
        })
    }
}
