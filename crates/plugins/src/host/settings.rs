//! Limits of the host: [`HostSettings`].

use std::time::Duration;

use super::run::BatchLimits;

/// So long after the last node has asked for a tool no other one is expected.
const QUIET: Duration = Duration::from_millis(2);

/// Limits of a host of plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostSettings {
    /// What a plugin is given to get ready; 30 s by default.
    pub initialize_timeout: Duration,
    /// What it is given to say how it is; 10 s by default.
    pub health_timeout: Duration,
    /// Time between two rounds of asking how all are; 5 min by default.
    pub health_interval: Duration,
    /// Time until the next round when one of them is not well; 1 min by default.
    pub health_retry: Duration,
    /// What a plugin is given to let go of what it holds, after its last run; 10 s by default.
    pub shutdown_timeout: Duration,
    /// What it is given to start its tool; 60 s by default.
    pub start_timeout: Duration,
    /// What it is given to answer a call, where the capability says nothing; 60 s by default.
    pub call_timeout: Duration,
    /// Calls that it is given at the same time; further ones wait, each as long as it may take; 64 by default.
    pub max_calls: usize,
    /// Bytes that an answer may take when it is written down, about; 64 MiB by default.
    pub max_result_bytes: usize,
    /// What its inventory is given to list its nodes; 30 s by default.
    pub inventory_timeout: Duration,
    /// What its facts are given for one call about many nodes; 10 min by default.
    pub facts_timeout: Duration,
    /// Most nodes, and most groups, that are taken of its inventory; 1,000,000 by default.
    pub max_inventory_nodes: usize,
    /// Most nodes in one run of a tool; 1,000 by default.
    pub max_nodes_per_run: usize,
    /// The longest wait of a node for others to be taken into the same run; 1 s by default.
    pub longest_wait: Duration,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            initialize_timeout: Duration::from_secs(30),
            health_timeout: Duration::from_secs(10),
            health_interval: Duration::from_secs(300),
            health_retry: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(10),
            start_timeout: Duration::from_secs(60),
            call_timeout: Duration::from_secs(60),
            max_calls: 64,
            max_result_bytes: 64 * 1024 * 1024,
            inventory_timeout: Duration::from_secs(30),
            facts_timeout: Duration::from_secs(600),
            max_inventory_nodes: 1_000_000,
            max_nodes_per_run: 1_000,
            longest_wait: Duration::from_secs(1),
        }
    }
}

impl HostSettings {
    pub(super) fn batch(&self) -> BatchLimits {
        BatchLimits { most: self.max_nodes_per_run.max(1), quiet: QUIET, longest: self.longest_wait }
    }
}
