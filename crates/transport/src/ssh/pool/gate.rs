//! Who may connect now: [`ConnectGate`], with a [`Window`] for all connects and one for each host. It makes no
//! connection; whoever does says what came of it to its [`Entered`].
//!
//! A host that refuses narrows its own window. Only when several hosts refuse, or this machine itself has nothing left
//! to connect with, does that of all connects narrow too: a single broken node does not slow the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::window::Window;
use crate::ssh::settings::PoolLimits;

/// How long sshd refuses an address after failed logins, at least (`PerSourcePenalties` in sshd_config(5)).
pub(super) const PENALTY: Duration = Duration::from_secs(15);
/// After this time without a refusal a host is one like any other.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Refusals of two hosts within this time are one overload.
const TOGETHER: Duration = Duration::from_secs(2);
/// Hosts that are known before those that are forgotten are looked for.
const MANY: usize = 4096;

/// Who or what was overloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overload {
    /// The node dropped the connection before it said anything (`MaxStartups`).
    Node,
    /// The node refuses this address for a while.
    Penalty,
    /// This process or machine has no descriptor, buffer or port left.
    Here,
}

/// The gate of one pool.
#[derive(Debug)]
pub(super) struct ConnectGate {
    book: Mutex<Book>,
    per_host: usize,
    adaptive: bool,
}

#[derive(Debug)]
struct Book {
    all: Window,
    in_flight: usize,
    /// Number of the next connect.
    next: u64,
    hosts: HashMap<Arc<str>, Host>,
    waiting: VecDeque<Waiting>,
    /// The host that refused last, and when.
    last: Option<(Arc<str>, Instant)>,
    overloads: u64,
}

#[derive(Debug)]
struct Host {
    window: Window,
    in_flight: usize,
    refused_at: Option<Instant>,
    closed_until: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    host: Arc<str>,
    reply: oneshot::Sender<Entered>,
}

/// The right to make one connect. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Entered {
    gate: Arc<ConnectGate>,
    host: Arc<str>,
    number: u64,
}

impl ConnectGate {
    /// An empty gate.
    pub(super) fn new(limits: &PoolLimits) -> Arc<Self> {
        let book = Book {
            all: Window::new(limits.max_connecting),
            in_flight: 0,
            next: 0,
            hosts: HashMap::new(),
            waiting: VecDeque::new(),
            last: None,
            overloads: 0,
        };
        let (per_host, adaptive) = (limits.max_connecting_per_host, limits.adaptive_connects);
        Arc::new(Self { book: Mutex::new(book), per_host, adaptive })
    }

    /// Waits for the right to connect to that host. May be dropped at any time.
    pub(super) async fn enter(self: &Arc<Self>, host: &Arc<str>) -> Option<Entered> {
        let (reply, granted) = oneshot::channel();
        self.change(|book| book.waiting.push_back(Waiting { host: Arc::clone(host), reply }));
        granted.await.ok()
    }

    /// Until when that host refuses this address, if it does.
    pub(super) fn closed_until(&self, host: &str) -> Option<Instant> {
        let until = self.lock().hosts.get(host)?.closed_until?;
        (until > Instant::now()).then_some(until)
    }

    /// Connects that may be in flight now, and how many have met an overload so far.
    pub(super) fn standing(&self) -> (usize, u64) {
        let book = self.lock();
        (book.all.limit(), book.overloads)
    }

    /// Changes the book and lets in whom that makes room for.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Book) -> T) -> T {
        let (changed, let_in) = {
            let mut book = self.lock();
            let changed = change(&mut book);
            (changed, book.admit(self))
        };
        for (reply, entered) in let_in {
            // One that nobody waits for any more comes back by being dropped, outside the lock.
            let _ = reply.send(entered);
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound book.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// In the order of their coming, but nobody waits behind one whose host is busy.
    fn admit(&mut self, gate: &Arc<ConnectGate>) -> Vec<(oneshot::Sender<Entered>, Entered)> {
        let mut let_in = Vec::new();
        let mut still = VecDeque::with_capacity(self.waiting.len());
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.reply.is_closed() {
                continue;
            }
            let free = self.in_flight < self.all.limit();
            let host = self.hosts.get(&waiting.host);
            let limit = host.map_or(gate.per_host.max(1), |host| host.window.limit());
            if !free || host.is_some_and(|host| host.in_flight >= limit) {
                still.push_back(waiting);
                continue;
            }
            let host = self.hosts.entry(Arc::clone(&waiting.host)).or_insert_with(|| Host {
                window: Window::new(gate.per_host),
                in_flight: 0,
                refused_at: None,
                closed_until: None,
            });
            host.in_flight += 1;
            self.in_flight += 1;
            let number = self.next;
            self.next += 1;
            let_in.push((waiting.reply, Entered { gate: Arc::clone(gate), host: waiting.host, number }));
        }
        self.waiting = still;
        let_in
    }

