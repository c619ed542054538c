//! The pool's book: [`State`]. Every change happens under one short lock, and nothing here waits.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use pabawi_domain::host_key::HostKeySeen;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{ConnectPhases, PoolStats, TransportError};
use tokio::time::Instant;

use super::acquire::Wanted;
use super::entry::{Entry, Grant, Group, Purpose, Slot, Waiter};
use crate::ssh::driver::Remote;
use crate::ssh::settings::{MAX_CHANNELS, PoolLimits};

/// The book.
#[derive(Debug)]
pub(super) struct State {
    limits: PoolLimits,
    groups: HashMap<Arc<str>, Group>,
    /// Idle connections, the longest idle first.
    idle: BTreeMap<u64, (Instant, Arc<Slot>)>,
    /// Groups whose waiters found the pool full.
    starved: VecDeque<Arc<str>>,
    next: u64,
    open: usize,
    connecting: usize,
    pub(super) closed: bool,
    pub(super) sweeping: bool,
    hits: u64,
    connects: u64,
    evictions: u64,
}

impl State {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            groups: HashMap::new(),
            idle: BTreeMap::new(),
            starved: VecDeque::new(),
            next: 0,
            open: 0,
            connecting: 0,
            closed: false,
            sweeping: false,
            hits: 0,
            connects: 0,
            evictions: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A place on a connection that stands.
    pub(super) fn take(&mut self, key: &Arc<str>, purpose: Purpose) -> Option<Grant> {
        self.drop_dead(key);
        let group = self.groups.get_mut(key)?;
        let fitting = group.entries.iter_mut().filter(|entry| entry.fits(purpose));
        let entry = match purpose {
            // The one that the node is least likely to refuse it on.
            Purpose::Aside => fitting.min_by_key(|entry| entry.commands)?,
            // The fullest one that fits, so that others can become idle.
            _ => fitting.max_by_key(|entry| entry.commands + entry.tunnels)?,
        };
        match purpose {
            Purpose::Command | Purpose::Aside => entry.commands += 1,
            Purpose::Tunnel => entry.tunnels += 1,
        }
        if let Some(at) = entry.idle_at.take() {
            self.idle.remove(&at);
        }
        self.hits += 1;
        let slot = Arc::clone(&entry.slot);
        Some(Grant { slot, purpose, reused: true, phases: ConnectPhases::default() })
    }

    /// Books a further place on a connection that is in use.
    pub(super) fn beside(&mut self, slot: &Slot) {
        if let Some(entry) = self.entry(slot) {
            entry.commands += 1;
        }
    }

    /// Puts somebody in the queue; at its head when others there may be waiting for what it is to end.
    pub(super) fn wait(&mut self, wanted: Wanted, waiter: Waiter) {
        let group = self.groups.entry(Arc::clone(&wanted.key)).or_default();
        group.wanted = Some(wanted);
        match waiter.purpose {
            Purpose::Aside => group.waiters.push_front(waiter),
            _ => group.waiters.push_back(waiter),
        }
    }

    /// Whether a connection for this group is being made.
    pub(super) fn is_connecting(&self, key: &str) -> bool {
        self.groups.get(key).is_some_and(|group| group.connecting > 0)
    }

    /// Books one more connect for a group, when its waiters need one and the limits allow it. The caller makes
    /// the connection and reports by [`Self::connected`] or [`Self::failed`].
    pub(super) fn book(&mut self, key: &Arc<str>) -> Option<Wanted> {
        let group = self.groups.get_mut(key)?;
        group.waiters.retain(|waiter| !waiter.reply.is_closed());
        let per_connection = self.limits.channels_per_connection.clamp(1, MAX_CHANNELS);
        let wanted = group.wanted.clone().filter(|_| group.needs(per_connection) > group.connecting)?;
        let own_idle = group.entries.iter().position(Entry::is_idle);
        // A jump host is needed to finish connects that are counted already; it must not wait for them.
        let needed = group.waiters.iter().any(|waiter| waiter.purpose == Purpose::Tunnel);
        let full_host = group.entries.len() + group.connecting >= self.limits.max_per_host.max(1);
        if group.connecting >= self.limits.max_connecting_per_host.max(1) {
            return None;
        }
        if full_host {
            // An idle connection that nobody took is one that does not fit; it makes room.
            let entry = own_idle.map(|index| group.entries.swap_remove(index))?;
            self.forget(&entry);
        } else if !needed
            && self.open + self.connecting >= self.limits.max_connections.max(1)
            && !self.evict_idle()
        {
            if !self.starved.contains(key) {
                self.starved.push_back(Arc::clone(key));
            }
            return None;
        }
        self.connecting += 1;
        if let Some(group) = self.groups.get_mut(key) {
            group.connecting += 1;
        }
        Some(wanted)
    }

