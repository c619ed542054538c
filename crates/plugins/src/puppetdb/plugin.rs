//! PuppetDB as a plugin: [`PuppetDbPlugin`]. It runs nothing on nodes; it is a source of nodes, a provider of facts, and
//! answers calls about reports, events and catalogs.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::capability::Capability;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{
    FactProvider, InventorySource, Plugin, PluginCall, PluginError, PluginHealth, PluginMetadata,
    PluginMethods,
};
use pabawi_domain::validation::ValidationError;
use serde_json::Value;

use super::calls;
use super::capabilities::capabilities;
use super::client::PuppetDbClient;
use super::config_schema;
use super::facts::PuppetDbFacts;
use super::health;
use super::inventory::PuppetDbInventory;
use super::settings::PuppetDbSettings;

/// PuppetDB as a plugin. Its configuration is [`PuppetDbSettings`].
pub struct PuppetDbPlugin {
    name: PluginName,
    priority: i32,
    ready: OnceLock<Ready>,
}

/// What it has when it is ready.
pub(super) struct Ready {
    pub(super) client: PuppetDbClient,
    pub(super) inventory: Arc<PuppetDbInventory>,
    pub(super) facts: Arc<PuppetDbFacts>,
}

impl PuppetDbPlugin {
    /// Its usual name.
    pub const NAME: &'static str = "puppetdb";
    /// Its usual priority.
    pub const PRIORITY: i32 = 10;

    /// The plugin under a name, with the usual priority. A `name` in its configuration has to be the same.
    pub fn new(name: PluginName) -> Self {
        Self { name, priority: Self::PRIORITY, ready: OnceLock::new() }
    }

    /// The plugin with another priority among those that can do the same.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// The plugin under the name and with the priority that its configuration has, or the usual ones.
    ///
    /// # Errors
    /// The name cannot be one of a plugin, or the priority is no number.
    pub fn of_config(config: &Value) -> Result<Self, ValidationError> {
        let mut faults = ValidationError::default();
        let given = config.get("name").map_or(Some(Self::NAME), Value::as_str);
        let name = match given.map(PluginName::new) {
            Some(Ok(name)) => Some(name),
            Some(Err(error)) => {
                faults.push("config.name", error.to_string());
                None
            }
            None => {
                faults.push("config.name", "must be a text");
                None
            }
        };
        let priority = config.get("priority").map_or(Some(Self::PRIORITY), |priority| {
            priority.as_i64().and_then(|priority| priority.try_into().ok())
        });
        if priority.is_none() {
            faults
                .push("config.priority", format!("must be a whole number from {} to {}", i32::MIN, i32::MAX));
        }
        match (name, priority) {
            (Some(name), Some(priority)) => Ok(Self::new(name).with_priority(priority)),
            _ => Err(faults),
        }
    }

    fn error(&self, code: ErrorCode, message: impl Into<String>) -> PluginError {
        PluginError { plugin: self.name.clone(), code, message: message.into(), stack: None }
    }

    /// The configuration as settings that bear the plugin's name.
    fn settings(&self, config: Value) -> Result<PuppetDbSettings, PluginError> {
        let bad = |message: String| self.error(ErrorCode::BadConfig, message);
        let has = |field: &str| config.get(field).is_some();
        let (named, prioritised) = (has("name"), has("priority"));
        let mut settings: PuppetDbSettings =
            serde_json::from_value(config).map_err(|error| bad(format!("config: {error}")))?;
        if !named {
            self.name.as_str().clone_into(&mut settings.name);
        } else if settings.name != self.name.as_str() {
            return Err(bad(format!(
                "config.name: is another name than {}, that of the plugin; leave it out, or make the plugin of this \
                 configuration",
                self.name
            )));
        }
        if !prioritised {
            settings.priority = self.priority;
        }
        Ok(settings)
    }
}

#[async_trait]
impl Plugin for PuppetDbPlugin {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: "Nodes, facts, reports, events and catalogs of PuppetDB".to_owned(),
            priority: self.priority,
            depends_on: Vec::new(),
        }
    }

    fn config_schema(&self) -> Option<Value> {
        Some(config_schema::schema())
    }

    fn capabilities(&self) -> Vec<Capability> {
        capabilities()
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: false, call: true }
    }

    async fn initialize(&self, config: Value) -> Result<(), PluginError> {
        let settings = self.settings(config)?;
        // The files that the settings name are read here.
        let made = tokio::task::spawn_blocking(move || PuppetDbClient::new(settings)).await;
        let made = made.map_err(|error| self.error(ErrorCode::Internal, error.to_string()))?;
        let client = made.map_err(|error| {
            let told: Vec<String> = error.fields.iter().map(|fault| format!("config.{fault}")).collect();
            self.error(ErrorCode::BadConfig, told.join("; "))
        })?;
        let ready = Ready {
            inventory: Arc::new(PuppetDbInventory::new(client.clone())),
            facts: Arc::new(PuppetDbFacts::new(client.clone())),
            client,
        };
        self.ready.set(ready).map_err(|_| self.error(ErrorCode::Internal, "was got ready twice"))
    }

    async fn health(&self) -> PluginHealth {
        match self.ready.get() {
            Some(ready) => health::health(&ready.client).await,
            None => PluginHealth::Unhealthy { message: "is not ready".to_owned() },
        }
    }

    async fn shutdown(&self) {
        // Each question has a connection of its own, which ends with it.
    }

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let ready = self.ready.get().ok_or_else(|| self.error(ErrorCode::Unavailable, "is not ready"))?;
        let answer = calls::answer(ready, call, Timestamp::now()).await;
        answer.map_err(|refused| self.error(refused.code, refused.message))
    }

    fn inventory(&self) -> Option<Arc<dyn InventorySource>> {
        self.ready.get().map(|ready| Arc::clone(&ready.inventory) as _)
    }

    fn facts(&self) -> Option<Arc<dyn FactProvider>> {
        self.ready.get().map(|ready| Arc::clone(&ready.facts) as _)
    }
}
