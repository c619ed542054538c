//! All measurements of a framework at one time: [`MetricsSnapshot`]. Plain data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All measurements at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsSnapshot {
    /// When.
    pub at: Timestamp,
    /// What `PerformanceMonitorService.getStatistics` of Pabawi tells, by the names of operations.
    pub operations: Vec<OperationStats>,
    /// Every metric, in the order of the documentation; one that has no sample yet has none here.
    pub families: Vec<MetricFamily>,
}

/// How long an operation took, in milliseconds, in the shape of Pabawi's `PerformanceMonitorService`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationStats {
    /// Who does what: `ssh:command`, `store:append`.
    pub operation: String,
    /// How often.
    pub count: u64,
    /// The mean.
    pub avg_duration: f64,
    /// The shortest.
    pub min_duration: f64,
    /// The longest.
    pub max_duration: f64,
    /// All together.
    pub total_duration: f64,
    /// Half of them took at most so long; as precise as the buckets, about 12 %.
    pub p50: f64,
    /// 95 of 100 took at most so long.
    pub p95: f64,
    /// 99 of 100 took at most so long.
    pub p99: f64,
}

/// One metric with its samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricFamily {
    /// Its name, which ends in its unit: `pabawi_node_run_duration_seconds`.
    pub name: String,
    /// What kind it is.
    pub kind: MetricKind,
    /// What it says, in one sentence.
    pub help: String,
    /// One for each set of labels.
    pub samples: Vec<MetricSample>,
}

/// The kinds of metrics, as Prometheus has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MetricKind {
    /// Goes up only.
    Counter,
    /// How it stands now.
    Gauge,
    /// How often values were how large.
    Histogram,
}

impl MetricKind {
    /// Its word in Prometheus' text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricSample {
    /// Its labels by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: MetricValue,
}

/// A number, or a histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MetricValue {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(HistogramSample),
}

/// How often values were how large, in the unit of the metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistogramSample {
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest; 0 without values.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Half of them were at most so large.
    pub p50: f64,
    /// 95 of 100 were at most so large.
    pub p95: f64,
    /// 99 of 100 were at most so large.
    pub p99: f64,
    /// How many were at most how large, for a few sizes that never change.
    pub buckets: Vec<HistogramBucket>,
}

/// How many values were at most so large.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistogramBucket {
    /// So large.
    pub le: f64,
    /// So many, those of the smaller buckets included.
    pub count: u64,
}
