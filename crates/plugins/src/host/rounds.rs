//! Asking plugins how they are: [`ask`], and [`Rounds`], which does so again and again (R6.7).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::ports::{Clock, PluginHealth};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::lifecycle;
use super::router::Router;
use super::settings::HostSettings;
use super::slot::Slot;
use crate::together;

/// Asks plugins how they are, all at once, and waits for their answers, at most the limit of one.
pub(super) async fn ask(slots: &[Arc<Slot>], clock: &dyn Clock, patience: Duration) {
    let mut asking = JoinSet::new();
    for slot in slots.iter().filter(|slot| slot.is_ready().is_ok()) {
        let (slot, at) = (Arc::clone(slot), clock.now());
        let asked = async move {
            let instance = slot.instance();
            let report = lifecycle::health(&instance, patience, at).await;
            if report.health != PluginHealth::Healthy {
                tracing::warn!(plugin = %slot.name(), health = ?report.health, "plugin is not well");
            }
            slot.set_health(&instance, report);
        };
        asking.spawn(asked.in_current_span());
    }
    // Each has its deadline.
    together::all(asking).await;
}

/// The task that asks all plugins how they are, again and again.
pub(super) struct Rounds {
    pub(super) router: Arc<Router>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: HostSettings,
}

impl Rounds {
    /// Works until it is aborted.
    pub(super) async fn run(self) {
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
