//! Where measurements stand: [`Registered`]. Each metric has a bounded number of values, whatever labels come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use pabawi_domain::metrics::{
    MetricFamily, MetricKind, MetricSample, MetricValue, MetricsSnapshot, OperationStats,
};

use super::families::{FAMILIES, FamilyInfo, Name};
use super::histogram::Histogram;

/// Most sets of labels of one metric. What comes beyond has `other` for its labels.
const MOST_SERIES: usize = 128;
/// The value of a label for which there is no room.
const OTHER: &str = "other";
/// Labels of one metric at most.
pub(crate) const MOST_LABELS: usize = 2;

/// All metrics with their values.
#[derive(Debug)]
pub(crate) struct Registered {
    families: Vec<RwLock<Vec<Series>>>,
}

#[derive(Debug)]
struct Series {
    labels: [Box<str>; MOST_LABELS],
    value: Arc<Value>,
}

#[derive(Debug)]
enum Value {
    Counter(AtomicU64),
    /// The bits of a number.
    Gauge(AtomicU64),
    Histogram(Box<Histogram>),
}

impl Registered {
    pub(crate) fn new() -> Self {
        Self { families: FAMILIES.iter().map(|_| RwLock::default()).collect() }
    }

    /// Adds to a counter.
    pub(crate) fn count(&self, name: Name, by: u64, labels: &[&str]) {
        self.with(name, labels, |value| {
            if let Value::Counter(count) = value {
                count.fetch_add(by, Ordering::Relaxed);
            }
        });
    }

    /// Sets a counter that is counted elsewhere.
    pub(crate) fn count_is(&self, name: Name, count: u64, labels: &[&str]) {
        self.with(name, labels, |value| {
            if let Value::Counter(own) = value {
                own.fetch_max(count, Ordering::Relaxed);
            }
        });
    }

    /// Sets a gauge.
    pub(crate) fn gauge(&self, name: Name, now: f64, labels: &[&str]) {
        self.with(name, labels, |value| {
            if let Value::Gauge(bits) = value {
                bits.store(now.to_bits(), Ordering::Relaxed);
            }
        });
    }

    /// Adds a time to a histogram.
    pub(crate) fn time(&self, name: Name, us: u64, labels: &[&str]) {
        self.with(name, labels, |value| {
            if let Value::Histogram(histogram) = value {
                histogram.add(us);
            }
        });
    }

    fn with(&self, name: Name, labels: &[&str], work: impl FnOnce(&Value)) {
        let place = name as usize;
        let (Some(family), Some(info)) = (self.families.get(place), FAMILIES.get(place)) else { return };
        let known = family.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = find(&known, labels) {
            return work(&series.value);
        }
        drop(known);
        work(&add(&mut family.write().unwrap_or_else(PoisonError::into_inner), info, labels));
    }

    /// How all of it stands.
    pub(crate) fn snapshot(&self, at: Timestamp) -> MetricsSnapshot {
        let families: Vec<MetricFamily> =
            FAMILIES.iter().zip(&self.families).map(|(info, series)| family(info, series)).collect();
        let operations = families.get(Name::Operation as usize).map(operations).unwrap_or_default();
        MetricsSnapshot { at, operations, families }
    }
}

fn find<'a>(all: &'a [Series], labels: &[&str]) -> Option<&'a Series> {
    let same = |series: &&Series| {
        let given = labels.iter().copied().chain(std::iter::repeat(""));
        series.labels.iter().zip(given).all(|(own, given)| **own == *given)
    };
    all.iter().find(same)
}

/// The series of these labels, or that of all others where there is no room for another one.
fn add(all: &mut Vec<Series>, info: &FamilyInfo, labels: &[&str]) -> Arc<Value> {
    let others = [OTHER; MOST_LABELS];
    let others = others.get(..info.labels.len()).unwrap_or_default();
    // Another thread may have made it meanwhile. One place is left for the others.
    let labels = if find(all, labels).is_none() && all.len() + 1 >= MOST_SERIES { others } else { labels };
    if let Some(series) = find(all, labels) {
        return Arc::clone(&series.value);
    }
    let value = Arc::new(match info.kind {
        MetricKind::Counter => Value::Counter(AtomicU64::new(0)),
        MetricKind::Gauge => Value::Gauge(AtomicU64::new(0)),
        MetricKind::Histogram => Value::Histogram(Box::new(Histogram::new())),
    });
    let own = std::array::from_fn(|place| Box::from(labels.get(place).copied().unwrap_or_default()));
    all.push(Series { labels: own, value: Arc::clone(&value) });
    value
}

