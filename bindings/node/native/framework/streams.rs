//! Streams of events that are open, by their numbers: [`Streams`]. Nothing is pushed at JavaScript.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};

use pabawi::json::{EventStream, Failure, Wanted, json};
use pabawi::{Caller, ErrorCode, ExecutionId, Framework};
use serde::Serialize;
use tokio::sync::Mutex;

/// A stream that is open.
#[derive(Debug, Serialize)]
struct Opened {
    number: u32,
    execution: ExecutionId,
}

/// Streams that are open, by their numbers.
#[derive(Default)]
pub(super) struct Streams {
    open: SyncMutex<HashMap<u32, Arc<Mutex<EventStream>>>>,
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
        self.lock().insert(number, Arc::new(Mutex::new(stream)));
        json(&Opened { number, execution })
    }

    /// The next events of a stream, at most so many: waits for them. `null` after the last.
    pub(super) async fn next(&self, number: u32, most: usize) -> Result<String, Failure> {
        let stream = self.lock().get(&number).cloned();
        let Some(stream) = stream else { return Ok("null".to_owned()) };
        let batch = stream.lock().await.next(most).await;
        if matches!(batch, Ok(None)) {
            self.close(number);
        }
        batch.map(|batch| batch.unwrap_or_else(|| "null".to_owned()))
    }

    /// Nobody reads it any more.
    pub(super) fn close(&self, number: u32) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Arc<Mutex<EventStream>>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told before the framework was opened.
pub(super) fn not_open() -> Failure {
    Failure::new(ErrorCode::Internal, "the framework is not open")
}
