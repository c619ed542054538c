//! What is measured: [`Meter`], the only way to the port [`MetricsSink`]. Without a sink it does nothing; a sink that
//! panics is left alone from then on and hurts no run.
//!
//! | name | kind | labels |
//! |---|---|---|
//! | `pabawi_executions_total` | count | `status` |
//! | `pabawi_execution_duration_seconds` | duration | `status` |
//! | `pabawi_execution_targets` | gauge | |
//! | `pabawi_execution_success_ratio` | gauge | |
//! | `pabawi_node_runs_total` | count | `outcome` |
//! | `pabawi_node_run_duration_seconds` | duration | `outcome` |
//! | `pabawi_retries_total` | count | |
//! | `pabawi_store_writes_per_commit` | gauge | |
//! | `pabawi_breaker_changes_total` | count | `state` |
//! | `pabawi_breakers_open` | gauge | |
//! | `pabawi_backpressure` | gauge | |
//! | `pabawi_backpressure_total` | count | |
//! | `pabawi_buffered_output_bytes` | gauge | |
//! | `pabawi_connections` | gauge | `transport` |
//! | `pabawi_connects_in_flight` | gauge | `transport` |
//! | `pabawi_connect_limit` | gauge | `transport` |
//! | `pabawi_connect_overloads` | gauge | `transport` |
//! | `pabawi_tool_runs` | gauge | `transport` |
//! | `pabawi_tool_run_nodes` | gauge | `transport` |
//! | `pabawi_tool_run_nodes_last` | gauge | `transport` |
//! | `pabawi_tool_run_nodes_largest` | gauge | `transport` |
//!
//! `pabawi_backpressure` is 1 while output in memory holds nodes back, else 0; the count is that of the times at which it
//! was told that it had begun. The gauges below it are taken every second while something runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pabawi_domain::ports::{Metric, MetricsSink, PoolStats, ToolRunStats};
use pabawi_domain::summary::ExecutionSummary;

/// The way to the host's metrics.
#[derive(Clone, Default)]
pub(crate) struct Meter(Option<Arc<Watched>>);

struct Watched {
    sink: Arc<dyn MetricsSink>,
    broken: AtomicBool,
}

impl Meter {
    pub(crate) fn new(sink: Option<Arc<dyn MetricsSink>>) -> Self {
        Self(sink.map(|sink| Arc::new(Watched { sink, broken: AtomicBool::new(false) })))
    }

    /// Whether anybody is told.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A node's run has ended (R8.7).
    pub(crate) fn node_run(&self, outcome: &str, seconds: f64) {
        let labels = [("outcome", outcome)];
        self.record(Metric::Count { name: "pabawi_node_runs_total", by: 1, labels: &labels });
        self.record(Metric::Duration { name: "pabawi_node_run_duration_seconds", seconds, labels: &labels });
    }

    /// An attempt is followed by another one.
    pub(crate) fn retry(&self) {
        self.record(Metric::Count { name: "pabawi_retries_total", by: 1, labels: &[] });
    }

    /// An execution has ended (R5.7).
    pub(crate) fn execution(&self, summary: &ExecutionSummary) {
        let labels = [("status", summary.status.as_str())];
        let seconds = summary.duration_ms as f64 / 1000.0;
        let total = summary.progress.total as f64;
        let ratio = summary.progress.succeeded as f64 / total.max(1.0);
        self.record(Metric::Count { name: "pabawi_executions_total", by: 1, labels: &labels });
        self.record(Metric::Duration { name: "pabawi_execution_duration_seconds", seconds, labels: &labels });
        self.record(Metric::Gauge { name: "pabawi_execution_targets", value: total, labels: &[] });
        self.record(Metric::Gauge { name: "pabawi_execution_success_ratio", value: ratio, labels: &[] });
    }

    /// So many writes go into one transaction of the store.
    pub(crate) fn commit(&self, writes: u64) {
        let name = "pabawi_store_writes_per_commit";
        self.record(Metric::Gauge { name, value: writes as f64, labels: &[] });
    }

    /// A breaker has changed its state here.
    pub(crate) fn breaker(&self, state: &str) {
        let labels = [("state", state)];
        self.record(Metric::Count { name: "pabawi_breaker_changes_total", by: 1, labels: &labels });
    }

    /// So many breakers are open.
    pub(crate) fn breakers_open(&self, open: u64) {
        self.record(Metric::Gauge { name: "pabawi_breakers_open", value: open as f64, labels: &[] });
    }

    /// Output in memory holds nodes back from now on, or no longer (R8.6).
    pub(crate) fn backpressure(&self, on: bool) {
        if on {
            self.record(Metric::Count { name: "pabawi_backpressure_total", by: 1, labels: &[] });
        }
        let value = f64::from(u8::from(on));
        self.record(Metric::Gauge { name: "pabawi_backpressure", value, labels: &[] });
    }

    /// So many bytes of output are in memory.
    pub(crate) fn buffered(&self, bytes: usize) {
        self.record(Metric::Gauge { name: "pabawi_buffered_output_bytes", value: bytes as f64, labels: &[] });
    }

    /// How a transport's connections stand.
    pub(crate) fn transport(&self, name: &str, stats: PoolStats) {
        let labels = [("transport", name)];
        let gauge =
            |name, value: u64| self.record(Metric::Gauge { name, value: value as f64, labels: &labels });
        gauge("pabawi_connections", stats.open);
        gauge("pabawi_connects_in_flight", stats.connecting);
        // A transport without a limit has none to show.
        if stats.connect_limit > 0 {
            gauge("pabawi_connect_limit", stats.connect_limit);
            gauge("pabawi_connect_overloads", stats.overloads);
        }
    }

    /// How often a tool was run, and for how many nodes (R8.3).
    pub(crate) fn tool_runs(&self, name: &str, stats: ToolRunStats) {
        let labels = [("transport", name)];
        let gauge =
            |name, value: u64| self.record(Metric::Gauge { name, value: value as f64, labels: &labels });
        gauge("pabawi_tool_runs", stats.runs);
        gauge("pabawi_tool_run_nodes", stats.nodes);
        gauge("pabawi_tool_run_nodes_last", stats.last);
        gauge("pabawi_tool_run_nodes_largest", stats.largest);
    }

    fn record(&self, metric: Metric<'_>) {
        let Some(watched) = &self.0 else { return };
        if watched.broken.load(Ordering::Relaxed) {
            return;
        }
        if catch_unwind(AssertUnwindSafe(|| watched.sink.record(metric))).is_err()
            && !watched.broken.swap(true, Ordering::Relaxed)
        {
            tracing::error!("the metrics sink panicked and gets no more measurements");
        }
    }
}
