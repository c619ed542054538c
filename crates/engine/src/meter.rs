//! What is measured, and when: [`Meter`]. Everything is kept in bounded memory for [`Engine::metrics`](crate::Engine::metrics)
//! and told to the host's [`MetricsSink`] where there is one. A sink that panics is left alone from then on and hurts no run.
//!
//! The metrics are [`FAMILIES`]. Gauges of transports are taken every second while something runs and somebody is told, and
//! whenever they are asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::action::ActionKind;
use pabawi_domain::metrics::MetricsSnapshot;
use pabawi_domain::output::{CapturedOutput, StreamKind};
use pabawi_domain::panic_guard::caught;
use pabawi_domain::phases::RunPhases;
use pabawi_domain::ports::{ConnectPhases, Metric, MetricsSink, PoolStats, ToolRunStats};
use pabawi_domain::summary::ExecutionSummary;

use crate::metrics::{FAMILIES, FamilyInfo, Name, PartStats, Registered};

/// Counts what sources of nodes and providers of facts answer, which is not asked by the engine.
#[derive(Clone)]
pub struct SourceMeter(Meter);

impl SourceMeter {
    pub(crate) fn new(meter: Meter) -> Self {
        Self(meter)
    }

    /// A source has answered one question; of a provider of facts each node is an answer. Sources are named `inventory:NAME` and
    /// `facts:NAME`.
    pub fn answered(&self, source: &str, worked: u64, failed: u64, took: Duration) {
        self.0.time(Name::Operation, took, &[source]);
        for (result, answers) in [("worked", worked), ("failed", failed)] {
            if answers > 0 {
                self.0.count(Name::SourceAnswers, answers, &[source, result]);
            }
        }
    }
}

/// Where measurements go.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Inner>);

struct Inner {
    registered: Registered,
    sink: Option<Arc<dyn MetricsSink>>,
    broken: AtomicBool,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new(None)
    }
}

/// Families of what is brought to the host: whether it works, what waits, what was written, left out, and failed.
const MIRROR: [Name; 5] =
    [Name::MirrorUp, Name::MirrorWaiting, Name::MirrorRows, Name::MirrorRefused, Name::MirrorFailures];
const HOST_JOURNAL: [Name; 5] = [
    Name::HostJournalUp,
    Name::HostJournalWaiting,
    Name::HostJournalEntries,
    Name::HostJournalRefused,
    Name::HostJournalFailures,
];

impl Meter {
    pub(crate) fn new(sink: Option<Arc<dyn MetricsSink>>) -> Self {
        Self(Arc::new(Inner { registered: Registered::new(), sink, broken: AtomicBool::new(false) }))
    }

    /// Whether a host is told.
    pub(crate) fn is_on(&self) -> bool {
        self.0.sink.is_some()
    }

    /// How all of it stands.
    pub(crate) fn snapshot(&self, at: Timestamp) -> MetricsSnapshot {
        self.0.registered.snapshot(at)
    }

    /// A node's run has ended (R8.7).
    pub(crate) fn node_run(&self, outcome: &str, took: Duration) {
        self.count(Name::NodeRuns, 1, &[outcome]);
        self.time(Name::NodeRunDuration, took, &[outcome]);
    }

    /// An attempt has ended that was made by this transport or plugin.
    pub(crate) fn attempt(&self, way: &str, kind: ActionKind, took: Duration) {
        self.time(Name::Operation, took, &[&format!("{way}:{}", kind.as_str())]);
    }

    /// How long a node waited in its execution until it was begun for the first time.
    pub(crate) fn queued(&self, waited: Duration) {
        self.time(Name::Phase, waited, &["queue"]);
    }

    /// How long each part of the connecting took.
    pub(crate) fn connected(&self, way: &str, phases: &ConnectPhases) {
        let each = phases.parts();
        each.into_iter().for_each(|(phase, us)| self.phase(phase, us));
        let all = each.into_iter().fold(0, |sum: u64, (_, us)| sum.saturating_add(us));
        self.time(Name::Operation, Duration::from_micros(all), &[&format!("{way}:connect")]);
    }

    /// How long each part of an attempt took.
    pub(crate) fn ran(&self, phases: &RunPhases) {
        phases.parts().into_iter().for_each(|(phase, us)| self.phase(phase, us));
    }

    fn phase(&self, phase: &str, us: u64) {
        self.time(Name::Phase, Duration::from_micros(us), &[phase]);
    }

