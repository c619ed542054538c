//! The host's performance monitor: [`JsMetrics`] tells it how long operations took, under the names of `Framework::metrics`.

use std::collections::BTreeMap;
use std::sync::Arc;

use pabawi::ports::{Metric, MetricsSink};
use serde::Serialize;

use crate::framework::feed::Feed;

/// The family whose measurements are those of operations, and its label.
const FAMILY: &str = "pabawi_operation_duration_seconds";
const OPERATION: &str = "operation";

/// A sink that fills a feed.
pub(in crate::framework) struct JsMetrics {
    feed: Arc<Feed>,
}

/// What `PerformanceMonitorService.recordMetric` takes, but for the time, which the host adds.
#[derive(Debug, Serialize)]
struct Measured<'a> {
    operation: &'a str,
    /// Milliseconds.
    duration: f64,
    metadata: BTreeMap<&'a str, &'a str>,
}

impl JsMetrics {
    pub(in crate::framework) fn new(feed: Arc<Feed>) -> Self {
        Self { feed }
    }
}

impl MetricsSink for JsMetrics {
    fn record(&self, metric: Metric<'_>) {
        let Metric::Duration { name: FAMILY, seconds, labels } = metric else { return };
        let Some((_, operation)) = labels.iter().find(|(name, _)| *name == OPERATION) else { return };
        let metadata = labels.iter().copied().filter(|(name, _)| *name != OPERATION).collect();
        self.feed.push(&Measured { operation, duration: seconds * 1_000.0, metadata });
    }
}
