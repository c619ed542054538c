//! All breakers of an engine: [`BreakerBoard`]. A node's run asks for a [`Passage`] before it connects and tells at its
//! end what it met.
//!
//! The map is behind a mutex, as an exception: breakers belong to no execution, the lock is held for single look-ups and
//! never across an await.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus, Component};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::outcome::{NodeOutcome, RejectedBy};
use pabawi_domain::ports::Clock;
use pabawi_domain::resilience::BreakerPolicy;

use super::keeper::BreakerKeeper;
use super::state::{Breaker, Pass, Verdict};
use super::verdict::{of_node, of_plugin};
use crate::meter::Meter;

/// Breakers that are held at most. Past it, those that are closed are let go of, and a component that has none passes.
const MAX_HELD: usize = 200_000;

/// A breaker has changed its state.
type Change = BreakerStatus;

/// When breakers open; `None` for never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BreakerPolicies {
    pub(crate) plugin: Option<BreakerPolicy>,
    pub(crate) node: Option<BreakerPolicy>,
}

/// All breakers of an engine.
pub(crate) struct BreakerBoard {
    policies: BreakerPolicies,
    breakers: Mutex<HashMap<Component, Breaker>>,
    clock: Arc<dyn Clock>,
    keeper: BreakerKeeper,
    meter: Meter,
}

impl BreakerBoard {
    /// With the breakers that were stored.
    pub(crate) fn new(
        policies: BreakerPolicies,
        stored: Vec<BreakerRecord>,
        clock: Arc<dyn Clock>,
        keeper: BreakerKeeper,
        meter: Meter,
    ) -> Arc<Self> {
        let board = Self { policies, breakers: Mutex::default(), clock, keeper, meter };
        let mut breakers = board.lock();
        for record in stored {
            let component = record.status.component.clone();
            // Without a policy nobody is asked about it here, but it can be looked at and reset.
            let policy = board.policy(&component).unwrap_or_default();
            breakers.insert(component, Breaker::restored(policy, &record));
        }
        drop(breakers);
        Arc::new(board)
    }

    /// Asks the breakers of a plugin and a node. Nothing is asked of a component that has no policy.
    ///
    /// # Errors
    /// The outcome of a run that is refused, with the time of the next probe.
    pub(crate) fn pass(
        self: &Arc<Self>,
        plugin: Option<&PluginName>,
        node: &NodeId,
    ) -> Result<Passage, NodeOutcome> {
        let mut passage = Passage { board: Arc::clone(self), held: Vec::new(), changes: Vec::new() };
        let plugin = plugin.filter(|_| self.policies.plugin.is_some());
        let watched = self.policies.node.is_some().then_some(node);
        let plugin = plugin.cloned().map(Component::Plugin);
        for component in plugin.into_iter().chain(watched.cloned().map(Component::Node)) {
            let Some(policy) = self.policy(&component) else { continue };
            match self.pass_one(&component, policy) {
                Ok((pass, change)) => {
                    passage.held.push((component, pass));
                    passage.changes.extend(change);
                }
                Err((next, now)) => return Err(refused(node, &component, next, now)),
            }
        }
        Ok(passage)
    }

    fn pass_one(
        &self,
        component: &Component,
        policy: BreakerPolicy,
    ) -> Result<(Pass, Option<Change>), (Timestamp, Timestamp)> {
        let now = self.clock.now();
        let mut breakers = self.lock();
        let Some(breaker) = breakers.get_mut(component) else { return Ok((Pass::Free, None)) };
        let before = breaker.state();
        let pass = breaker.pass(now).map_err(|next| (next, now))?;
        let change = (breaker.state() != before).then(|| record(component, breaker, now));
        drop(breakers);
        if let Some(change) = &change {
            self.tell(change, policy);
        }
        Ok((pass, change.map(|change| change.status)))
    }

    /// Learns what a request told about a component.
    fn learn(&self, component: &Component, pass: Pass, verdict: Verdict) -> Option<Change> {
        let policy = self.policy(component)?;
        let now = self.clock.now();
        let mut breakers = self.lock();
        if breakers.len() >= MAX_HELD && !breakers.contains_key(component) {
            breakers.retain(|_, breaker| breaker.state() != BreakerState::Closed);
            if breakers.len() >= MAX_HELD {
                return None;
            }
        }
        // Where nothing has failed there is nothing to remember, unless successes are counted too.
        let counts = verdict == Verdict::Fails || (verdict == Verdict::Works && policy.rate.is_some());
        let mut held = match breakers.entry(component.clone()) {
            Entry::Vacant(_) if !counts => return None,
            Entry::Vacant(vacant) => vacant.insert_entry(Breaker::new(policy, now)),
            Entry::Occupied(held) => held,
        };
        let breaker = held.get_mut();
        let changed = breaker.learn(pass, verdict, now);
        let record = record(component, breaker, now);
        let quiet = record.status.state == BreakerState::Closed && record.status.failures == 0;
        if quiet && policy.rate.is_none() {
            held.remove();
        }
        drop(breakers);
        if changed {
            self.tell(&record, policy);
            return Some(record.status);
        }
        if verdict == Verdict::Fails {
            // So that it counts after a restart.
            self.keeper.keep(record);
        }
        None
    }

