//! Commits what all executions have to write: [`Recorder`], one task for the engine. Many batches go into one
//! transaction of the store, in order; nothing is dropped.
//!
//! While the store cannot write, batches are held and tried again, at first soon, then every few seconds,
//! whatever the error is: hubs, and behind them node runs, are slowed down by that, and cancelling still works.
//! The first failure is logged at once, later ones from time to time, and [`RecorderHandle::trouble`] shows the
//! current one. A batch that fails alone, while others can be written, holds only its own execution.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pabawi_domain::ports::{ExecutionStore, StoreError, StoreWrite};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::meter::Meter;

/// Batches that may wait in the channel. Each hub has at most one on the way.
const WAITING: usize = 256;
/// The first and the longest wait between two tries.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How often a failure that lasts is logged.
const SPEAK_EVERY: Duration = Duration::from_secs(10);

/// Writes of one execution that go together.
#[derive(Debug)]
struct Commit {
    writes: Vec<StoreWrite>,
    done: oneshot::Sender<()>,
}

/// The way to the recorder.
#[derive(Debug, Clone)]
pub(crate) struct RecorderHandle {
    commits: mpsc::Sender<Commit>,
    trouble: watch::Receiver<Option<StoreError>>,
    given_up: Arc<watch::Sender<bool>>,
    batched: Arc<Batched>,
}

/// How writes have been put together since the start.
#[derive(Debug, Default)]
struct Batched {
    commits: AtomicU64,
    writes: AtomicU64,
}

impl RecorderHandle {
    /// Hands writes over. The returned receiver is answered when they are durable; it fails when the recorder
    /// has ended without that.
    pub(super) async fn commit(&self, writes: Vec<StoreWrite>) -> oneshot::Receiver<()> {
        let (done, is_done) = oneshot::channel();
        // When the recorder is gone, `done` is dropped here, which tells the caller.
        let _ = self.commits.send(Commit { writes, done }).await;
        is_done
    }

    /// Why the store cannot write now, if it cannot.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        self.trouble.borrow().clone()
    }

    /// Transactions of the store since the start, and the writes in them (R8.3).
    pub(crate) fn batched(&self) -> (u64, u64) {
        (self.batched.commits.load(Ordering::Relaxed), self.batched.writes.load(Ordering::Relaxed))
    }

    /// Stops holding what cannot be written: it is dropped, and the executions it belongs to are given up. For
    /// the end of a shutdown only.
    pub(crate) fn give_up(&self) {
        self.given_up.send_replace(true);
    }
}

/// The task that writes.
pub(crate) struct Recorder {
    store: Arc<dyn ExecutionStore>,
    commits: mpsc::Receiver<Commit>,
    most_writes: usize,
    trouble: watch::Sender<Option<StoreError>>,
    given_up: watch::Receiver<bool>,
    batched: Arc<Batched>,
    meter: Meter,
    /// Commits that failed and are tried again.
    held: Vec<Commit>,
    retry_at: Instant,
    wait: Duration,
    spoke_at: Option<Instant>,
}

impl Recorder {
    /// A recorder whose transactions have about `most_writes` writes.
    pub(crate) fn new(
        store: Arc<dyn ExecutionStore>,
        most_writes: usize,
        meter: Meter,
    ) -> (Self, RecorderHandle) {
        let (sender, commits) = mpsc::channel(WAITING);
        let (trouble, seen) = watch::channel(None);
        let given_up = Arc::new(watch::Sender::new(false));
        let batched = Arc::new(Batched::default());
        let recorder = Self {
            batched: Arc::clone(&batched),
            meter,
            store,
            commits,
            most_writes,
            trouble,
            given_up: given_up.subscribe(),
            held: Vec::new(),
            retry_at: Instant::now(),
            wait: WAITS.0,
            spoke_at: None,
        };
        (recorder, RecorderHandle { commits: sender, trouble: seen, given_up, batched })
    }