    /// A connect has worked: the connection joins the pool and serves those who wait.
    pub(super) fn connected(
        &mut self,
        key: &Arc<str>,
        remote: Remote,
        host_key: HostKeySeen,
        phases: ConnectPhases,
    ) -> Arc<Slot> {
        let id = self.number();
        let slot = Arc::new(Slot { id, key: Arc::clone(key), remote, host_key });
        self.connecting = self.connecting.saturating_sub(1);
        self.connects += 1;
        self.open += 1;
        let capacity = self.limits.channels_per_connection.clamp(1, MAX_CHANNELS);
        let group = self.groups.entry(Arc::clone(key)).or_default();
        group.connecting = group.connecting.saturating_sub(1);
        group.entries.push(Entry {
            slot: Arc::clone(&slot),
            commands: 0,
            tunnels: 0,
            capacity,
            unfit: false,
            idle_at: None,
        });
        self.serve(key, Some((id, phases)));
        self.settle(key, id);
        slot
    }

    /// A connect has failed: those it was made for get its error.
    pub(super) fn failed(&mut self, key: &Arc<str>, error: &TransportError) {
        self.connecting = self.connecting.saturating_sub(1);
        let per_connection = self.limits.channels_per_connection.clamp(1, MAX_CHANNELS);
        let Some(group) = self.groups.get_mut(key) else { return };
        group.connecting = group.connecting.saturating_sub(1);
        // Those that other connects, or connections that stand, may still serve go on waiting.
        let affected = match group.connecting == 0 && group.entries.is_empty() {
            true => group.waiters.len(),
            false => group.waiters.len().min(per_connection),
        };
        for waiter in group.waiters.drain(..affected) {
            let mut error = error.clone();
            error.error.node = waiter.node;
            let _ = waiter.reply.send(Err(error));
        }
        self.drop_empty(key);
    }

    /// A lease was given back. True when its connection has become idle.
    pub(super) fn give_back(&mut self, slot: &Slot, purpose: Purpose) -> bool {
        let Some(entry) = self.entry(slot) else { return false };
        match purpose {
            Purpose::Command | Purpose::Aside => entry.commands = entry.commands.saturating_sub(1),
            Purpose::Tunnel => entry.tunnels = entry.tunnels.saturating_sub(1),
        }
        let key = Arc::clone(&slot.key);
        self.drop_dead(&key);
        self.serve(&key, None);
        self.settle(&key, slot.id)
    }

    /// The node has refused a channel on a connection: it takes no more than those that others have on it. When there
    /// are none, what fills it are processes of commands that are over, and nobody knows for how long.
    pub(super) fn refused(&mut self, slot: &Slot) {
        if let Some(entry) = self.entry(slot) {
            match entry.commands.saturating_sub(1) {
                0 => entry.unfit = true,
                // Never more than before: a look may have been refused beyond the capacity.
                others => entry.capacity = entry.capacity.min(others),
            }
        }
    }

    /// The connection takes no new leases.
    pub(super) fn retire(&mut self, slot: &Slot) {
        if let Some(entry) = self.entry(slot) {
            entry.unfit = true;
        }
    }

    /// The connections of a group of which nothing has been heard since then take no new leases; those that nobody uses
    /// are closed.
    pub(super) fn retire_silent(&mut self, key: &Arc<str>, since: Instant) {
        let Some(group) = self.groups.get_mut(key) else { return };
        for entry in &mut group.entries {
            entry.unfit |= !entry.slot.remote.heard_since(since);
        }
        self.drop_dead(key);
    }

    /// Takes all connections of a group out of use that have no lease, and lets the others take no new ones.
    pub(super) fn distrust(&mut self, key: &Arc<str>) {
        let Some(group) = self.groups.get_mut(key) else { return };
        for entry in &mut group.entries {
            entry.unfit = true;
        }
        self.drop_dead(key);
    }

    /// How many groups wait for room.
    pub(super) fn starved(&self) -> usize {
        self.starved.len()
    }

    /// Groups that may try again now that there is room.
    pub(super) fn next_starved(&mut self) -> Option<Arc<str>> {
        (self.open + self.connecting < self.limits.max_connections.max(1) || !self.idle.is_empty())
            .then(|| self.starved.pop_front())
            .flatten()
    }

    /// Closes what has been idle for too long. The next moment at which there is something to close, if any.
    pub(super) fn sweep(&mut self, now: Instant) -> Option<Instant> {
        // Bounded by the number of idle connections.
        loop {
            let (at, since) = self.idle.first_key_value().map(|(at, (since, _))| (*at, *since))?;
            let due = since + self.limits.idle_timeout;
            if due > now {
                return Some(due);
            }
            self.evict(at);
        }
    }

    /// Closes everything idle and refuses those who wait.
    pub(super) fn close(&mut self, refusal: impl Fn(&NodeId) -> TransportError) {
        self.closed = true;
        while self.evict_idle() {}
        for group in self.groups.values_mut() {
            for waiter in group.waiters.drain(..) {
                let error = refusal(&waiter.node);
                let _ = waiter.reply.send(Err(error));
            }
        }
    }

    pub(super) fn stats(&self) -> PoolStats {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        PoolStats {
            open: count(self.open),
            idle: count(self.idle.len()),
            in_use: count(self.open.saturating_sub(self.idle.len())),
            connecting: count(self.connecting),
            hits: self.hits,
            connects: self.connects,
            evictions: self.evictions,
            ..PoolStats::default()
        }
    }