fn family(info: &FamilyInfo, series: &RwLock<Vec<Series>>) -> MetricFamily {
    let series = series.read().unwrap_or_else(PoisonError::into_inner);
    let sample = |one: &Series| MetricSample {
        labels: info
            .labels
            .iter()
            .zip(&one.labels)
            .map(|(name, value)| ((*name).into(), (**value).into()))
            .collect(),
        value: match &*one.value {
            Value::Counter(count) => MetricValue::Number(count.load(Ordering::Relaxed) as f64),
            Value::Gauge(bits) => MetricValue::Number(f64::from_bits(bits.load(Ordering::Relaxed))),
            Value::Histogram(histogram) => MetricValue::Histogram(histogram.sample()),
        },
    };
    MetricFamily {
        name: info.name.to_owned(),
        kind: info.kind,
        help: info.help.to_owned(),
        samples: series.iter().map(sample).collect(),
    }
}

fn operations(family: &MetricFamily) -> Vec<OperationStats> {
    let stats = |sample: &MetricSample| {
        let MetricValue::Histogram(times) = &sample.value else { return None };
        let ms = |seconds: f64| seconds * 1000.0;
        Some(OperationStats {
            operation: sample.labels.values().next()?.clone(),
            count: times.count,
            avg_duration: ms(times.sum) / (times.count.max(1) as f64),
            min_duration: ms(times.min),
            max_duration: ms(times.max),
            total_duration: ms(times.sum),
            p50: ms(times.p50),
            p95: ms(times.p95),
            p99: ms(times.p99),
        })
    };
    let mut all: Vec<OperationStats> = family.samples.iter().filter_map(stats).collect();
    all.sort_by(|a, b| a.operation.cmp(&b.operation));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(registered: &Registered, name: Name) -> Vec<MetricSample> {
        registered.snapshot(Timestamp::UNIX_EPOCH).families[name as usize].samples.clone()
    }

    /// R8.7: however many labels come, memory is bounded, and nothing is lost from the sums.
    #[test]
    fn labels_beyond_the_bound_are_counted_together() {
        let registered = Registered::new();
        for number in 0..1000 {
            registered.count(Name::PluginCalls, 2, &[&format!("plugin{number}"), "worked"]);
        }
        let samples = samples(&registered, Name::PluginCalls);
        assert_eq!(samples.len(), MOST_SERIES);
        let sum: f64 = samples
            .iter()
            .map(|one| if let MetricValue::Number(value) = one.value { value } else { 0.0 })
            .sum();
        assert!((sum - 2000.0).abs() < f64::EPSILON);
        let other = samples.last().unwrap();
        assert!(other.labels["plugin"] == "other" && other.labels["result"] == "other", "{other:?}");
    }

    /// R5.7, R10.7: the shape that `PerformanceMonitorService` has.
    #[test]
    fn operations_are_told_in_milliseconds() {
        let registered = Registered::new();
        for us in [1_000, 2_000, 6_000] {
            registered.time(Name::Operation, us, &["ssh:command"]);
        }
        let snapshot = registered.snapshot(Timestamp::UNIX_EPOCH);
        let told = serde_json::to_value(&snapshot.operations).unwrap();
        assert_eq!(
            told,
            serde_json::json!([{
                "operation": "ssh:command", "count": 3, "avgDuration": 3.0, "minDuration": 1.0, "maxDuration": 6.0,
                "totalDuration": 9.0, "p50": 2.0, "p95": 6.0, "p99": 6.0,
            }])
        );
    }

    #[test]
    fn every_metric_has_as_many_labels_as_there_is_room_for() {
        assert!(FAMILIES.iter().all(|family| family.labels.len() <= MOST_LABELS));
        let registered = Registered::new();
        registered.gauge(Name::BreakersOpen, 1.5, &[]);
        registered.count_is(Name::Connects, 7, &["ssh"]);
        registered.count_is(Name::Connects, 5, &["ssh"]);
        assert_eq!(samples(&registered, Name::BreakersOpen)[0].value, MetricValue::Number(1.5));
        assert_eq!(samples(&registered, Name::Connects)[0].value, MetricValue::Number(7.0));
    }
}
