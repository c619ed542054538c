//! The way to one sink: [`LogQueue`]. A bounded queue and a thread behind it, so that a sink that blocks or panics hurts
//! nobody. What there is no room for is counted, and told to the sink when there is room again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::ports::{LogLevel, LogRecord, LogSink, LogStats};
use serde_json::{Map, Value};

/// Records that may wait.
const WAITING: usize = 4096;
/// Bytes of them that may wait.
const WAITING_BYTES: usize = 8 * 1024 * 1024;
/// A sink that panics so often in a row is given nothing any more.
const PANICS: u64 = 10;
/// How often it is looked whether all is delivered.
const LOOK: Duration = Duration::from_millis(5);

/// The way to one sink.
#[derive(Debug)]
pub(crate) struct LogQueue {
    sender: SyncSender<Waiting>,
    level: LogLevel,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Waiting {
    record: LogRecord,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Counts {
    /// Taken into the queue.
    taken: AtomicU64,
    /// Taken out of it, whatever became of them then.
    done: AtomicU64,
    delivered: AtomicU64,
    dropped: AtomicU64,
    /// Of those that were dropped, what the sink has not been told of.
    untold: AtomicU64,
    panics: AtomicU64,
    bytes: AtomicUsize,
}

impl LogQueue {
    /// Starts the thread that calls the sink. It ends when the queue is dropped and empty.
    ///
    /// # Errors
    /// There can be no other thread.
    pub(crate) fn start(sink: Arc<dyn LogSink>, level: LogLevel) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let own = Arc::clone(&counts);
        std::thread::Builder::new()
            .name("pabawi-log".to_owned())
            .spawn(move || deliver(&*sink, &receiver, &own))?;
        Ok(Self { sender, level, counts })
    }

    /// What the sink wants.
    pub(crate) fn level(&self) -> LogLevel {
        self.level
    }

    /// Puts a record into the queue where there is room, else counts it. Never waits.
    pub(super) fn put(&self, record: impl FnOnce() -> LogRecord) {
        let counts = &self.counts;
        if counts.bytes.load(Ordering::Relaxed) >= WAITING_BYTES {
            return counts.drop_one();
        }
        let record = record();
        let bytes = size_of(&record);
        counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        counts.taken.fetch_add(1, Ordering::Relaxed);
        if self.sender.try_send(Waiting { record, bytes }).is_err() {
            counts.bytes.fetch_sub(bytes, Ordering::Relaxed);
            counts.taken.fetch_sub(1, Ordering::Relaxed);
            counts.drop_one();
        }
    }

    /// How it stands.
    pub(crate) fn stats(&self) -> LogStats {
        let counts = &self.counts;
        LogStats {
            delivered: counts.delivered.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
            panics: counts.panics.load(Ordering::Relaxed),
        }
    }

    /// Waits until what is in the queue now has been given to the sink, at most so long.
    pub(crate) async fn flush(&self, patience: Duration) {
        let upto = self.counts.taken.load(Ordering::Relaxed);
        let delivered = async {
            // Ends with the last record, or with the patience.
            while self.counts.done.load(Ordering::Relaxed) < upto {
                tokio::time::sleep(LOOK).await;
            }
        };
        // A sink that is stuck has what it has.
        let _ = tokio::time::timeout(patience, delivered).await;
    }
}

impl Counts {
    /// Whether there is room again after there was none: half of it, so that it is not told after each record.
    fn has_room(&self) -> bool {
        let done = self.done.load(Ordering::Relaxed);
        let waiting = self.taken.load(Ordering::Relaxed).saturating_sub(done);
        waiting <= WAITING as u64 / 2 && self.bytes.load(Ordering::Relaxed) <= WAITING_BYTES / 2
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.untold.fetch_add(1, Ordering::Relaxed);
    }
}

fn deliver(sink: &dyn LogSink, records: &Receiver<Waiting>, counts: &Counts) {
    let mut in_a_row = 0;
    // Ends with the queue.
    loop {
        if in_a_row < PANICS && counts.has_room() {
            let untold = counts.untold.swap(0, Ordering::Relaxed);
            if untold > 0 {
                give(sink, &lost(untold), counts, &mut in_a_row);
            }
        }
        let Ok(Waiting { record, bytes }) = records.recv() else { return };
        if in_a_row < PANICS {
            if give(sink, &record, counts, &mut in_a_row) {
                counts.delivered.fetch_add(1, Ordering::Relaxed);
            }
        } else {
            counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        counts.bytes.fetch_sub(bytes, Ordering::Relaxed);
        counts.done.fetch_add(1, Ordering::Relaxed);
    }
}

fn give(sink: &dyn LogSink, record: &LogRecord, counts: &Counts, in_a_row: &mut u64) -> bool {
    let fine = catch_unwind(AssertUnwindSafe(|| sink.log(record))).is_ok();
    if fine {
        *in_a_row = 0;
    } else {
        *in_a_row += 1;
        counts.panics.fetch_add(1, Ordering::Relaxed);
        if *in_a_row == PANICS {
            // Outside of the framework's span, so that it goes to whoever else listens and not to this sink.
            tracing::error!(panics = *in_a_row, "the log sink panics and is given no more records");
        }
    }
    fine
}

/// What tells of records that there was no room for.
fn lost(count: u64) -> LogRecord {
    LogRecord {
        at: Timestamp::now(),
        level: LogLevel::Warn,
        component: "log".to_owned(),
        integration: None,
        operation: None,
        message: format!("{count} log records were dropped: the log sink is too slow"),
        execution_id: None,
        correlation_id: None,
        fields: Map::from_iter([("dropped".to_owned(), Value::from(count))]),
    }
}

/// About how much memory a record takes.
fn size_of(record: &LogRecord) -> usize {
    let text = |value: &Value| value.as_str().map_or(16, str::len);
    let fields: usize = record.fields.iter().map(|(name, value)| 64 + name.len() + text(value)).sum();
    std::mem::size_of::<Waiting>() + record.component.len() + record.message.len() + fields
}
