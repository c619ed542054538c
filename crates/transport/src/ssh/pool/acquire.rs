//! The asynchronous side of the pool: [`Pool`].
//!
//! A connection is made by a task of its own, so that whoever asked for it may go away at any time: the connection
//! then serves another or stays idle. Connects in flight are limited apart from connections, by a limit that adapts;
//! waiting for a permit does not count against a connect's time. A connect that has met an overload is made anew within
//! that time: nothing has been started by it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{PoolStats, TransportError};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::entry::{Purpose, Waiter};
use super::gate::{ConnectGate, Overload, PENALTY};
use super::lease::Lease;
use super::state::State;
use crate::ssh::connect::{Carrier, DialError, Dialed, Dialer, Direct, micros};
use crate::ssh::driver::{Driver, DriverOptions, MadeFor};
use crate::ssh::jump::Jump;
use crate::ssh::settings::{Hop, PoolLimits, Route};

/// The connections of one transport. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    state: Mutex<State>,
    connecting: Arc<ConnectGate>,
    dialer: Dialer,
    keepalive: Option<Duration>,
}

/// What connection is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// [`Route::key`] of the way.
    pub(super) key: Arc<str>,
    node: NodeId,
    route: Arc<Route>,
    timeout: Duration,
}

impl Wanted {
    /// A connection by `route` for `node`, made within `timeout`.
    pub(crate) fn new(node: &NodeId, route: Arc<Route>, timeout: Duration) -> Self {
        Self { key: route.key().into(), node: node.clone(), route, timeout }
    }

    /// How long the connecting may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The way.
    pub(crate) fn route(&self) -> &Arc<Route> {
        &self.route
    }
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits, dialer: Dialer, keepalive: Option<Duration>) -> Self {
        let connecting = ConnectGate::new(&limits);
        let inner = Inner { state: Mutex::new(State::new(limits)), connecting, dialer, keepalive };
        Self { inner: Arc::new(inner) }
    }

    /// A place on a connection: one that stands, or a new one. May be dropped at any time.
    ///
    /// # Errors
    /// [`TransportError`] before the start of anything.
    pub(crate) async fn acquire(&self, wanted: &Wanted, purpose: Purpose) -> Result<Lease, TransportError> {
        let (reply, answer) = oneshot::channel();
        let taken = self.inner.with(|state| {
            if state.closed {
                return Err(shutting_down(&wanted.node));
            }
            if let Some(grant) = state.take(&wanted.key, purpose) {
                return Ok(Some(grant));
            }
            state.wait(wanted.clone(), Waiter { node: wanted.node.clone(), purpose, reply });
            Ok(None)
        })?;
        if let Some(grant) = taken {
            return Ok(Lease::new(Arc::clone(&self.inner), grant));
        }
        Inner::connect_if_needed(&self.inner, &wanted.key);
        let mut answer = Answer { inner: Arc::clone(&self.inner), receiver: answer };
        // Ends with the answer: every connect is bounded, and without one the wait is.
        loop {
            let mut answered = tokio::time::timeout(wanted.timeout, &mut answer.receiver).await.ok();
            if answered.is_none() {
                if self.inner.with(|state| state.is_connecting(&wanted.key)) {
                    continue;
                }
                // A connect that has just ended has answered before it was no longer under way.
                answered = match answer.receiver.try_recv() {
                    Ok(answer) => Some(Ok(answer)),
                    Err(_) => None,
                };
            }
            match answered {
                Some(Ok(Ok(grant))) => return Ok(Lease::new(Arc::clone(&self.inner), grant)),
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(_)) => return Err(shutting_down(&wanted.node)),
                None => {
                    return Err(TransportError::before_start(
                        &wanted.node,
                        ErrorCode::LimitReached,
                        format!(
                            "no connection became free within {:.1} s: all connections that the pool's limits \
                             allow are in use",
                            wanted.timeout.as_secs_f64()
                        ),
                    ));
                }
            }
        }
    }

    /// As [`Self::acquire`], on a connection that is made now: those that stand have turned out to be dead.
    ///
    /// # Errors
    /// As [`Self::acquire`].
    pub(crate) async fn acquire_fresh(
        &self,
        wanted: &Wanted,
        purpose: Purpose,
    ) -> Result<Lease, TransportError> {
        self.inner.with(|state| state.distrust(&wanted.key));
        self.acquire(wanted, purpose).await
    }

    /// A connection of its own for blocking code, outside the pool and its limits.
    ///
    /// # Errors
    /// [`TransportError`] before the start of anything.
    pub(crate) async fn dial(&self, wanted: &Wanted) -> Result<Dialed, TransportError> {
        Inner::dial(&self.inner, wanted, MadeFor::Blocking).await
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let (limit, overloads) = self.inner.connecting.standing();
        let connect_limit = u64::try_from(limit).unwrap_or(u64::MAX);
        PoolStats { connect_limit, overloads, ..self.inner.with(|state| state.stats()) }
    }

    pub(crate) fn close(&self) {
        self.inner.with(|state| state.close(shutting_down));
    }
}

