//! All breakers of an engine: [`BreakerBoard`]. A node's run asks for a [`Passage`] before it connects and tells at its
//! end what it met.
//!
//! The map is behind a mutex, as an exception: breakers belong to no execution, the lock is held for single look-ups and
//! never across an await.

use std::collections::BTreeSet;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus, Component};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::{GroupName, NodeId, PluginName};
use pabawi_domain::node::Target;
use pabawi_domain::outcome::{NodeOutcome, RejectedBy};
use pabawi_domain::ports::{CallPassage, Clock};
use pabawi_domain::resilience::BreakerPolicy;

use super::keeper::BreakerKeeper;
use super::state::{Breaker, Pass, Verdict};
use super::verdict::{of_node, of_plugin};
use crate::limits::EngineLimits;
use crate::meter::Meter;

/// Breakers that are held at most. Past it, those that are closed are let go of, and a component that has none passes.
const MAX_HELD: usize = 200_000;

/// A breaker has changed its state.
type Change = BreakerStatus;

/// When breakers open; `None` for never.
#[derive(Debug, Clone, Default)]
pub(crate) struct BreakerPolicies {
    plugin: Option<BreakerPolicy>,
    node: Option<BreakerPolicy>,
    group: Option<BreakerPolicy>,
    /// The groups that have one; all when empty.
    groups: BTreeSet<GroupName>,
}

impl BreakerPolicies {
    pub(crate) fn of(limits: &EngineLimits) -> Self {
        Self {
            plugin: limits.plugin_breaker,
            node: limits.node_breaker,
            group: limits.group_breaker,
            groups: limits.breaker_groups.clone(),
        }
    }

    fn of_component(&self, component: &Component) -> Option<BreakerPolicy> {
        match component {
            Component::Plugin(_) => self.plugin,
            Component::Node(_) => self.node,
            Component::Group(group) if self.groups.is_empty() || self.groups.contains(group) => self.group,
            Component::Group(_) => None,
        }
    }
}

/// All breakers of an engine.
pub(crate) struct BreakerBoard {
    policies: BreakerPolicies,
    breakers: Mutex<Breakers>,
    clock: Arc<dyn Clock>,
    keeper: BreakerKeeper,
    meter: Meter,
}

#[derive(Default)]
struct Breakers {
    all: HashMap<Component, Breaker>,
    /// How many are open.
    open: u64,
}

impl Breakers {
    fn count(&mut self, before: BreakerState, after: BreakerState) {
        self.open += u64::from(after == BreakerState::Open);
        self.open = self.open.saturating_sub(u64::from(before == BreakerState::Open));
    }

    /// Whether there is room for another one.
    fn make_room(&mut self) -> bool {
        if self.all.len() >= MAX_HELD {
            self.all.retain(|_, breaker| breaker.state() != BreakerState::Closed);
        }
        self.all.len() < MAX_HELD
    }
}

impl BreakerBoard {
    /// Without any breakers.
    pub(crate) fn new(
        policies: BreakerPolicies,
        clock: Arc<dyn Clock>,
        keeper: BreakerKeeper,
        meter: Meter,
    ) -> Arc<Self> {
        Arc::new(Self { policies, breakers: Mutex::default(), clock, keeper, meter })
    }

    /// Asks the breakers of a plugin, a node and its groups. Nothing is asked of a component that has no policy, and no
    /// breaker sends a probe that another one refuses.
    ///
    /// # Errors
    /// The outcome of a run that is refused, with the time of the next probe.
    pub(crate) fn pass(
        self: &Arc<Self>,
        plugin: Option<&PluginName>,
        target: &Target,
    ) -> Result<Passage, NodeOutcome> {
        let node = &target.node;
        let plugin = plugin.cloned().map(Component::Plugin).into_iter();
        let components = plugin
            .chain([Component::Node(node.clone())])
            .chain(target.groups.iter().cloned().map(Component::Group));
        self.enter(components, Some(node)).map_err(|why| {
            let error = NodeError::new(node.clone(), ErrorCode::BreakerOpen, why);
            NodeOutcome::Rejected { by: RejectedBy::Breaker, error }
        })
    }

