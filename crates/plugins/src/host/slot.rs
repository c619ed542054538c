//! The place of a plugin: its state, its instance and how it is: [`Slot`]. Look-ups are short and never across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::PluginHealth;
use tokio::sync::{Semaphore, watch};

use super::instance::{Instance, RunGuard};
use super::settings::HostSettings;
use super::status::{HealthReport, PluginState};

/// The place of a plugin.
pub(super) struct Slot {
    name: PluginName,
    start_limit: Duration,
    /// The ways to nodes of this machine's own, which run without a tool.
    pub(super) is_built_in: bool,
    instance: Mutex<Arc<Instance>>,
    state: watch::Sender<PluginState>,
    health: watch::Sender<Option<HealthReport>>,
    renewals: Mutex<Renewals>,
    /// Calls of capabilities at the same time.
    pub(super) calls: Semaphore,
}

/// How often another instance has come, and when the last one did.
#[derive(Debug, Clone, Copy, Default)]
struct Renewals {
    count: u64,
    last: Option<Timestamp>,
}

impl Slot {
    pub(super) fn new(instance: Arc<Instance>, is_built_in: bool, settings: &HostSettings) -> Arc<Self> {
        Arc::new(Self {
            name: instance.name().clone(),
            start_limit: settings.start_timeout,
            calls: Semaphore::new(settings.max_calls.clamp(1, Semaphore::MAX_PERMITS)),
            is_built_in,
            instance: Mutex::new(instance),
            state: watch::Sender::new(PluginState::Waiting),
            health: watch::Sender::new(None),
            renewals: Mutex::default(),
        })
    }

    pub(super) fn name(&self) -> &PluginName {
        &self.name
    }

    pub(super) fn start_limit(&self) -> Duration {
        self.start_limit
    }

    pub(super) fn instance(&self) -> Arc<Instance> {
        Arc::clone(&lock(&self.instance))
    }

    pub(super) fn state(&self) -> PluginState {
        self.state.borrow().clone()
    }

    pub(super) fn set_state(&self, state: PluginState) {
        self.state.send_replace(state);
    }

    /// The state once it is no longer that of the beginning.
    pub(super) async fn settled(&self) -> PluginState {
        let mut states = self.state.subscribe();
        match states.wait_for(|state| *state != PluginState::Waiting).await {
            Ok(state) => state.clone(),
            // The sender lives as long as `self`.
            Err(_) => PluginState::Stopped,
        }
    }

    /// Puts another instance in; runs that are under way stay on the old one, which is returned. Nothing once it is shut
    /// down.
    pub(super) fn replace(&self, new: Arc<Instance>, now: Timestamp) -> Option<Arc<Instance>> {
        let mut instance = lock(&self.instance);
        if *self.state.borrow() == PluginState::Stopped {
            return None;
        }
        let renewals = &mut *lock(&self.renewals);
        renewals.count += 1;
        // Later than the one before, whatever the clock says.
        let next = renewals.last.and_then(|last| last.checked_add(SignedDuration::from_nanos(1)).ok());
        renewals.last = Some(next.map_or(now, |next| now.max(next)));
        self.health.send_replace(None);
        self.set_state(PluginState::Ready);
        Some(std::mem::replace(&mut *instance, new))
    }

    /// How often another instance has come.
    pub(super) fn generation(&self) -> u64 {
        lock(&self.renewals).count
    }

    /// When the last one came, if one did.
    pub(super) fn renewed_at(&self) -> Option<Timestamp> {
        lock(&self.renewals).last
    }

    /// Whether runs can begin.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn is_ready(&self) -> Result<(), String> {
        match &*self.state.borrow() {
            PluginState::Ready => Ok(()),
            PluginState::Waiting => Err("is not ready yet".to_owned()),
            PluginState::Failed { message, .. } => Err(format!("could not get ready: {message}")),
            PluginState::Stopped => Err("is shut down".to_owned()),
        }
    }

    /// Holds the instance for a run.
    ///
    /// # Errors
    /// Why none can begin.
    pub(super) fn enter(&self) -> Result<RunGuard, String> {
        let instance = lock(&self.instance);
        self.is_ready()?;
        Ok(instance.enter())
    }

    /// No run begins any more. Returns the instance for its last call.
    pub(super) fn stop(&self) -> (Arc<Instance>, PluginState) {
        // Together with the lock that a run takes to begin.
        let instance = lock(&self.instance);
        let before = self.state.send_replace(PluginState::Stopped);
        (Arc::clone(&instance), before)
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.instance().declared.capability(capability).is_some()
    }

    pub(super) fn health(&self) -> Option<HealthReport> {
        self.health.borrow().clone()
    }

    /// Whether it has not said yet how it is, since the host was started. Another instance is not asked at once.
    pub(super) fn is_unknown(&self) -> bool {
        self.generation() == 0 && self.health.borrow().is_none()
    }

    /// Returns when it is known how it is, or another instance has come.
    pub(super) async fn answered(&self) {
        let mut health = self.health.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        while self.is_unknown() && health.changed().await.is_ok() {}
    }

    /// Takes the answer of an instance, if that is still the one that is there.
    pub(super) fn set_health(&self, of: &Arc<Instance>, report: HealthReport) {
        let instance = lock(&self.instance);
        if Arc::ptr_eq(&instance, of) {
            self.health.send_replace(Some(report));
        }
    }

    /// Whether it was well when it was asked last, as far as a capability is concerned.
    pub(super) fn is_well(&self, capability: &str) -> bool {
        match self.health.borrow().as_ref().map(|report| &report.health) {
            None | Some(PluginHealth::Healthy) => true,
            Some(PluginHealth::Degraded { failing, .. }) => !failing.iter().any(|name| name == capability),
            Some(PluginHealth::Unhealthy { .. }) => false,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here can panic half way, so a poisoned lock holds something sound.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
