//! Events, read ahead by one batch: [`Stream`]. While a batch waits for its reader nothing more is read, so that what waits, waits
//! where the engine bounds it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pabawi::ExecutionId;
use pabawi::json::EventStream;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::callbacks::Callbacks;
use crate::status::{Fault, Own};
use crate::waiting::may_wait;
use crate::wakeup::Wakeup;

/// Events in a batch, at most; a batch of large ones has fewer.
const MOST: usize = 1_000;

/// Events of an execution or of a run of a graph.
pub(crate) struct Stream {
    execution: ExecutionId,
    state: Mutex<State>,
    changed: Condvar,
    /// The batch was taken.
    room: Notify,
    wakeup: Wakeup,
    callbacks: Arc<Callbacks>,
}

#[derive(Default)]
struct State {
    batch: Option<String>,
    /// Nothing more comes, and why.
    end: Option<Result<(), Fault>>,
    reader: Option<AbortHandle>,
    has_listener: bool,
}

/// Tells the end when its task is dropped with the runtime.
struct Reading(Arc<Stream>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.end(Err(Fault::closed()));
    }
}

impl Stream {
    /// Begins to read.
    pub(crate) fn start(handle: &Handle, events: EventStream, callbacks: Arc<Callbacks>) -> Arc<Self> {
        let stream = Arc::new(Self {
            execution: events.execution(),
            state: Mutex::default(),
            changed: Condvar::new(),
            room: Notify::new(),
            wakeup: Wakeup::default(),
            callbacks,
        });
        let reading = Reading(Arc::clone(&stream));
        let task = handle.spawn(read(events, reading));
        lock(&stream.state).reader = Some(task.abort_handle());
        stream
    }

    /// What it is of.
    pub(crate) fn execution(&self) -> ExecutionId {
        self.execution
    }

    /// The next batch as a JSON list: waits for it, without a limit where there is none. `None` after the last.
    pub(crate) fn next(&self, limit: Option<Duration>) -> Result<Option<String>, Fault> {
        if limit != Some(Duration::ZERO) {
            may_wait()?;
        }
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = lock(&self.state);
        loop {
            if let Some(batch) = state.batch.take() {
                self.wakeup.set(state.end.is_some());
                self.room.notify_one();
                return Ok(Some(batch));
            }
            if let Some(end) = &state.end {
                return end.clone().map(|()| None);
            }
            let Some(until) = until else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::own(Own::TimedOut, "no event in time"));
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A file descriptor that is readable while [`Stream::next`] would not wait.
    pub(crate) fn descriptor(&self) -> Result<i32, Fault> {
        self.wakeup.descriptor()
    }

    /// Has a function called with each batch, on a thread of its own, and once more at the end.
    pub(crate) fn listen(
        self: &Arc<Self>,
        mut listener: impl FnMut(Result<Option<String>, Fault>) + Send + 'static,
    ) -> Result<(), Fault> {
        if std::mem::replace(&mut lock(&self.state).has_listener, true) {
            return Err(Fault::own(Own::Already, "somebody listens to these events already"));
        }
        let stream = Arc::clone(self);
        let listens = self.callbacks.occupy(move || {
            // Ends with the stream: it is ended by its last event, by being freed, and by the engine's end.
            loop {
                let batch = stream.next(None);
                let is_last = !matches!(batch, Ok(Some(_)));
                listener(batch);
                if is_last {
                    return;
                }
            }
        });
        listens.inspect_err(|_| lock(&self.state).has_listener = false)
    }

    /// Nothing more is read; what waits is thrown away. The first reason counts.
    pub(crate) fn end(&self, end: Result<(), Fault>) {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return;
        }
        if end.is_err() {
            state.batch = None;
        }
        state.end = Some(end);
        let reader = state.reader.take();
        drop(state);
        self.changed.notify_all();
        self.wakeup.set(true);
        if let Some(reader) = reader {
            reader.abort();
        }
    }

    /// The reader has freed it.
    pub(crate) fn abort(&self) {
        self.end(Err(Fault::own(Own::Aborted, "the stream was freed")));
    }

    /// Puts a batch where its reader finds it.
    fn put(&self, batch: String) {
        let mut state = lock(&self.state);
        if state.end.is_none() {
            state.batch = Some(batch);
            self.wakeup.set(true);
            drop(state);
            self.changed.notify_all();
        }
    }
}

/// Reads until the end. A batch that was put waits until it was taken.
async fn read(mut events: EventStream, reading: Reading) {
    let stream = &reading.0;
    loop {
        match events.next(MOST).await {
            Ok(Some(batch)) => stream.put(batch),
            Ok(None) => return stream.end(Ok(())),
            Err(failure) => return stream.end(Err(failure.into())),
        }
        stream.room.notified().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
