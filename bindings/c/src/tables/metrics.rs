//! Measurements for the program: [`TableMetrics`]. They are taken where things happen, which must not wait, so they are put into a
//! bounded queue and told in batches on a thread for functions of the program. What there is no room for is counted, and told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pabawi::ports::{Metric, MetricsSink};
use serde::Serialize;

use super::Told;
use super::gate::Gate;
use crate::callbacks::Callbacks;

/// Measurements that may wait.
const WAITING: usize = 16_384;
/// Measurements that are told at once.
const AT_ONCE: usize = 1_000;
/// What tells of measurements that were lost.
const LOST: &str = "pabawi_sink_measurements_lost_total";

/// A function of the program.
pub(super) struct TableMetrics {
    gate: Arc<Gate<dyn Told>>,
    callbacks: Arc<Callbacks>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<String>,
    lost: u64,
    /// Somebody tells what waits, or is about to.
    is_told: bool,
}

/// As it crosses.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Written<'a> {
    Count { name: &'a str, by: u64, labels: BTreeMap<&'a str, &'a str> },
    Gauge { name: &'a str, value: f64, labels: BTreeMap<&'a str, &'a str> },
    Duration { name: &'a str, seconds: f64, labels: BTreeMap<&'a str, &'a str> },
}

impl TableMetrics {
    pub(super) fn new(gate: Arc<Gate<dyn Told>>, callbacks: Arc<Callbacks>) -> Self {
        Self { gate, callbacks, queue: Arc::default() }
    }
}

impl MetricsSink for TableMetrics {
    fn record(&self, metric: Metric<'_>) {
        let Some(text) = written(metric) else { return };
        let mut queue = lock(&self.queue);
        if queue.waiting.len() >= WAITING {
            queue.lost += 1;
            return;
        }
        queue.waiting.push_back(text);
        if std::mem::replace(&mut queue.is_told, true) {
            return;
        }
        drop(queue);
        let (queue, gate) = (Arc::clone(&self.queue), Arc::clone(&self.gate));
        self.callbacks.run(move || tell(&queue, &gate));
    }
}

fn written(metric: Metric<'_>) -> Option<String> {
    let written = match metric {
        Metric::Count { name, by, labels } => {
            serde_json::to_string(&Written::Count { name, by, labels: labelled(labels) })
        }
        Metric::Gauge { name, value, labels } => {
            serde_json::to_string(&Written::Gauge { name, value, labels: labelled(labels) })
        }
        Metric::Duration { name, seconds, labels } => {
            serde_json::to_string(&Written::Duration { name, seconds, labels: labelled(labels) })
        }
        // A kind that this library does not know yet.
        _ => return None,
    };
    written.ok()
}

fn labelled<'a>(labels: &'a [(&'a str, &'a str)]) -> BTreeMap<&'a str, &'a str> {
    labels.iter().copied().collect()
}

/// Tells what waits until nothing does.
fn tell(queue: &Mutex<Queue>, gate: &Gate<dyn Told>) {
    // Each turn tells a batch, or is the last.
    loop {
        let batch = {
            let mut queue = lock(queue);
            let many = queue.waiting.len().min(AT_ONCE);
            let mut batch: Vec<String> = queue.waiting.drain(..many).collect();
            let lost = std::mem::take(&mut queue.lost);
            if lost > 0 {
                batch.extend(written(Metric::Count { name: LOST, by: lost, labels: &[] }));
            }
            if batch.is_empty() {
                queue.is_told = false;
                return;
            }
            batch
        };
        if let Some(told) = gate.enter() {
            told.tell(&format!("[{}]", batch.join(",")));
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // Nothing under this lock can panic half way.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::tables::gate::Close as _;

    const LONG: Duration = Duration::from_secs(30);

    struct Slow {
        seen: Sender<Value>,
        go: Mutex<Receiver<()>>,
    }

    impl Told for Slow {
        fn tell(&self, text: &str) {
            self.seen.send(serde_json::from_str(text).unwrap()).unwrap();
            let _ = self.go.lock().unwrap().recv();
        }
    }

    #[test]
    fn a_slow_sink_holds_up_nobody_and_is_told_what_was_lost() {
        let callbacks = Arc::new(Callbacks::new().unwrap());
        let (seen, batches) = channel();
        let (go, wait) = channel();
        let gate: Arc<Gate<dyn Told>> = Gate::new();
        gate.open(Arc::new(Slow { seen, go: Mutex::new(wait) }));
        let sink = TableMetrics::new(Arc::clone(&gate), Arc::clone(&callbacks));
        let count = || sink.record(Metric::Count { name: "x", by: 1, labels: &[("a", "b")] });
        count();
        let first = batches.recv_timeout(LONG).unwrap();
        assert_eq!(first, json!([{"type": "count", "name": "x", "by": 1, "labels": {"a": "b"}}]));
        for _ in 0..WAITING + 3 {
            count();
        }
        drop(go);
        let mut told = 0;
        let mut lost = 0;
        while told < WAITING {
            for one in batches.recv_timeout(LONG).unwrap().as_array().unwrap() {
                match one["name"].as_str() {
                    Some("x") => told += 1,
                    Some(LOST) => lost += one["by"].as_u64().unwrap(),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!((told, lost), (WAITING, 3));
        gate.close();
        sink.record(Metric::Gauge { name: "y", value: 1.5, labels: &[] });
        callbacks.close(LONG);
        assert!(batches.try_recv().is_err(), "nothing comes after the end");
    }
}