/// Gives a place back that was granted in the moment in which nobody waited for it any more.
struct Answer {
    inner: Arc<Inner>,
    receiver: oneshot::Receiver<Result<super::entry::Grant, TransportError>>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Ok(grant)) = self.receiver.try_recv() {
            drop(Lease::new(Arc::clone(&self.inner), grant));
        }
    }
}

impl Inner {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // Nothing in there panics while it holds the lock; a poisoned book is still whole.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does what a change of the book may have made possible.
    pub(super) fn after_change(inner: &Arc<Self>, key: &Arc<str>, idle: bool) {
        Self::connect_if_needed(inner, key);
        // Those of one group may have gone meanwhile, which says nothing of the others. Once each: who still finds no
        // room queues up again.
        for _ in 0..inner.with(|state| state.starved()) {
            let Some(starved) = inner.with(State::next_starved) else { break };
            Self::connect_if_needed(inner, &starved);
        }
        if idle && inner.with(|state| !std::mem::replace(&mut state.sweeping, true)) {
            Self::sweep(inner);
        }
    }

    /// Starts the connects that a group's waiters need.
    fn connect_if_needed(inner: &Arc<Self>, key: &Arc<str>) {
        // Bounded by the limits: each turn books one.
        while let Some(wanted) = inner.with(|state| state.book(key)) {
            let inner = Arc::clone(inner);
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                // Only a lease that is dropped outside the runtime comes here; nobody runs who could wait.
                inner.with(|state| state.failed(&wanted.key, &shutting_down(&wanted.node)));
                return;
            };
            runtime.spawn(async move {
                let dialed = Self::dial(&inner, &wanted, MadeFor::Driver).await;
                match dialed {
                    Ok(Dialed { connection, host_key, phases }) => {
                        let remote = Driver::spawn(connection, inner.driver_options(&wanted));
                        inner.with(|state| state.connected(&wanted.key, remote, host_key, phases));
                        Self::after_change(&inner, &wanted.key, true);
                    }
                    Err(error) => {
                        inner.with(|state| state.failed(&wanted.key, &error));
                        Self::after_change(&inner, &wanted.key, false);
                    }
                }
            });
        }
    }

    fn driver_options(&self, wanted: &Wanted) -> DriverOptions {
        let settings = wanted.route.hops.last().map(|hop| &hop.settings);
        DriverOptions {
            keepalive: settings.and_then(|settings| settings.server_alive_interval).or(self.keepalive),
            keepalive_max: settings.map_or(3, |settings| settings.server_alive_count_max),
        }
    }

    async fn dial(inner: &Arc<Self>, wanted: &Wanted, made_for: MadeFor) -> Result<Dialed, TransportError> {
        let Some(hop) = wanted.route.hops.last() else {
            return Err(TransportError::before_start(
                &wanted.node,
                ErrorCode::Internal,
                "the way to the node is empty",
            ));
        };
        // The jump host first, and without a permit: else nodes that wait for their jump host could hold all
        // permits while the jump host waits for one.
        let carrier: Box<dyn Carrier> = match wanted.route.before() {
            None => Box::new(Direct),
            Some(before) => {
                let jump = Wanted::new(&wanted.node, Arc::new(before), wanted.timeout);
                Box::new(Jump::through(Pool { inner: Arc::clone(inner) }, jump).await?)
            }
        };
        let host = wanted.route.host();
        let mut pauses = Pauses::new(wanted.timeout);
        let mut wait_us = 0;
        // Ends with the connect's time, of which each turn takes at least its pause.
        loop {
            if let Some(until) = inner.connecting.closed_until(&host) {
                let wait = until - Instant::now();
                if !pauses.take(wait) {
                    return Err(penalised(&wanted.node, hop, wait));
                }
                tokio::time::sleep(wait).await;
            }
            let asked = Instant::now();
            let Some(entered) = inner.connecting.enter(&host).await else {
                return Err(shutting_down(&wanted.node));
            };
            wait_us += micros(asked);
            let began = Instant::now();
            let deadline = began + pauses.left;
            let dialing = inner.dialer.dial(&wanted.node, hop, carrier.as_ref(), made_for, deadline);
            let (error, overload) = match dialing.await {
                Ok(mut dialed) => {
                    entered.succeeded();
                    dialed.phases.wait_us = wait_us;
                    return Ok(dialed);
                }
                Err(DialError { error, overload: None }) => return Err(error),
                Err(DialError { error, overload: Some(overload) }) => (error, overload),
            };
            entered.overloaded(overload);
            if overload == Overload::Here {
                // What nobody uses has descriptors and ports.
                inner.with(|state| {
                    for _ in 0..state.stats().idle.div_ceil(2) {
                        state.evict_idle();
                    }
                });
            }
            let pause = match overload {
                Overload::Penalty => PENALTY,
                Overload::Node | Overload::Here => pauses.next(),
            };
            if !pauses.take(began.elapsed()) || !pauses.take(pause) {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Closes idle connections when their time has come; ends when none is left.
    fn sweep(inner: &Arc<Self>) {
        let inner = Arc::downgrade(inner);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            loop {
                let Some(strong) = inner.upgrade() else { return };
                let next = strong.with(|state| {
                    let next = state.sweep(Instant::now());
                    state.sweeping = next.is_some();
                    next
                });
                drop(strong);
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => return,
                }
            }
        });
    }
}

