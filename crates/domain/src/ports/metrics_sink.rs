//! Port [`MetricsSink`]: where measurements go. Best effort, like the log.

/// Takes measurements.
pub trait MetricsSink: Send + Sync + 'static {
    /// Takes one measurement without blocking.
    fn record(&self, metric: Metric<'_>);
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Metric<'a> {
    /// Something happened so many times.
    Count {
        /// Name in Prometheus' style: `pabawi_nodes_total`.
        name: &'a str,
        /// How often.
        by: u64,
        /// Labels.
        labels: &'a [(&'a str, &'a str)],
    },
    /// Something has this size now.
    Gauge {
        /// Name.
        name: &'a str,
        /// Size.
        value: f64,
        /// Labels.
        labels: &'a [(&'a str, &'a str)],
    },
    /// Something took so long.
    Duration {
        /// Name.
        name: &'a str,
        /// Seconds.
        seconds: f64,
        /// Labels.
        labels: &'a [(&'a str, &'a str)],
    },
}
