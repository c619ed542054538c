//! [`HostMirror`]: the handle of a mirror, and its task, which goes on until it is ended. What it does is some [`Work`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::ports::{HostDatabase, HostJournal, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::health::{MirrorHealth, MirrorState};
use super::options::MirrorOptions;
use super::round::{Fault, Mirror};
use super::teller::Teller;
use crate::Store;

/// How long it may take to leave the store as the next one wants it.
const ENDING: Duration = Duration::from_secs(2);

/// What a mirror does each time it looks at the store.
#[async_trait]
pub(super) trait Work: Send + 'static {
    /// What it is, in the log.
    fn name(&self) -> &'static str;

    /// Brings over what the host does not have, and tells whether that is all done; `false` where another process is at it.
    async fn look(&mut self) -> Result<bool, Fault>;

    /// How much of it the host does not have.
    async fn waiting(&self) -> Result<u64, StoreError>;

    /// It will not look again.
    async fn end(&mut self) {}
}

/// Keeps a host up to date with a store. It ends when this is dropped; another one goes on where it stopped, also after a crash.
/// Several at once on one store do no harm.
#[derive(Debug)]
pub struct HostMirror {
    /// Absent when it was ended.
    task: Mutex<Option<JoinHandle<()>>>,
    signals: Arc<Signals>,
    health: watch::Sender<MirrorHealth>,
}

impl HostMirror {
    /// Starts one in tables, on the current tokio runtime. What the store holds already is brought over first, the oldest first.
    pub fn start(store: Store, host: Arc<dyn HostDatabase>, options: MirrorOptions) -> Self {
        Self::working(options.clone(), |health| Mirror::new(store, host, options, health))
    }

    /// Starts one that tells the entries of the journal to a service of the host, on the current tokio runtime. One process at a
    /// time does so.
    pub fn start_journal(store: Store, journal: Arc<dyn HostJournal>, options: MirrorOptions) -> Self {
        Self::working(options.clone(), |health| Teller::new(store, journal, options, health))
    }

    fn working<W: Work>(options: MirrorOptions, work: impl FnOnce(watch::Sender<MirrorHealth>) -> W) -> Self {
        let signals = Arc::new(Signals::default());
        let (health, _) = watch::channel(MirrorHealth::default());
        let running = run(work(health.clone()), health.clone(), options, Arc::clone(&signals));
        let task = tokio::spawn(running.in_current_span());
        Self { task: Mutex::new(Some(task)), signals, health }
    }

    /// Looks at the store now, not only when it is time. While the host fails it waits all the same.
    pub fn wake(&self) {
        self.signals.wake.notify_one();
    }

    /// How it goes.
    pub fn health(&self) -> MirrorHealth {
        self.health.borrow().clone()
    }

    /// Waits until the host has everything that the store has now, or until another process is at it; without an end while the
    /// host fails.
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
            tracing::warn!(waiting, error = ?last_error, "the host does not have everything; the next process goes on");
        } else if health.state != MirrorState::Ended {
            tracing::debug!(written = self.health().written, "the host has everything");
        }
        self.stop().await;
        self.health()
    }

    /// Ends it. What was being written is written again by the next one.
    pub async fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task {
            self.signals.end.notify_one();
            // An error says that it has ended otherwise.
            if tokio::time::timeout(ENDING, &mut task).await.is_err() {
                task.abort();
                let _ = task.await;
            }
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

/// What its task hears.
#[derive(Debug, Default)]
struct Signals {
    wake: Notify,
    end: Notify,
}

async fn run(
    mut work: impl Work,
    health: watch::Sender<MirrorHealth>,
    options: MirrorOptions,
    signals: Arc<Signals>,
) {
    tokio::select! {
        () = looking(&mut work, &health, &options, &signals.wake) => {}
        () = signals.end.notified() => work.end().await,
    }
}

/// Ends with the store.
async fn looking(
    work: &mut impl Work,
    health: &watch::Sender<MirrorHealth>,
    options: &MirrorOptions,
    wake: &Notify,
) {
    loop {
        health.send_modify(|health| health.looks += 1);
        let done = work.look().await;
        let waiting = work.waiting().await;
        let mut failures = 0;
        health.send_modify(|health| {
            health.waiting = waiting.unwrap_or(health.waiting);
            told(work.name(), health, &done);
            failures = health.failures;
        });
        match &done {
            Ok(_) => {
                tokio::select! {
                    () = wake.notified() => {}
                    () = tokio::time::sleep(options.look_every) => {}
                }
            }
            Err(Fault::Store(StoreError::Closed)) => return,
            Err(_) => {
                let wait = options.backoff.wait_ms(failures, 0.0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
        }
    }
}

/// Takes down how a look went. The log gets the first failure and the end of failing.
fn told(name: &str, health: &mut MirrorHealth, done: &Result<bool, Fault>) {
    match done {
        Ok(is_all) => {
            if health.failures > 0 {
                tracing::info!(failures = health.failures, "{name} goes on");
            }
            health.state = if *is_all { MirrorState::CaughtUp } else { MirrorState::CatchingUp };
            health.clean = health.looks;
            (health.failures, health.last_error) = (0, None);
        }
        Err(Fault::Store(StoreError::Closed)) => health.state = MirrorState::Ended,
        Err(error) => {
            if health.failures == 0 {
                tracing::warn!(%error, "{name} fails; it is tried again");
            }
            health.state = MirrorState::Failing;
            health.failures = health.failures.saturating_add(1);
            health.all_failures = health.all_failures.saturating_add(1);
            health.last_error = Some(error.to_string());
        }
    }
}
