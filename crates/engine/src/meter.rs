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
//! | `pabawi_breaker_changes_total` | count | `state` |
//! | `pabawi_breakers_open` | gauge | |

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pabawi_domain::ports::{Metric, MetricsSink};
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

    /// A breaker has changed its state, and so many are open.
    pub(crate) fn breaker(&self, state: &str, open: u64) {
        let labels = [("state", state)];
        self.record(Metric::Count { name: "pabawi_breaker_changes_total", by: 1, labels: &labels });
        self.record(Metric::Gauge { name: "pabawi_breakers_open", value: open as f64, labels: &[] });
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