    /// Asks the breaker of a plugin for a call that is no run on a node.
    ///
    /// # Errors
    /// Why it is refused, with the time of the next probe.
    pub(crate) fn pass_call(self: &Arc<Self>, plugin: &PluginName) -> Result<Passage, String> {
        self.enter([Component::Plugin(plugin.clone())], None)
    }

    fn enter(
        self: &Arc<Self>,
        components: impl IntoIterator<Item = Component>,
        node: Option<&NodeId>,
    ) -> Result<Passage, String> {
        let components: Vec<Component> = components
            .into_iter()
            .filter(|component| self.policies.of_component(component).is_some())
            .collect();
        let now = self.clock.now();
        let mut breakers = self.lock();
        for component in &components {
            if let Some(next) = breakers.all.get_mut(component).and_then(|breaker| breaker.refuses(now)) {
                return Err(refused(component, next, now));
            }
        }
        let mut held = Vec::with_capacity(components.len());
        let mut changes = Vec::new();
        for component in components {
            let Breakers { all, .. } = &mut *breakers;
            let Some(breaker) = all.get_mut(&component) else {
                held.push((component, Pass::Free));
                continue;
            };
            let before = breaker.state();
            let pass = breaker.pass(now);
            let after = breaker.state();
            if after != before {
                changes.push(record(&component, breaker, now));
                breakers.count(before, after);
            }
            held.push((component, pass));
        }
        let open = breakers.open;
        drop(breakers);
        for change in &changes {
            self.tell(change, open);
        }
        let changes = changes.into_iter().map(|change| change.status).collect();
        Ok(Passage { board: Arc::clone(self), node: node.cloned(), held, changes })
    }

    /// Whether a request would pass the breaker of that component now. Nothing changes by asking.
    pub(crate) fn lets_pass(&self, component: &Component) -> bool {
        let now = self.clock.now();
        let guarded = self.policies.of_component(component).is_some();
        !guarded || self.lock().all.get_mut(component).is_none_or(|breaker| breaker.refuses(now).is_none())
    }

    /// Learns what a request to a node told about a component.
    fn learn(
        &self,
        component: &Component,
        node: Option<&NodeId>,
        pass: Pass,
        verdict: Verdict,
    ) -> Option<Change> {
        let policy = self.policies.of_component(component)?;
        let member = node.filter(|_| matches!(component, Component::Group(_)));
        let now = self.clock.now();
        let mut breakers = self.lock();
        if !breakers.all.contains_key(component) && !breakers.make_room() {
            return None;
        }
        // Where nothing has failed there is nothing to remember, unless successes are counted too.
        let counts = verdict == Verdict::Fails || (verdict == Verdict::Works && policy.rate.is_some());
        let mut held = match breakers.all.entry(component.clone()) {
            Entry::Vacant(_) if !counts => return None,
            Entry::Vacant(vacant) => vacant.insert_entry(Breaker::new(policy, now)),
            Entry::Occupied(held) => held,
        };
        let breaker = held.get_mut();
        let before = breaker.state();
        let changed = breaker.learn(pass, verdict, member, now);
        let after = breaker.state();
        let counted = verdict == Verdict::Fails && after == BreakerState::Closed;
        let record = (changed || counted).then(|| record(component, breaker, now));
        if breaker.says_nothing(now) {
            held.remove();
        }
        breakers.count(before, after);
        let open = breakers.open;
        drop(breakers);
        let record = record?;
        if changed {
            self.tell(&record, open);
            return Some(record.status);
        }
        // So that it counts after a restart.
        self.keeper.keep(record);
        None
    }

    /// Takes over what other processes, or this one before a restart, have stored. Returns the breakers that changed
    /// their state by it.
    pub(super) fn merge(&self, stored: &[BreakerRecord]) -> Vec<Change> {
        let now = self.clock.now();
        let mut changes = Vec::new();
        let mut breakers = self.lock();
        for record in stored {
            let component = &record.status.component;
            if !breakers.all.contains_key(component) && !breakers.make_room() {
                continue;
            }
            // Without a policy nobody is asked about it here, but it can be looked at and reset.
            let policy = self.policies.of_component(component).unwrap_or_default();
            let (before, after) = match breakers.all.entry(component.clone()) {
                Entry::Occupied(mut held) => {
                    let before = held.get().state();
                    held.get_mut().adopt(record);
                    (before, held.get().state())
                }
                Entry::Vacant(vacant) => {
                    let restored = Breaker::restored(policy, record);
                    if restored.says_nothing(now) {
                        continue;
                    }
                    (BreakerState::Closed, vacant.insert(restored).state())
                }
            };
            if before != after {
                breakers.count(before, after);
                changes.extend(breakers.all.get(component).map(|breaker| status(component, breaker, now)));
            }
        }
        let open = breakers.open;
        drop(breakers);
        if !changes.is_empty() {
            self.meter.breakers_open(open);
        }
        changes
    }

