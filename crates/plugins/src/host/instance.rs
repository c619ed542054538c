//! One living plugin and the runs on it: [`Instance`]. A plugin that is loaded anew is another instance in the same slot.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pabawi_domain::action::ActionKind;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{Plugin, PluginMethods};
use pabawi_domain::redact::Redactor;
use serde_json::Value;
use tokio::sync::watch;

use super::offers::Offers;
use super::register::{CheckedCapability, Declared};
use crate::config_secrets::secrets_of;

/// One living plugin.
pub(super) struct Instance {
    pub(super) plugin: Arc<dyn Plugin>,
    pub(super) declared: Declared,
    /// Once it has got ready.
    offers: OnceLock<Offers>,
    /// Those of its configuration, where it has some.
    secrets: OnceLock<Arc<Redactor>>,
    runs: watch::Sender<usize>,
}

impl Instance {
    pub(super) fn new(plugin: Arc<dyn Plugin>, declared: Declared) -> Arc<Self> {
        Arc::new(Self {
            plugin,
            declared,
            offers: OnceLock::new(),
            secrets: OnceLock::new(),
            runs: watch::Sender::new(0),
        })
    }

    pub(super) fn name(&self) -> &PluginName {
        &self.declared.metadata.name
    }

    /// What it has besides its capabilities, once it has got ready.
    pub(super) fn offers(&self) -> Option<&Offers> {
        self.offers.get()
    }

    /// It has got ready. The first time counts.
    pub(super) fn set_offers(&self, offers: Offers) {
        let _ = self.offers.set(offers);
    }

    /// Remembers the secrets of the configuration that it is about to be handed.
    pub(super) fn keep_secrets(&self, config: &Value) {
        let schema = self.declared.config.as_ref().map(|schema| &schema.said);
        if let Some(secrets) = secrets_of(schema, config) {
            let _ = self.secrets.set(secrets);
        }
    }

    /// What it says, without the secrets of its configuration.
    pub(super) fn redacted(&self, text: String) -> String {
        match self.secrets.get() {
            Some(secrets) => secrets.text(&text).into_owned(),
            None => text,
        }
    }

    /// Runs that have not ended.
    pub(super) fn runs(&self) -> usize {
        *self.runs.borrow()
    }

    /// Returns when no run is left.
    pub(super) async fn idle(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.runs.subscribe().wait_for(|runs| *runs == 0).await;
    }

    /// Holds the instance for a run.
    pub(super) fn enter(self: &Arc<Self>) -> RunGuard {
        self.runs.send_modify(|runs| *runs += 1);
        RunGuard(Arc::clone(self))
    }
}

/// A run on an instance: it is not shut down before this is dropped.
pub(super) struct RunGuard(Arc<Instance>);

impl RunGuard {
    pub(super) fn plugin(&self) -> &PluginName {
        self.0.name()
    }

    pub(super) fn tool(&self) -> &dyn Plugin {
        &*self.0.plugin
    }

    pub(super) fn capability(&self, name: &str) -> Option<&CheckedCapability> {
        self.0.declared.capability(name)
    }

    pub(super) fn methods(&self) -> PluginMethods {
        self.0.declared.methods
    }

    /// The limit of one run, where the capability has one.
    pub(super) fn limit_of(&self, kind: ActionKind) -> Option<Duration> {
        let checked = self.0.declared.capability(kind.capability())?;
        checked.capability.timeout_ms.map(Duration::from_millis)
    }

    pub(super) fn offers(&self) -> Option<&Offers> {
        self.0.offers()
    }

    /// No run begins on one that has not got ready.
    pub(super) fn ends_single_nodes(&self, kind: ActionKind) -> bool {
        self.offers().is_some_and(|offers| offers.ends_single_nodes(kind))
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        self.0.runs.send_modify(|runs| *runs = runs.saturating_sub(1));
    }
}