    /// Works until every handle is gone and nothing is held.
    pub(crate) async fn run(mut self) {
        let mut received = Vec::new();
        let mut open = true;
        // Ends with the engine.
        while open || !self.held.is_empty() {
            let give_up = *self.given_up.borrow_and_update();
            if give_up {
                self.held.clear();
            }
            tokio::select! {
                _ = self.given_up.changed(), if !give_up => {}
                count = self.commits.recv_many(&mut received, WAITING), if open => {
                    open = count > 0;
                    self.write_grouped(std::mem::take(&mut received)).await;
                }
                () = tokio::time::sleep_until(self.retry_at), if !self.held.is_empty() => {
                    let held = std::mem::take(&mut self.held);
                    self.write_grouped(held).await;
                    self.after_retry();
                }
            }
        }
    }

    /// Writes commits in order, in transactions of a reasonable size.
    async fn write_grouped(&mut self, commits: Vec<Commit>) {
        let mut group: Vec<Commit> = Vec::new();
        let mut size = 0;
        for commit in commits {
            if !group.is_empty() && size + commit.writes.len() > self.most_writes {
                self.write(std::mem::take(&mut group)).await;
                size = 0;
            }
            size += commit.writes.len();
            group.push(commit);
        }
        if !group.is_empty() {
            self.write(group).await;
        }
    }

    /// Writes one group. When that fails and waiting would not help, each of its commits is tried alone, so that
    /// one that cannot be written does not hold the others.
    async fn write(&mut self, mut group: Vec<Commit>) {
        let writes: u64 = group.iter().map(|commit| commit.writes.len() as u64).sum();
        self.batched.commits.fetch_add(1, Ordering::Relaxed);
        self.batched.writes.fetch_add(writes, Ordering::Relaxed);
        if let [commit] = group.as_slice() {
            let result = self.append(&commit.writes).await;
            self.settle(group, result);
            return;
        }
        let lengths: Vec<usize> = group.iter().map(|commit| commit.writes.len()).collect();
        let mut all: Vec<StoreWrite> = Vec::with_capacity(lengths.iter().sum());
        for commit in &mut group {
            all.append(&mut commit.writes);
        }
        let result = self.append(&all).await;
        if result.is_err() {
            let mut rest = all.into_iter();
            for (commit, length) in group.iter_mut().zip(lengths) {
                commit.writes = rest.by_ref().take(length).collect();
            }
        }
        if result.as_ref().is_err_and(|error| !error.is_retryable()) {
            for commit in group {
                let result = self.append(&commit.writes).await;
                self.settle(vec![commit], result);
            }
        } else {
            self.settle(group, result);
        }
    }

    async fn append(&self, writes: &[StoreWrite]) -> Result<(), StoreError> {
        let began = Instant::now();
        let result = self.store.append(writes).await;
        self.meter.commit(writes.len() as u64, began.elapsed(), result.is_ok());
        result
    }

    fn settle(&mut self, group: Vec<Commit>, result: Result<(), StoreError>) {
        match result {
            Ok(()) => {
                for commit in group {
                    // A hub that was given up no longer listens.
                    let _ = commit.done.send(());
                }
            }
            Err(error) => {
                if self.held.is_empty() {
                    self.retry_at = Instant::now() + self.wait;
                }
                self.held.extend(group);
                self.speak(&error);
                self.trouble.send_replace(Some(error));
            }
        }
    }

    fn speak(&mut self, error: &StoreError) {
        if self.spoke_at.is_none_or(|at| at.elapsed() >= SPEAK_EVERY) {
            self.spoke_at = Some(Instant::now());
            tracing::error!(%error, code = %error.code(), retryable = error.is_retryable(), held = self.held.len(),
                "the store cannot write; executions are held and nothing is lost");
        }
    }

    fn after_retry(&mut self) {
        if self.held.is_empty() {
            self.wait = WAITS.0;
            self.spoke_at = None;
            self.trouble.send_replace(None);
            tracing::info!("the store writes again");
        } else {
            self.wait = (self.wait * 2).min(WAITS.1);
            self.retry_at = Instant::now() + self.wait;
        }
    }
}