    /// What a program on a node has printed.
    pub(crate) fn output(&self, stream: StreamKind, output: Option<&CapturedOutput>) {
        if let Some(output) = output {
            let stream = match stream {
                StreamKind::Stdout => "stdout",
                StreamKind::Stderr => "stderr",
            };
            self.count(Name::OutputBytes, output.total_bytes, &[stream]);
        }
    }

    /// So many bytes were given to a program on a node.
    pub(crate) fn input(&self, bytes: u64) {
        if bytes > 0 {
            self.count(Name::InputBytes, bytes, &[]);
        }
    }

    /// So many bytes of files were copied by an action of this kind.
    pub(crate) fn copied(&self, kind: ActionKind, bytes: u64) {
        self.count(Name::CopiedBytes, bytes, &[kind.as_str()]);
    }

    /// An attempt is followed by another one.
    pub(crate) fn retry(&self) {
        self.count(Name::Retries, 1, &[]);
    }

    /// An execution has ended (R5.7).
    pub(crate) fn execution(&self, kind: ActionKind, summary: &ExecutionSummary) {
        let (status, took) = (summary.status.as_str(), Duration::from_millis(summary.duration_ms));
        let counts = summary.progress;
        self.count(Name::Executions, 1, &[status]);
        self.time(Name::ExecutionDuration, took, &[status]);
        self.time(Name::Operation, took, &[&format!("execution:{}", kind.as_str())]);
        self.gauge(Name::ExecutionTargets, counts.total as f64, &[]);
        self.gauge(Name::SuccessRatio, counts.succeeded as f64 / counts.total.max(1) as f64, &[]);
        for (result, targets) in [
            ("succeeded", counts.succeeded),
            ("failed", counts.failed),
            ("cancelled", counts.cancelled),
            ("skipped", counts.skipped),
        ] {
            if targets > 0 {
                self.count(Name::Targets, targets, &[result]);
            }
        }
    }

    /// The authorizer has answered.
    pub(crate) fn authorized(&self, allowed: bool, took: Duration) {
        self.count(Name::Authorizations, 1, &[if allowed { "allowed" } else { "denied" }]);
        self.time(Name::AuthorizationDuration, took, &[]);
    }

    /// A plugin was called for something that is no run on nodes.
    pub(crate) fn plugin_call(&self, plugin: &str, capability: &str, worked: bool, took: Duration) {
        self.count(Name::PluginCalls, 1, &[plugin, if worked { "worked" } else { "failed" }]);
        self.time(Name::Operation, took, &[&format!("{plugin}:{capability}")]);
    }

    /// A transaction of the store with so many writes has ended.
    pub(crate) fn commit(&self, writes: u64, took: Duration, worked: bool) {
        self.gauge(Name::WritesPerCommit, writes as f64, &[]);
        self.count(Name::StoreCommits, 1, &[]);
        self.count(Name::StoreWrites, writes, &[]);
        self.time(Name::StoreDuration, took, &[]);
        self.time(Name::Operation, took, &["store:append"]);
        if !worked {
            self.count(Name::StoreFailures, 1, &[]);
        }
    }

    /// So many journal entries could not be written.
    pub(crate) fn entries_lost(&self, entries: u64) {
        self.count(Name::EntriesLost, entries, &[]);
    }

    /// Whether the store can write.
    pub(crate) fn store(&self, up: bool) {
        self.gauge(Name::StoreUp, f64::from(u8::from(up)), &[]);
    }

    /// A breaker has changed its state here.
    pub(crate) fn breaker(&self, state: &str) {
        self.count(Name::BreakerChanges, 1, &[state]);
    }

    /// So many breakers are open.
    pub(crate) fn breakers_open(&self, open: u64) {
        self.gauge(Name::BreakersOpen, open as f64, &[]);
    }

    /// Output in memory holds nodes back from now on, or no longer (R8.6).
    pub(crate) fn backpressure(&self, on: bool) {
        if on {
            self.count(Name::BackpressureTimes, 1, &[]);
        }
        self.gauge(Name::Backpressure, f64::from(u8::from(on)), &[]);
    }

    /// So many bytes of output are in memory, of so many.
    pub(crate) fn buffered(&self, used: usize, limit: usize) {
        self.gauge(Name::Buffered, used as f64, &[]);
        self.gauge(Name::BufferedLimit, limit as f64, &[]);
    }

    /// How much waits, and how much runs.
    pub(crate) fn queue(&self, (queued, live): (usize, usize), targets: usize, permits: (usize, usize)) {
        self.gauge(Name::QueuedExecutions, queued as f64, &[]);
        self.gauge(Name::LiveExecutions, live as f64, &[]);
        self.gauge(Name::PendingTargets, targets as f64, &[]);
        self.gauge(Name::PermitsInUse, permits.0 as f64, &[]);
        self.gauge(Name::Permits, permits.1 as f64, &[]);
    }