    /// The breakers that are not closed or have seen failures, by component.
    pub(crate) fn all(&self) -> Vec<BreakerStatus> {
        let now = self.clock.now();
        let breakers = self.lock();
        let loud = breakers.all.iter().filter(|(_, breaker)| !breaker.is_quiet(now));
        let mut all: Vec<BreakerStatus> =
            loud.map(|(component, breaker)| status(component, breaker, now)).collect();
        drop(breakers);
        all.sort_by(|a, b| a.component.cmp(&b.component));
        all
    }

    /// Closes a breaker and forgets the failures it has seen; `false` when it is closed already.
    pub(crate) fn reset(&self, component: &Component) -> bool {
        let now = self.clock.now();
        let mut breakers = self.lock();
        let Some(breaker) = breakers.all.get_mut(component) else { return false };
        if breaker.is_quiet(now) {
            return false;
        }
        let before = breaker.state();
        breaker.close(now);
        let change = record(component, breaker, now);
        breakers.count(before, BreakerState::Closed);
        let open = breakers.open;
        drop(breakers);
        if before == BreakerState::Closed {
            self.keeper.keep(change);
            return false;
        }
        self.tell(&change, open);
        true
    }

    /// Returns when what has changed so far is stored or given up.
    pub(crate) async fn flush(&self) {
        self.keeper.flush().await;
    }

    /// A change is logged, counted and stored (R7.8).
    fn tell(&self, change: &BreakerRecord, open: u64) {
        let BreakerStatus { component, state, failures, next_probe_at, .. } = &change.status;
        let next_probe_at = next_probe_at.map(|at| at.to_string());
        if *state == BreakerState::Open {
            let window_ms = self.policies.of_component(component).map(|policy| policy.window_ms);
            tracing::warn!(%component, state = state.as_str(), failures, window_ms, next_probe_at,
                "circuit breaker opened");
        } else {
            tracing::info!(%component, state = state.as_str(), "circuit breaker changed");
        }
        self.meter.breaker(state.as_str());
        self.meter.breakers_open(open);
        self.keeper.keep(change.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Breakers> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(component: &Component, breaker: &Breaker, now: Timestamp) -> BreakerRecord {
    breaker.record(status(component, breaker, now), now)
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

fn refused(component: &Component, next: Timestamp, now: Timestamp) -> String {
    let wait = next.duration_since(now).as_secs_f64();
    let when = if wait > 0.0 {
        format!("the next probe may pass at {next} (in {wait:.1} s)")
    } else {
        "a probe is under way".to_owned()
    };
    format!("the circuit breaker of {component} is open: it failed again and again; {when}")
}

/// A run that may go on. Dropping it tells the breakers nothing, but that it no longer goes on.
pub(crate) struct Passage {
    board: Arc<BreakerBoard>,
    /// Absent for a call that is no run on a node.
    node: Option<NodeId>,
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
            changes.extend(self.board.learn(component, self.node.as_ref(), *pass, Verdict::Works));
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
                Component::Node(_) | Component::Group(_) => of_node(outcome),
            };
            changes.extend(self.board.learn(&component, self.node.as_ref(), pass, verdict));
        }
        changes
    }
}

impl CallPassage for Passage {
    fn end(mut self: Box<Self>, worked: bool) {
        let verdict = if worked { Verdict::Works } else { Verdict::Fails };
        for (component, pass) in std::mem::take(&mut self.held) {
            self.board.learn(&component, None, pass, verdict);
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        for (component, pass) in std::mem::take(&mut self.held) {
            self.board.learn(&component, self.node.as_ref(), pass, Verdict::Unknown);
        }
    }
}
