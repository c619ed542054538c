//! What can be done to a node while a test goes on: stop, start, cut, freeze, measure.
//!
//! Main type: [`Fleet`], whose second half this is. It must never touch a process that the fleet did not start.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::error::FleetError;
use super::running::{Fleet, Process};
use crate::process::{self, ProcessInfo};
use crate::wait;

/// How long a killed process may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(10);

impl Fleet {
    /// The `sshd` processes that serve the node's connections (not the listener), authenticated or not.
    ///
    /// # Errors
    /// [`FleetError::NoSuchNode`].
    pub fn sshd_children(&self, node: usize) -> Result<Vec<ProcessInfo>, FleetError> {
        let inodes = process::connection_inodes(self.node(node)?.address);
        let process = self.process_of(node)?;
        let listener = process.pid.load(Ordering::SeqCst);
        let alone = process.addresses.len() == 1 && listener != 0;
        let own: HashSet<i32> = if alone {
            process::descendants(listener).iter().map(|child| child.pid).collect()
        } else {
            HashSet::new()
        };
        let serves = |candidate: &ProcessInfo| {
            candidate.pid != listener
                && candidate.name.starts_with("sshd")
                && (own.contains(&candidate.pid) || process::holds_socket(candidate.pid, &inodes))
        };
        Ok(process::descendants(self.guard().pid()).into_iter().filter(serves).collect())
    }

    /// Cuts the node's connections: kills the `sshd` that serve them, so that TCP ends while the commands that
    /// they had started live on. Returns how many processes were killed.
    ///
    /// # Errors
    /// [`FleetError::Wait`] when they are not gone in time.
    pub fn cut_links(&self, node: usize) -> Result<usize, FleetError> {
        let children = self.sshd_children(node)?;
        kill_all(&children);
        self.wait_until_gone("cut connections to end", &children)?;
        Ok(children.len())
    }

    /// Stops the node like a power cut: listener, connections and what they started. Without an error it is
    /// sure that the port refuses connections.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] when the node shares its process with others.
    pub fn stop_node(&self, node: usize) -> Result<(), FleetError> {
        let process = self.own_process_of(node)?;
        let listener = process.pid.swap(0, Ordering::SeqCst);
        if listener == 0 {
            return Ok(());
        }
        let mut tree = process::descendants(listener);
        tree.extend(ProcessInfo::read(listener));
        // The listener goes first, so that it starts no new child meanwhile.
        tree.reverse();
        kill_all(&tree);
        self.wait_until_gone("node to stop", &tree)
    }

    /// Ends only the node's listener: new connections are refused, those that exist go on.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] when the node shares its process with others.
    pub fn stop_listener(&self, node: usize) -> Result<(), FleetError> {
        let listener = self.own_process_of(node)?.pid.swap(0, Ordering::SeqCst);
        match ProcessInfo::read(listener) {
            Some(process) if listener != 0 => {
                kill_all(std::slice::from_ref(&process));
                self.wait_until_gone("listener to stop", &[process])
            }
            _ => Ok(()),
        }
    }

    /// Starts a stopped node again, with the same address and keys.
    ///
    /// # Errors
    /// As [`super::FleetBuilder::start`].
    pub fn start_node(&self, node: usize) -> Result<(), FleetError> {
        let process = self.own_process_of(node)?;
        if process.pid.load(Ordering::SeqCst) != 0 {
            return Ok(());
        }
        self.launch(self.node(node)?.process)?;
        self.wait_for_all()
    }

    /// Freezes the node's listener and connections (SIGSTOP): TCP stays open and the kernel accepts, but nobody
    /// answers, as after a silent loss of the network. Commands go on. End it with [`Fleet::thaw_node`].
    ///
    /// # Errors
    /// [`FleetError::Invalid`] when the node shares its process with others.
    pub fn freeze_node(&self, node: usize) -> Result<(), FleetError> {
        self.signal_sshd(node, Signal::STOP)
    }

    /// Ends what [`Fleet::freeze_node`] began.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] when the node shares its process with others.
    pub fn thaw_node(&self, node: usize) -> Result<(), FleetError> {
        self.signal_sshd(node, Signal::CONT)
    }

    fn signal_sshd(&self, node: usize, signal: Signal) -> Result<(), FleetError> {
        let listener = self.own_process_of(node)?.pid.load(Ordering::SeqCst);
        let children = self.sshd_children(node)?;
        for pid in children.iter().map(|child| child.pid).chain([listener]) {
            send(pid, signal);
        }
        Ok(())
    }

    /// Whether nothing but listeners is left: no connection, no command, nothing that waits to be reaped.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        process::descendants(self.guard().pid()).len() == self.listeners()
    }

    /// CPU seconds that all `sshd` of the fleet and everything below them have used so far, ended ones included.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        // The guard waits for every listener and every orphan, so what has ended is in its children's time.
        let ended = ProcessInfo::read(self.guard().pid()).map(|guard| guard.children_cpu).unwrap_or_default();
        let alive: Duration =
            process::descendants(self.guard().pid()).iter().map(|process| process.cpu).sum();
        (ended + alive).as_secs_f64()
    }

    fn own_process_of(&self, node: usize) -> Result<&Process, FleetError> {
        let process = self.process_of(node)?;
        if process.addresses.len() == 1 {
            return Ok(process);
        }
        Err(FleetError::Invalid(format!("node {node} shares its sshd with others; use nodes_per_process(1)")))
    }

    fn wait_until_gone(&self, what: &str, processes: &[ProcessInfo]) -> Result<(), FleetError> {
        wait::until(what, END_LIMIT, || {
            processes.iter().all(|process| {
                // The name tells a process from one that was given its number anew.
                ProcessInfo::read(process.pid).is_none_or(|now| now.name != process.name || now.is_zombie())
            })
        })
        .map_err(FleetError::from)
    }
}

fn kill_all(processes: &[ProcessInfo]) {
    for process in processes {
        send(process.pid, Signal::KILL);
    }
}

fn send(pid: i32, signal: Signal) {
    // 0 and negative numbers would mean whole groups.
    if pid > 1
        && let Some(pid) = Pid::from_raw(pid)
    {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
