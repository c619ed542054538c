//! Streams of events that are open, by their numbers: [`Streams`]. Nothing is pushed at JavaScript; each is read ahead by a few
//! batches, which are made while JavaScript is at work on the last one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};

use pabawi::json::{EventStream, Failure, Wanted, json};
use pabawi::{Caller, ErrorCode, ExecutionId, Framework};
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::answer::{Text, Texts};

/// Events of a first batch, at most: it is read before anybody asks.
const FIRST: usize = 256;
/// Events of every other one, at most.
const MOST: usize = 1_000;
/// Batches that wait for JavaScript, of some hundred kilobytes each at most; one more waits for room among them. With fewer,
/// JavaScript waits whenever the store is read.
const AHEAD: usize = 6;

/// A stream that is open.
#[derive(Debug, Serialize)]
struct Opened {
    number: u32,
    execution: ExecutionId,
}

/// A stream that is read ahead: what was read waits here.
struct Reading {
    batches: mpsc::Receiver<Read>,
    task: JoinHandle<()>,
}

type Read = Result<Option<Texts>, Failure>;

impl Reading {
    fn begin(mut stream: EventStream) -> Self {
        let (told, batches) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let mut most = FIRST;
            // Ends with the stream, or with its reader.
            loop {
                let batch = stream.next_rows(most).await;
                let is_over = !matches!(batch, Ok(Some(_)));
                if told.send(batch.map(|batch| batch.map(Texts::of_batch))).await.is_err() || is_over {
                    return;
                }
                most = MOST;
            }
        });
        Self { batches, task }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Streams that are open, by their numbers.
#[derive(Default)]
pub(super) struct Streams {
    open: SyncMutex<HashMap<u32, Arc<Mutex<Reading>>>>,
    next: AtomicU32,
}

impl Streams {
    /// Opens one and tells its number, and the execution that it is of.
    pub(super) async fn open(
        &self,
        framework: &Framework,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<String, Failure> {
        let stream = EventStream::open(framework, caller, wanted).await?;
        let execution = stream.execution();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Arc::new(Mutex::new(Reading::begin(stream))));
        json(&Opened { number, execution })
    }

    /// The next events of a stream: waits for them. `null` after the last.
    pub(super) async fn next(&self, number: u32) -> Result<Texts, Failure> {
        let stream = self.lock().get(&number).cloned();
        let Some(stream) = stream else { return Ok(over()) };
        let mut reading = stream.lock().await;
        // Whoever gives this up leaves the batch where it is.
        let Some(batch) = reading.batches.recv().await else {
            self.close(number);
            return Err(Failure::new(ErrorCode::Internal, "a panic ended the stream"));
        };
        self.taken(number, batch)
    }

    /// The same where they are here already, and nothing where they must be waited for.
    pub(super) fn ready(&self, number: u32) -> Option<Result<Texts, Failure>> {
        let stream = self.lock().get(&number).cloned()?;
        let batch = stream.try_lock().ok()?.batches.try_recv().ok()?;
        Some(self.taken(number, batch))
    }

    fn taken(&self, number: u32, batch: Read) -> Result<Texts, Failure> {
        if !matches!(batch, Ok(Some(_))) {
            self.close(number);
        }
        batch.map(|batch| batch.unwrap_or_else(over))
    }

    /// Nobody reads it any more.
    pub(super) fn close(&self, number: u32) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Arc<Mutex<Reading>>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told after the last batch.
fn over() -> Texts {
    Text::new("null").into()
}

/// What is told before the framework was opened.
pub(super) fn not_open() -> Failure {
    Failure::new(ErrorCode::Internal, "the framework is not open")
}