    fn refuse(&mut self, name: &Arc<str>, number: u64, what: Overload) {
        let (now, next) = (Instant::now(), self.next);
        if what == Overload::Here {
            self.all.overloaded(number, next, self.in_flight);
            return;
        }
        if let Some(host) = self.hosts.get_mut(name) {
            host.window.overloaded(number, next, host.in_flight);
            host.refused_at = Some(now);
            if what == Overload::Penalty {
                host.closed_until = Some(now + PENALTY);
            }
        }
        let last = self.last.replace((Arc::clone(name), now));
        if last.is_some_and(|(other, at)| other != *name && now.duration_since(at) < TOGETHER) {
            self.all.overloaded(number, next, self.in_flight);
        }
    }

    fn leave(&mut self, name: &Arc<str>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let now = Instant::now();
        let is_plain = |host: &Host| {
            host.in_flight == 0
                && (host.window.is_full() && host.closed_until.is_none()
                    || host.refused_at.is_none_or(|at| now.duration_since(at) > FORGOTTEN))
        };
        if let Some(host) = self.hosts.get_mut(name) {
            host.in_flight = host.in_flight.saturating_sub(1);
            if is_plain(host) {
                self.hosts.remove(name);
            }
        }
        if self.hosts.len() > MANY {
            self.hosts.retain(|_, host| !is_plain(host));
        }
    }
}

impl Entered {
    /// The connect has worked.
    pub(super) fn succeeded(self) {
        self.gate.change(|book| {
            book.all.succeeded();
            if let Some(host) = book.hosts.get_mut(&self.host) {
                host.window.succeeded();
            }
        });
    }

    /// The connect has met an overload.
    pub(super) fn overloaded(self, what: Overload) {
        // Nobody is let in by a narrower window; that comes with the drop.
        let mut book = self.gate.lock();
        book.overloads += 1;
        if self.gate.adaptive || what == Overload::Penalty {
            book.refuse(&self.host, self.number, what);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.gate.change(|book| book.leave(&self.host));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(all: usize, per_host: usize) -> Arc<ConnectGate> {
        let limits =
            PoolLimits { max_connecting: all, max_connecting_per_host: per_host, ..PoolLimits::default() };
        ConnectGate::new(&limits)
    }

    fn host(number: usize) -> Arc<str> {
        format!("node{number}:22").into()
    }

    async fn now(gate: &Arc<ConnectGate>, host: &Arc<str>) -> Option<Entered> {
        tokio::time::timeout(Duration::from_millis(1), gate.enter(host)).await.ok().flatten()
    }

    /// R8.6
    #[tokio::test(start_paused = true)]
    async fn several_hosts_that_refuse_narrow_the_gate_and_successes_widen_it() {
        let gate = gate(16, 8);
        let mut entered = Vec::new();
        for number in 0..16 {
            entered.push(now(&gate, &host(number)).await.unwrap());
        }
        assert!(now(&gate, &host(16)).await.is_none());
        for one in entered.drain(2..) {
            one.overloaded(Overload::Node);
        }
        let (limit, overloads) = gate.standing();
        assert!(limit <= 3, "{limit}");
        assert_eq!(overloads, 14);
        drop(entered);
        for number in 0..100 {
            now(&gate, &host(number)).await.unwrap().succeeded();
        }
        assert_eq!(gate.standing().0, 16);
    }

    /// R8.6: one that is broken has only itself to wait for.
    #[tokio::test(start_paused = true)]
    async fn one_host_that_refuses_narrows_its_own_window() {
        let gate = gate(16, 8);
        let broken = host(0);
        for _ in 0..20 {
            now(&gate, &broken).await.unwrap().overloaded(Overload::Node);
        }
        assert_eq!(gate.standing().0, 16);
        let first = now(&gate, &broken).await.unwrap();
        assert!(now(&gate, &broken).await.is_none());
        let mut waits = Box::pin(gate.enter(&broken));
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut waits).await.is_err());
        // Nobody waits behind it.
        assert!(now(&gate, &host(1)).await.is_some());
        drop(first);
        assert!(waits.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_here_narrows_all_and_a_penalty_closes_a_host() {
        let gate = gate(8, 8);
        let held: Vec<Entered> = {
            let mut held = Vec::new();
            for number in 0..4 {
                held.push(now(&gate, &host(number)).await.unwrap());
            }
            held
        };
        for one in held {
            one.overloaded(Overload::Here);
        }
        assert_eq!(gate.standing().0, 1);
        now(&gate, &host(1)).await.unwrap().overloaded(Overload::Penalty);
        assert!(gate.closed_until("node1:22").is_some_and(|at| at - Instant::now() == PENALTY));
        tokio::time::sleep(PENALTY).await;
        assert!(gate.closed_until("node1:22").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_takes_no_place_with_it() {
        let gate = gate(1, 1);
        let first = now(&gate, &host(1)).await.unwrap();
        let second = host(2);
        let mut gone = Box::pin(gate.enter(&second));
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut gone).await.is_err());
        drop(first);
        // It was granted and never received.
        drop(gone);
        assert!(now(&gate, &host(3)).await.is_some());
        assert!(gate.lock().hosts.is_empty());
    }
}
