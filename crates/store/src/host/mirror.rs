//! [`HostMirror`]: the handle of a mirror, and its task, which goes on until it is ended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pabawi_domain::ports::{HostDatabase, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::health::{MirrorHealth, MirrorState};
use super::options::MirrorOptions;
use super::round::{Fault, Mirror};
use crate::Store;

/// Keeps the tables of a host up to date with a store. It ends when this is dropped; another one goes on where it stopped, also
/// after a crash. Several at once on one store do no harm.
#[derive(Debug)]
pub struct HostMirror {
    /// Absent when it was ended.
    task: Mutex<Option<JoinHandle<()>>>,
    wake: Arc<Notify>,
    health: watch::Sender<MirrorHealth>,
}

impl HostMirror {
    /// Starts it on the current tokio runtime. What the store holds already is brought over first, the oldest first.
    pub fn start(store: Store, host: Arc<dyn HostDatabase>, options: MirrorOptions) -> Self {
        let wake = Arc::new(Notify::new());
        let (health, _) = watch::channel(MirrorHealth::default());
        let mirror = Mirror::new(store, host, options, health.clone());
        let task = tokio::spawn(run(mirror, Arc::clone(&wake)).in_current_span());
        Self { task: Mutex::new(Some(task)), wake, health }
    }

    /// Looks at the store now, not only when it is time. While the host's database fails it waits all the same.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// How it goes.
    pub fn health(&self) -> MirrorHealth {
        self.health.borrow().clone()
    }

    /// Waits until the host has everything that the store has now; without an end while the host's database fails.
    pub async fn settled(&self) {
        let mut health = self.health.subscribe();
        let begun = health.borrow().looks;
        self.wake();
        // A look that began after this call was there in time for everything. An error says that nobody looks any more.
        let _ = health.wait_for(|health| health.clean > begun || health.state == MirrorState::Ended).await;
    }

    /// Gives it so long to bring over what the store has now, ends it, and tells how it went. What is not there is brought over
    /// by the next one.
    pub async fn finish(&self, within: Duration) -> MirrorHealth {
        let health = self.health();
        if tokio::time::timeout(within, self.settled()).await.is_err() {
            let MirrorHealth { waiting, last_error, .. } = self.health();
            tracing::warn!(waiting, error = ?last_error, "the host's database does not have everything; the next process goes on");
        } else if health.state != MirrorState::Ended {
            tracing::debug!(written = self.health().written, "the host's database has everything");
        }
        self.stop().await;
        self.health()
    }

    /// Ends it. What was being written is written again by the next one.
    pub async fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            // An error says that it has ended so.
            let _ = task.await;
        }
        self.health.send_modify(|health| health.state = MirrorState::Ended);
    }
}

impl Drop for HostMirror {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

async fn run(mut mirror: Mirror, wake: Arc<Notify>) {
    // Ends with the store, or with the handle.
    loop {
        mirror.health.send_modify(|health| health.looks += 1);
        let done = mirror.look().await;
        let waiting = mirror.store.unmirrored().await;
        let mut failures = 0;
        mirror.health.send_modify(|health| {
            health.waiting = waiting.unwrap_or(health.waiting);
            told(health, &done);
            failures = health.failures;
        });
        match &done {
            Ok(()) => {
                tokio::select! {
                    () = wake.notified() => {}
                    () = tokio::time::sleep(mirror.options.look_every) => {}
                }
            }
            Err(Fault::Store(StoreError::Closed)) => return,
            Err(_) => {
                let wait = mirror.options.backoff.wait_ms(failures, 0.0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
        }
    }
}

/// Takes down how a look went. The log gets the first failure and the end of failing.
fn told(health: &mut MirrorHealth, done: &Result<(), Fault>) {
    match done {
        Ok(()) => {
            if health.failures > 0 {
                tracing::info!(failures = health.failures, "the mirror in the host's database goes on");
            }
            health.state = MirrorState::CaughtUp;
            health.clean = health.looks;
            (health.failures, health.last_error) = (0, None);
        }
        Err(Fault::Store(StoreError::Closed)) => health.state = MirrorState::Ended,
        Err(error) => {
            if health.failures == 0 {
                tracing::warn!(%error, "failed to mirror in the host's database; it is tried again");
            }
            health.state = MirrorState::Failing;
            health.failures = health.failures.saturating_add(1);
            health.all_failures = health.all_failures.saturating_add(1);
            health.last_error = Some(error.to_string());
        }
    }
}
