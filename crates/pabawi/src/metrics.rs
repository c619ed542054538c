//! Measurements: what [`Framework::metrics`](crate::Framework::metrics) tells, and every metric that there is.

pub use pabawi_domain::metrics::{
    HistogramBucket, HistogramSample, MetricFamily, MetricKind, MetricSample, MetricValue, MetricsSnapshot,
    OperationStats,
};
pub use pabawi_domain::ports::{Metric, MetricsSink};
pub use pabawi_engine::{FAMILIES, FamilyInfo};