    /// Gives places to those who wait. `fresh` is a connection that was made just now, with its times, which the
    /// first one served is told.
    fn serve(&mut self, key: &Arc<str>, fresh: Option<(u64, ConnectPhases)>) {
        let mut fresh = fresh;
        // Each turn removes a waiter.
        loop {
            let Some(group) = self.groups.get_mut(key) else { return };
            group.waiters.retain(|waiter| !waiter.reply.is_closed());
            let Some(purpose) = group.waiters.front().map(|waiter| waiter.purpose) else { return };
            let Some(entry) = group.entries.iter_mut().find(|entry| entry.fits(purpose)) else { return };
            let Some(waiter) = group.waiters.pop_front() else { return };
            match purpose {
                Purpose::Command | Purpose::Aside => entry.commands += 1,
                Purpose::Tunnel => entry.tunnels += 1,
            }
            if let Some(at) = entry.idle_at.take() {
                self.idle.remove(&at);
            }
            let slot = Arc::clone(&entry.slot);
            let phases = fresh.take_if(|(id, _)| *id == slot.id).map(|(_, phases)| phases);
            let reused = phases.is_none();
            self.hits += u64::from(reused);
            let grant = Grant { slot, purpose, reused, phases: phases.unwrap_or_default() };
            if let Err(Ok(grant)) = waiter.reply.send(Ok(grant)) {
                // Gone in this moment: the place is free again.
                if let Some(entry) = self.entry(&grant.slot) {
                    match purpose {
                        Purpose::Command | Purpose::Aside => {
                            entry.commands = entry.commands.saturating_sub(1);
                        }
                        Purpose::Tunnel => entry.tunnels = entry.tunnels.saturating_sub(1),
                    }
                }
            }
        }
    }

    /// Puts a connection that nobody uses into the idle queue, or closes it. True when it is idle now.
    fn settle(&mut self, key: &Arc<str>, id: u64) -> bool {
        let at = self.number();
        let (closed, max_idle) = (self.closed, self.limits.max_idle);
        let Some(group) = self.groups.get_mut(key) else { return false };
        let Some(index) = group.entries.iter().position(|entry| entry.slot.id == id) else { return false };
        let Some(entry) = group.entries.get_mut(index).filter(|entry| entry.is_idle()) else { return false };
        // A stuck one would take a place from those that work, and nobody else waits for what it is stuck with.
        let useless = entry.unfit || entry.slot.remote.is_gone() || entry.slot.remote.is_stuck();
        if closed || useless || max_idle == 0 {
            let entry = group.entries.swap_remove(index);
            self.forget(&entry);
            self.drop_empty(key);
            return false;
        }
        if entry.idle_at.is_none() {
            entry.idle_at = Some(at);
            let slot = Arc::clone(&entry.slot);
            self.idle.insert(at, (Instant::now(), slot));
        }
        if self.idle.len() > max_idle {
            self.evict_idle();
        }
        true
    }

    fn entry(&mut self, slot: &Slot) -> Option<&mut Entry> {
        self.groups.get_mut(&slot.key)?.entries.iter_mut().find(|entry| entry.slot.id == slot.id)
    }

    /// Removes connections of a group that have ended, and those out of use that nobody holds.
    fn drop_dead(&mut self, key: &Arc<str>) {
        let Some(group) = self.groups.get_mut(key) else { return };
        let dead = |entry: &Entry| entry.slot.remote.is_gone() || (entry.unfit && entry.is_idle());
        let (gone, alive) = std::mem::take(&mut group.entries).into_iter().partition::<Vec<_>, _>(dead);
        group.entries = alive;
        for entry in &gone {
            self.forget(entry);
        }
    }

    /// Closes the connection that has been idle longest.
    pub(super) fn evict_idle(&mut self) -> bool {
        let Some(at) = self.idle.first_key_value().map(|(at, _)| *at) else { return false };
        self.evict(at);
        true
    }

    fn evict(&mut self, at: u64) {
        let Some((_, slot)) = self.idle.remove(&at) else { return };
        let key = Arc::clone(&slot.key);
        if let Some(group) = self.groups.get_mut(&key)
            && let Some(index) = group.entries.iter().position(|entry| entry.slot.id == slot.id)
        {
            let entry = group.entries.swap_remove(index);
            self.forget(&entry);
        }
        self.drop_empty(&key);
    }

    /// Books a connection out. It ends as soon as its last channel does.
    fn forget(&mut self, entry: &Entry) {
        if let Some(at) = entry.idle_at {
            self.idle.remove(&at);
        }
        self.open = self.open.saturating_sub(1);
        self.evictions += 1;
        entry.slot.remote.shutdown(false);
    }

    fn drop_empty(&mut self, key: &Arc<str>) {
        let empty = self.groups.get(key).is_some_and(|group| {
            group.entries.is_empty() && group.connecting == 0 && group.waiters.is_empty()
        });
        if empty {
            self.groups.remove(key);
        }
    }
}
