//! What the pool's book is made of: connections and their places ([`Entry`], [`Grant`]), those who wait ([`Waiter`]), and
//! both by the way to a node ([`Group`]). It decides only whether a connection takes one more.

use std::collections::VecDeque;
use std::sync::Arc;

use pabawi_domain::host_key::HostKeySeen;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{ConnectPhases, TransportError};
use tokio::sync::oneshot;

use super::acquire::Wanted;
use crate::ssh::driver::Remote;
use crate::ssh::settings::MAX_CHANNELS;

/// Tunnels on one connection. They are not sessions, so `MaxSessions` does not count them; each costs a pass of
/// the driver over it.
const MAX_TUNNELS: usize = 64;
/// Session channels on one connection with those of [`Purpose::Aside`]: what sshd allows unless told otherwise
/// (`MaxSessions`).
const MAX_WITH_ASIDES: usize = 10;
/// Keepalive questions after which a connection takes no new commands: each stays in libssh2's list.
const MAX_QUESTIONS: usize = 200;

/// What a lease is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A command: one session channel.
    Command,
    /// A few lines that look after a command, or end it: one session channel, for a moment. It must not wait for the
    /// place of the very command it is to end.
    Aside,
    /// The way to a node behind this one.
    Tunnel,
}

/// A connection in the pool.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: u64,
    pub(super) key: Arc<str>,
    pub(super) remote: Remote,
    pub(super) host_key: HostKeySeen,
}

/// The book's entry of a connection.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) slot: Arc<Slot>,
    pub(super) commands: usize,
    pub(super) tunnels: usize,
    /// How many commands it takes; less than the limit once the node has refused one.
    pub(super) capacity: usize,
    /// Takes no new leases.
    pub(super) unfit: bool,
    /// Its place in the queue of idle connections.
    pub(super) idle_at: Option<u64>,
}

impl Entry {
    pub(super) fn fits(&self, purpose: Purpose) -> bool {
        // What is asked of a stuck connection is sent away.
        let alive = !self.unfit && !self.slot.remote.is_gone() && !self.slot.remote.is_stuck();
        alive
            && match purpose {
                // Channels that are being closed still hold their place on the node.
                Purpose::Command => {
                    self.commands < self.capacity
                        && self.slot.remote.channels() < MAX_CHANNELS + self.tunnels
                        && self.slot.remote.questions() < MAX_QUESTIONS
                }
                Purpose::Aside => {
                    self.commands < MAX_WITH_ASIDES
                        && self.slot.remote.channels() < MAX_WITH_ASIDES + self.tunnels
                }
                Purpose::Tunnel => self.tunnels < MAX_TUNNELS,
            }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.commands == 0 && self.tunnels == 0
    }
}

/// Somebody who waits for a lease.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) node: NodeId,
    pub(super) purpose: Purpose,
    pub(super) reply: oneshot::Sender<Result<Grant, TransportError>>,
}

/// A place on a connection, not yet dressed as a lease.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) slot: Arc<Slot>,
    pub(super) purpose: Purpose,
    pub(super) reused: bool,
    pub(super) phases: ConnectPhases,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) entries: Vec<Entry>,
    pub(super) connecting: usize,
    pub(super) waiters: VecDeque<Waiter>,
    /// How connections of this group are made; that of the last one who asked.
    pub(super) wanted: Option<Wanted>,
}

impl Group {
    /// How many connections those who wait need.
    pub(super) fn needs(&self, per_connection: usize) -> usize {
        let tunnels = self.waiters.iter().filter(|waiter| waiter.purpose == Purpose::Tunnel).count();
        let commands = self.waiters.len() - tunnels;
        commands.div_ceil(per_connection).max(tunnels.div_ceil(MAX_TUNNELS))
    }
}
