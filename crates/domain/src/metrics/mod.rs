//! Measurements as they are read: a [`MetricsSnapshot`], and the same as text for Prometheus.

mod exposition;
mod snapshot;

pub use snapshot::{
    HistogramBucket, HistogramSample, MetricFamily, MetricKind, MetricSample, MetricValue, MetricsSnapshot,
    OperationStats,
};
