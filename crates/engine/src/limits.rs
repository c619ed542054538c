//! Every limit of the engine as a value with a default: [`EngineLimits`]. Nothing is limited elsewhere.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use garde::Validate;
use pabawi_domain::id::GroupName;
use pabawi_domain::resilience::BreakerPolicy;
use pabawi_domain::validation::ValidationError;

/// The engine's limits (R8.2). `Default` gives the documented values.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineLimits {
    /// Node runs at once, over all executions. 200.
    pub max_node_runs: usize,
    /// Node runs at once of an execution that asks for nothing else. 100.
    pub default_concurrency: u32,
    /// Executions that may start nodes at once; the others wait in the queue. 64.
    pub max_running_executions: usize,
    /// Executions in the queue; one more is refused with `queue_full`. 10,000. Each costs about 30 KiB and
    /// what its targets need, about 250 bytes each.
    pub max_queued_executions: usize,
    /// Targets that wait or run, over all executions; a submission beyond is refused with `queue_full`.
    /// 2,000,000.
    pub max_pending_targets: usize,
    /// Targets of one execution; more are refused as invalid. 1,000,000.
    pub max_targets: usize,
    /// First bytes kept of each stream without debug mode. 64 KiB.
    pub output_head_bytes: usize,
    /// Last bytes kept of each stream without debug mode. 64 KiB.
    pub output_tail_bytes: usize,
    /// Bytes of each stream whose output events go into the store; later ones are only seen live. 64 KiB.
    pub stored_output_event_bytes: u64,
    /// In debug mode, bytes of a stream held in memory before it is written to a file. 1 MiB.
    pub debug_memory_bytes: usize,
    /// Directory of those files, made with mode 0700 when first needed. A directory of this process below
    /// the system's directory for temporary files. Best on the same file system as the store, which takes
    /// the files over.
    pub spill_dir: PathBuf,
    /// How long an authorizer may think; then it denies. 5 s.
    pub authorizer_timeout: Duration,
    /// The limit of a connect for requests that name none. 10 s.
    pub connect_timeout: Duration,
    /// How much longer than its limit a transport may take to connect, since it may have to wait for a
    /// permit of its own first. Then it is given up. 60 s.
    pub connect_slack: Duration,
    /// Time between SIGTERM and SIGKILL where the caller named none. 2 s.
    pub termination_grace: Duration,
    /// How much longer than the grace a transport may take to report a termination. Then it counts as
    /// unconfirmed. 30 s.
    pub termination_slack: Duration,
    /// Events of a running execution held in memory for its subscribers. 4,096.
    pub event_ring: usize,
    /// Bytes of output in these events. 1 MiB.
    pub event_ring_bytes: usize,
    /// Bytes of output of one execution on the way from its nodes to its event stream. 2 MiB.
    pub output_in_flight_bytes: usize,
    /// Bytes of output in memory, over all executions: what is kept of the outputs of runs, what is on the way to event
    /// streams and the store, and what is held for subscribers. Above three quarters of it nodes are read no further and
    /// none is started, until it is down to a half. Beyond it come one or two pieces of output for each node that runs,
    /// what one run of each execution keeps, and what a transport itself holds for nodes that are not read (up to
    /// 512 KiB each for SSH). `None`: a quarter ([`EngineLimits::MEMORY_SHARE`]) of the memory that this process may
    /// use, which is the limit of its cgroup (version 2) or else the machine's, but no less than 16 MiB and no more than
    /// 1 GiB ([`EngineLimits::MEMORY_BOUNDS`]).
    pub output_memory_bytes: Option<usize>,
    /// Writes in one transaction of the store. 1,000.
    pub commit_writes: usize,
    /// When a transport is no longer asked: its own faults count (it panics, hangs, answers nonsense), not nodes
    /// that are down. 5 failures within 60 s, for 30 s.
    pub plugin_breaker: Option<BreakerPolicy>,
    /// When a node is no longer asked: that it cannot be reached or refuses the login counts, not what a command does
    /// there. `None`: always.
    pub node_breaker: Option<BreakerPolicy>,
    /// When the nodes of a group are no longer asked: so many different nodes of it count whose failures
    /// [`EngineLimits::node_breaker`] would count. `None`: always.
    pub group_breaker: Option<BreakerPolicy>,
    /// The groups that have such a breaker; all of them when empty.
    pub breaker_groups: BTreeSet<GroupName>,
    /// How often changes of breakers by other processes are looked for, while something runs here. 1 s.
    pub breaker_poll: Duration,
    /// How long a plan can be applied. 7 days.
    pub plan_lifetime: Duration,
    /// Targets of a plan that is stored; more are refused as invalid. 100,000. Each takes about 400 bytes in the store.
    pub plan_targets: usize,
    /// How long the authorizer may take for its answers about all single nodes of a plan; those that have not come
    /// deny. 60 s.
    pub plan_permissions_timeout: Duration,
    /// How often requests of other processes to cancel are looked for, while something runs here. 300 ms.
    pub cancel_poll: Duration,
    /// How often the store is asked for news of an execution that another process runs. 300 ms.
    pub follow_poll: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            max_node_runs: 200,
            default_concurrency: 100,
            max_running_executions: 64,
            max_queued_executions: 10_000,
            max_pending_targets: 2_000_000,
            max_targets: 1_000_000,
            output_head_bytes: 64 * 1024,
            output_tail_bytes: 64 * 1024,
            stored_output_event_bytes: 64 * 1024,
            debug_memory_bytes: 1024 * 1024,
            spill_dir: std::env::temp_dir().join(format!("pabawi-spill-{}", std::process::id())),
            authorizer_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            connect_slack: Duration::from_secs(60),
            termination_grace: Duration::from_secs(2),
            termination_slack: Duration::from_secs(30),
            event_ring: 4096,
            event_ring_bytes: 1024 * 1024,
            output_in_flight_bytes: 2 * 1024 * 1024,
            output_memory_bytes: None,
            commit_writes: 1000,
            plugin_breaker: Some(BreakerPolicy::default()),
            node_breaker: None,
            group_breaker: None,
            breaker_groups: BTreeSet::new(),
            breaker_poll: Duration::from_secs(1),
            plan_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            plan_targets: 100_000,
            plan_permissions_timeout: Duration::from_secs(60),
            cancel_poll: Duration::from_millis(300),
            follow_poll: Duration::from_millis(300),
        }
    }
}