    /// How a transport's connections stand.
    pub(crate) fn transport(&self, name: &str, stats: PoolStats) {
        let gauge = |family, value: u64| self.gauge(family, value as f64, &[name]);
        gauge(Name::Connections, stats.open);
        gauge(Name::ConnectionsIdle, stats.idle);
        gauge(Name::ConnectsInFlight, stats.connecting);
        // A transport without a limit has none to show.
        if stats.connect_limit > 0 {
            gauge(Name::ConnectLimit, stats.connect_limit);
            gauge(Name::ConnectOverloads, stats.overloads);
        }
        // They are counted by the transport; a sink is told gauges only, which never go twice.
        let registered = &self.0.registered;
        registered.count_is(Name::Connects, stats.connects, &[name]);
        registered.count_is(Name::ConnectionHits, stats.hits, &[name]);
        registered.count_is(Name::ConnectionEvictions, stats.evictions, &[name]);
    }

    /// How often a tool was run, and for how many nodes (R8.3).
    pub(crate) fn tool_runs(&self, name: &str, stats: ToolRunStats) {
        let gauge = |family, value: u64| self.gauge(family, value as f64, &[name]);
        gauge(Name::ToolRuns, stats.runs);
        gauge(Name::ToolRunNodes, stats.nodes);
        gauge(Name::ToolRunNodesLast, stats.last);
        gauge(Name::ToolRunNodesLargest, stats.largest);
    }

    /// What parts beside the engine have counted. A sink is told of none of it.
    pub(crate) fn beside(&self, stats: &PartStats) {
        let registered = &self.0.registered;
        for (counts, [up, waiting, written, refused, failures]) in
            [(stats.mirror, MIRROR), (stats.host_journal, HOST_JOURNAL)]
        {
            let Some(counts) = counts else { continue };
            registered.gauge(up, f64::from(u8::from(counts.up)), &[]);
            registered.gauge(waiting, counts.waiting as f64, &[]);
            registered.count_is(written, counts.written, &[]);
            registered.count_is(refused, counts.refused, &[]);
            registered.count_is(failures, counts.failures, &[]);
        }
        if let Some(retention) = stats.retention {
            registered.count_is(Name::RetentionRuns, retention.worked, &["worked"]);
            registered.count_is(Name::RetentionRuns, retention.failed, &["failed"]);
            for (what, removed) in [
                ("entries", retention.entries),
                ("executions", retention.executions),
                ("outputs", retention.outputs),
            ] {
                registered.count_is(Name::RetentionRemoved, removed, &[what]);
            }
        }
        if let Some(log) = stats.log {
            registered.count_is(Name::LogRecords, log.delivered, &[]);
            registered.count_is(Name::LogDropped, log.dropped, &[]);
            registered.count_is(Name::LogPanics, log.panics, &[]);
        }
    }

    fn count(&self, name: Name, by: u64, labels: &[&str]) {
        self.0.registered.count(name, by, labels);
        self.tell(name, labels, |name, labels| Metric::Count { name, by, labels });
    }

    fn gauge(&self, name: Name, value: f64, labels: &[&str]) {
        self.0.registered.gauge(name, value, labels);
        self.tell(name, labels, |name, labels| Metric::Gauge { name, value, labels });
    }

    fn time(&self, name: Name, took: Duration, labels: &[&str]) {
        self.0.registered.time(name, u64::try_from(took.as_micros()).unwrap_or(u64::MAX), labels);
        let seconds = took.as_secs_f64();
        self.tell(name, labels, |name, labels| Metric::Duration { name, seconds, labels });
    }

    /// Tells the host.
    fn tell(
        &self,
        name: Name,
        values: &[&str],
        metric: impl for<'a> FnOnce(&'a str, &'a [(&'a str, &'a str)]) -> Metric<'a>,
    ) {
        let Some(sink) = &self.0.sink else { return };
        if self.0.broken.load(Ordering::Relaxed) {
            return;
        }
        let Some(FamilyInfo { name, labels, .. }) = FAMILIES.get(name as usize) else { return };
        let labels: Vec<(&str, &str)> = labels.iter().copied().zip(values.iter().copied()).collect();
        if caught(|| sink.record(metric(name, &labels))).is_err()
            && !self.0.broken.swap(true, Ordering::Relaxed)
        {
            tracing::error!("the metrics sink panicked and gets no more measurements");
        }
    }
}
