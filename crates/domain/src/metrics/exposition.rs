//! A snapshot as text for Prometheus, in its text format 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::snapshot::{HistogramSample, MetricFamily, MetricValue, MetricsSnapshot};

impl MetricsSnapshot {
    /// The text that Prometheus reads, with `HELP` and `TYPE` before each metric.
    pub fn to_prometheus(&self) -> String {
        let mut text = String::new();
        for family in self.families.iter().filter(|family| !family.samples.is_empty()) {
            write_family(&mut text, family);
        }
        text
    }
}

// Writing to a string cannot fail.
fn write_family(text: &mut String, family: &MetricFamily) {
    let name = &family.name;
    let _ = writeln!(text, "# HELP {name} {}", escaped(&family.help, false));
    let _ = writeln!(text, "# TYPE {name} {}", family.kind.as_str());
    for sample in &family.samples {
        match &sample.value {
            MetricValue::Number(value) => write_sample(text, name, "", &sample.labels, None, *value),
            MetricValue::Histogram(histogram) => write_histogram(text, name, &sample.labels, histogram),
        }
    }
}

fn write_histogram(
    text: &mut String,
    name: &str,
    labels: &BTreeMap<String, String>,
    histogram: &HistogramSample,
) {
    for bucket in &histogram.buckets {
        write_sample(text, name, "_bucket", labels, Some(&bucket.le.to_string()), bucket.count as f64);
    }
    write_sample(text, name, "_bucket", labels, Some("+Inf"), histogram.count as f64);
    write_sample(text, name, "_sum", labels, None, histogram.sum);
    write_sample(text, name, "_count", labels, None, histogram.count as f64);
}

fn write_sample(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &BTreeMap<String, String>,
    le: Option<&str>,
    value: f64,
) {
    let own = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<String> = own
        .chain(le.map(|le| ("le", le)))
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value, true)))
        .collect();
    let labels = if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) };
    let value = match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        value => value.to_string(),
    };
    let _ = writeln!(text, "{name}{suffix}{labels} {value}");
}

/// Backslash and line feed are escaped, and the quotation mark in values of labels.
fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::snapshot::{HistogramBucket, MetricKind, MetricSample};
    use super::*;

    /// R8.7
    #[test]
    fn the_text_is_as_prometheus_wants_it() {
        let labels = |value: &str| BTreeMap::from([("status".to_owned(), value.to_owned())]);
        let family = |name: &str, kind, samples| MetricFamily {
            name: name.into(),
            kind,
            help: "Says \\ this\nand that.".into(),
            samples,
        };
        let histogram = HistogramSample {
            count: 3,
            sum: 2.5,
            min: 0.1,
            max: 2.0,
            p50: 0.4,
            p95: 2.0,
            p99: 2.0,
            buckets: vec![HistogramBucket { le: 0.5, count: 2 }, HistogramBucket { le: 10.0, count: 3 }],
        };
        let number = |labels, value| MetricSample { labels, value: MetricValue::Number(value) };
        let all = vec![number(labels("a\"b\\c\nd"), 7.0), number(labels("e"), f64::INFINITY)];
        let times = MetricSample { labels: labels("x"), value: MetricValue::Histogram(histogram) };
        let snapshot = MetricsSnapshot {
            at: Timestamp::UNIX_EPOCH,
            operations: Vec::new(),
            families: vec![
                family("a_total", MetricKind::Counter, all),
                family("empty", MetricKind::Gauge, Vec::new()),
                family("b_seconds", MetricKind::Histogram, vec![times]),
            ],
        };
        let expected = r#"# HELP a_total Says \\ this\nand that.
# TYPE a_total counter
a_total{status="a\"b\\c\nd"} 7
a_total{status="e"} +Inf
# HELP b_seconds Says \\ this\nand that.
# TYPE b_seconds histogram
b_seconds_bucket{status="x",le="0.5"} 2
b_seconds_bucket{status="x",le="10"} 3
b_seconds_bucket{status="x",le="+Inf"} 3
b_seconds_sum{status="x"} 2.5
b_seconds_count{status="x"} 3
"#;
        assert_eq!(snapshot.to_prometheus(), expected);
    }
}