impl EngineLimits {
    /// The default of [`EngineLimits::output_memory_bytes`] is this part of the memory that there is: one of four.
    pub const MEMORY_SHARE: u64 = 4;
    /// The least and the most that this default can be, in bytes. The least also holds where the system does not tell
    /// how much memory there is.
    pub const MEMORY_BOUNDS: (u64, u64) = (16 * 1024 * 1024, 1024 * 1024 * 1024);

    /// The budget for output in memory, in bytes, where the process may use so much.
    pub(crate) fn output_memory(&self, available: impl FnOnce() -> Option<u64>) -> usize {
        let (least, most) = Self::MEMORY_BOUNDS;
        self.output_memory_bytes.unwrap_or_else(|| {
            let share = available().unwrap_or(0) / Self::MEMORY_SHARE;
            usize::try_from(share.clamp(least, most)).unwrap_or(usize::MAX)
        })
    }

    /// The highest value of the limits that are numbers of runs and targets: they are kept in 32 bits.
    const MOST: usize = 100_000_000;

    /// Checks that every limit lets something through.
    ///
    /// # Errors
    /// [`ValidationError`] with every bad limit.
    pub fn check(&self) -> Result<(), ValidationError> {
        let mut faults = ValidationError::default();
        for (name, value) in [
            ("limits.maxNodeRuns", self.max_node_runs),
            ("limits.maxRunningExecutions", self.max_running_executions),
            ("limits.maxQueuedExecutions", self.max_queued_executions),
            ("limits.maxPendingTargets", self.max_pending_targets),
            ("limits.maxTargets", self.max_targets),
            ("limits.planTargets", self.plan_targets),
            ("limits.eventRing", self.event_ring),
            ("limits.eventRingBytes", self.event_ring_bytes),
            ("limits.outputInFlightBytes", self.output_in_flight_bytes),
            ("limits.commitWrites", self.commit_writes),
        ] {
            if value == 0 || value > Self::MOST {
                faults.push(name, format!("must be 1 to {}", Self::MOST));
            }
        }
        if self.output_memory_bytes == Some(0) {
            faults.push("limits.outputMemoryBytes", "must be at least 1");
        }
        if self.default_concurrency == 0 {
            faults.push("limits.defaultConcurrency", "must be at least 1");
        }
        for (name, value) in [
            ("limits.authorizerTimeout", self.authorizer_timeout),
            ("limits.connectTimeout", self.connect_timeout),
            ("limits.planLifetime", self.plan_lifetime),
            ("limits.planPermissionsTimeout", self.plan_permissions_timeout),
            ("limits.cancelPoll", self.cancel_poll),
            ("limits.followPoll", self.follow_poll),
            ("limits.breakerPoll", self.breaker_poll),
        ] {
            if value.is_zero() {
                faults.push(name, "must be longer than 0");
            }
        }
        if self.group_breaker.is_none() && !self.breaker_groups.is_empty() {
            faults.push("limits.breakerGroups", "needs limits.groupBreaker, which says when theirs open");
        }
        for (name, policy) in [
            ("limits.pluginBreaker", &self.plugin_breaker),
            ("limits.nodeBreaker", &self.node_breaker),
            ("limits.groupBreaker", &self.group_breaker),
        ] {
            let Some(Err(report)) = policy.as_ref().map(Validate::validate) else { continue };
            for field in ValidationError::from_report(&report).fields {
                faults.push(format!("{name}.{}", field.path), field.message);
            }
        }
        faults.into_result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R8.2
    #[test]
    fn the_defaults_are_good_and_zero_is_named() {
        EngineLimits::default().check().unwrap();
        let bad = EngineLimits { max_node_runs: 0, cancel_poll: Duration::ZERO, ..EngineLimits::default() };
        let paths: Vec<String> =
            bad.check().unwrap_err().fields.into_iter().map(|field| field.path).collect();
        assert_eq!(paths, ["limits.maxNodeRuns", "limits.cancelPoll"]);
    }

    /// R7.7
    #[test]
    fn bad_policies_of_breakers_are_named() {
        let group = GroupName::new("dc1").unwrap();
        let groups = EngineLimits { breaker_groups: BTreeSet::from([group]), ..EngineLimits::default() };
        let told = groups.check().unwrap_err().to_string();
        assert!(
            told.contains("limits.breakerGroups") && told.contains("needs limits.groupBreaker"),
            "{told}"
        );
        let policy = |failures| Some(BreakerPolicy { failures, ..BreakerPolicy::default() });
        EngineLimits { group_breaker: policy(1), ..groups.clone() }.check().unwrap();
        let told = EngineLimits { group_breaker: policy(0), ..groups }.check().unwrap_err().to_string();
        assert!(told.contains("limits.groupBreaker.failures"), "{told}");
    }

    /// R8.6
    #[test]
    fn the_memory_for_output_is_a_share_within_bounds() {
        const MIB: u64 = 1024 * 1024;
        let budget = |available| EngineLimits::default().output_memory(|| available) as u64;
        assert_eq!(budget(Some(512 * MIB)), 128 * MIB);
        assert_eq!(budget(Some(20 * MIB)), 16 * MIB);
        assert_eq!(budget(Some(u64::MAX)), 1024 * MIB);
        assert_eq!(budget(None), 16 * MIB);
        let own = EngineLimits { output_memory_bytes: Some(7), ..EngineLimits::default() };
        assert_eq!(own.output_memory(|| None), 7);
        assert!(EngineLimits { output_memory_bytes: Some(0), ..own }.check().is_err());
    }
}