/// The time of a connect that is made anew, and the pauses in between.
struct Pauses {
    left: Duration,
    next: Duration,
}

impl Pauses {
    /// The first pause is short: how many connect at the same time is the gate's business.
    const FIRST: Duration = Duration::from_millis(25);
    const LONGEST: Duration = Duration::from_millis(1600);

    fn new(timeout: Duration) -> Self {
        Self { left: timeout, next: Self::FIRST }
    }

    /// Takes this off the time; `false` when nothing would be left.
    fn take(&mut self, time: Duration) -> bool {
        self.left = self.left.saturating_sub(time);
        !self.left.is_zero()
    }

    /// Each pause is twice as long as the one before, with a part by chance so that those who were refused together do
    /// not come back together.
    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(Self::LONGEST);
        let chance = RandomState::new().build_hasher().finish() % 1000;
        pause.mul_f64(0.75 + chance as f64 / 2000.0)
    }
}

fn penalised(node: &NodeId, hop: &Hop, wait: Duration) -> TransportError {
    TransportError::before_start(
        node,
        ErrorCode::ConnectionReset,
        format!(
            "{} refuses this address after failed logins (PerSourcePenalties of its sshd) and is not asked again for \
             {:.1} s, which is longer than a connect may take; try again then",
            hop.describe(),
            wait.as_secs_f64()
        ),
    )
}

fn shutting_down(node: &NodeId) -> TransportError {
    TransportError::before_start(node, ErrorCode::ShuttingDown, "the SSH transport is shutting down")
}
