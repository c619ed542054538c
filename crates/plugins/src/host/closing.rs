//! Letting plugins go (R6.7): [`let_go`], all of them within one deadline, and [`Retiring`], those that were replaced and
//! have runs left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pabawi_domain::id::PluginName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::instance::Instance;
use super::lifecycle;
use super::router::Router;
use super::status::PluginState;

/// A plugin that did not let go as it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownFault {
    /// The plugin.
    pub plugin: PluginName,
    /// What it did instead.
    pub message: String,
}

/// Lets all plugins go, each before those it depends on; those that do not depend on each other at the same time. One that
/// hangs takes only its share of the time that is left. `order` has each after those it depends on.
pub(super) async fn let_go(
    router: &Router,
    order: &[PluginName],
    until: Instant,
    patience: Duration,
) -> Vec<ShutdownFault> {
    // First of all nothing begins any more, on none of them.
    let stopped = router.slots.iter().map(|slot| slot.stop());
    let ready: Vec<Arc<Instance>> =
        stopped.filter(|(_, before)| *before == PluginState::Ready).map(|(instance, _)| instance).collect();
    let mut levels: Vec<Vec<Arc<Instance>>> = Vec::new();
    let depths = depths(&ready, order);
    for instance in ready {
        let depth = depths.get(instance.name()).copied().unwrap_or_default();
        if levels.len() <= depth {
            levels.resize_with(depth + 1, Vec::new);
        }
        if let Some(level) = levels.get_mut(depth) {
            level.push(instance);
        }
    }
    let mut faults = Vec::new();
    while let Some(level) = levels.pop() {
        let left = until.saturating_duration_since(Instant::now());
        // This level and those below it.
        let share = left / u32::try_from(levels.len() + 1).unwrap_or(u32::MAX);
        let going: Vec<_> = level
            .into_iter()
            .map(|instance| {
                tokio::spawn(async move { shut_down(&instance, share, patience).await }.in_current_span())
            })
            .collect();
        // Each has its deadline.
        for one in going {
            faults.extend(one.await.ok().flatten());
        }
    }
    faults
}

/// How many have to go after each one, on the longest way: what it depends on. Plugins that were loaded anew may say of
/// themselves what they depend on as they like; only what comes earlier in the order counts, so there is no circle.
fn depths(ready: &[Arc<Instance>], order: &[PluginName]) -> HashMap<PluginName, usize> {
    let by_name: HashMap<&PluginName, &Arc<Instance>> =
        ready.iter().map(|instance| (instance.name(), instance)).collect();
    let mut depths: HashMap<PluginName, usize> = HashMap::new();
    for name in order {
        if let Some(instance) = by_name.get(name) {
            let needed = &instance.declared.metadata.depends_on;
            let below = needed.iter().filter_map(|other| depths.get(other)).max();
            let depth = below.map_or(0, |depth| depth + 1);
            depths.insert(name.clone(), depth);
        }
    }
    depths
}

async fn shut_down(instance: &Instance, share: Duration, patience: Duration) -> Option<ShutdownFault> {
    let message = lifecycle::shutdown(instance, share, patience).await.err()?;
    tracing::warn!(plugin = %instance.name(), %message, "plugin did not let go");
    Some(ShutdownFault { plugin: instance.name().clone(), message })
}

/// Instances that were replaced and have runs left.
pub(super) struct Retiring {
    all: Mutex<JoinSet<Option<ShutdownFault>>>,
    /// When they have to have gone, once the host is shut down.
    closing: watch::Sender<Option<Instant>>,
}

impl Retiring {
    pub(super) fn new() -> Self {
        Self { all: Mutex::default(), closing: watch::Sender::new(None) }
    }

    /// Lets an instance go after its last run, which has its own limits, or when the host is shut down.
    pub(super) fn add(&self, old: Arc<Instance>, patience: Duration) {
        let mut closing = self.closing.subscribe();
        let mut all = self.all();
        // Those that have gone are not kept.
        while all.try_join_next().is_some() {}
        let going = async move {
            let share = tokio::select! {
                () = old.idle() => patience,
                // The sender lives as long as the host, which aborts this task.
                until = closing.wait_for(Option::is_some) => {
                    let until = until.ok().and_then(|until| *until);
                    until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
                }
            };
            shut_down(&old, share, patience).await
        };
        all.spawn(going.in_current_span());
    }

    /// Lets all of them go. Those that have not by then are left.
    pub(super) async fn close(&self, until: Instant) -> Vec<ShutdownFault> {
        self.closing.send_replace(Some(until));
        let mut all = std::mem::take(&mut *self.all());
        let mut faults = Vec::new();
        // Ends with the last one or at the deadline.
        while let Ok(Some(one)) = tokio::time::timeout_at(until, all.join_next()).await {
            faults.extend(one.ok().flatten());
        }
        faults
    }

    fn all(&self) -> MutexGuard<'_, JoinSet<Option<ShutdownFault>>> {
        // Nothing in here can panic half way, so a poisoned lock holds something sound.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