    /// The breakers that are not closed or have seen failures, by component.
    pub(crate) fn all(&self) -> Vec<BreakerStatus> {
        let now = self.clock.now();
        let breakers = self.lock();
        let mut all: Vec<BreakerStatus> =
            breakers.iter().map(|(component, breaker)| status(component, breaker, now)).collect();
        drop(breakers);
        all.sort_by(|a, b| a.component.cmp(&b.component));
        all
    }

    /// Closes a breaker; `false` when it is closed already.
    pub(crate) fn reset(&self, component: &Component) -> bool {
        let removed = self.lock().remove(component);
        let was_open = removed.is_some_and(|breaker| breaker.state() != BreakerState::Closed);
        if was_open {
            let policy = self.policy(component).unwrap_or_default();
            let now = self.clock.now();
            self.tell(&record(component, &Breaker::new(policy, now), now), policy);
        }
        was_open
    }

    /// Returns when what has changed so far is stored or given up.
    pub(crate) async fn flush(&self) {
        self.keeper.flush().await;
    }

    /// A change is logged, counted and stored (R7.8).
    fn tell(&self, change: &BreakerRecord, policy: BreakerPolicy) {
        let BreakerStatus { component, state, failures, next_probe_at, .. } = &change.status;
        let next_probe_at = next_probe_at.map(|at| at.to_string());
        if *state == BreakerState::Open {
            tracing::warn!(%component, state = state.as_str(), failures, window_ms = policy.window_ms,
                next_probe_at, "circuit breaker opened");
        } else {
            tracing::info!(%component, state = state.as_str(), "circuit breaker changed");
        }
        let open = self.lock().values().filter(|breaker| breaker.state() == BreakerState::Open).count();
        self.meter.breaker(state.as_str(), open as u64);
        self.keeper.keep(change.clone());
    }

    fn policy(&self, component: &Component) -> Option<BreakerPolicy> {
        match component {
            Component::Plugin(_) => self.policies.plugin,
            Component::Node(_) => self.policies.node,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Component, Breaker>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(component: &Component, breaker: &Breaker, now: Timestamp) -> BreakerRecord {
    BreakerRecord { status: status(component, breaker, now), recent: breaker.recent(now) }
}

fn status(component: &Component, breaker: &Breaker, now: Timestamp) -> BreakerStatus {
    BreakerStatus {
        component: component.clone(),
        state: breaker.state(),
        since: breaker.since(),
        failures: breaker.failures(now),
        next_probe_at: breaker.next_probe(),
    }
}

fn refused(node: &NodeId, component: &Component, next: Timestamp, now: Timestamp) -> NodeOutcome {
    let wait = next.duration_since(now).as_secs_f64();
    let when = if wait > 0.0 {
        format!("the next probe may pass at {next} (in {wait:.1} s)")
    } else {
        "a probe is under way".to_owned()
    };
    let text = format!("the circuit breaker of {component} is open: it failed again and again; {when}");
    let error = NodeError::new(node.clone(), ErrorCode::BreakerOpen, text);
    NodeOutcome::Rejected { by: RejectedBy::Breaker, error }
}

/// A run that may go on. Dropping it tells the breakers nothing, but that it no longer goes on.
pub(crate) struct Passage {
    board: Arc<BreakerBoard>,
    held: Vec<(Component, Pass)>,
    /// What changed by passing.
    changes: Vec<Change>,
}

impl Passage {
    /// Breakers that passing has changed, to be told.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The components work, as far as a probe was to find out. Returns the breakers that changed.
    pub(crate) fn works(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (component, pass) in self.held.iter_mut().filter(|(_, pass)| *pass == Pass::Probe) {
            changes.extend(self.board.learn(component, *pass, Verdict::Works));
            *pass = Pass::Free;
        }
        changes
    }

    /// Tells the breakers what came of it. Returns those that changed.
    pub(crate) fn end(mut self, outcome: &NodeOutcome) -> Vec<Change> {
        let mut changes = Vec::new();
        for (component, pass) in std::mem::take(&mut self.held) {
            let verdict = match &component {
                Component::Plugin(_) => of_plugin(outcome),
                Component::Node(_) => of_node(outcome),
            };
            changes.extend(self.board.learn(&component, pass, verdict));
        }
        changes
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        for (component, pass) in std::mem::take(&mut self.held) {
            self.board.learn(&component, pass, Verdict::Unknown);
        }
    }
}
