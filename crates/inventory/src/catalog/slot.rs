//! [`Slot`]: one source, its settings and what it told last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use moka::future::Cache;
use pabawi_domain::ports::InventorySource;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::fetched::{Failure, Fetched, Good};
use super::freshness::{Asked, Freshness};
use super::report::{SourceReport, SourceState};
use super::settings::SourceSettings;

/// A source in a [`Catalog`](super::handle::Catalog).
pub(super) struct Slot {
    source: Arc<dyn InventorySource>,
    settings: SourceSettings,
    /// At most one answer. The cache is what makes one reader ask and the others wait for the same answer; how old an
    /// answer may be is the reader's to say.
    last: Cache<(), Arc<Fetched>>,
    /// A fetch in the background is under way.
    is_revalidating: AtomicBool,
}

impl Slot {
    pub(super) fn new(source: Arc<dyn InventorySource>, settings: SourceSettings) -> Self {
        Self { source, settings, last: Cache::new(1), is_revalidating: AtomicBool::new(false) }
    }

    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    pub(super) fn is_there(&self) -> bool {
        self.source.is_there()
    }

    pub(super) fn priority(&self) -> i32 {
        self.settings.priority.unwrap_or_else(|| self.source.priority())
    }

    /// What the source told, at least as fresh as asked for; `None` for one that is not enabled.
    pub(super) async fn read(self: &Arc<Self>, asked: Asked) -> Option<Arc<Fetched>> {
        if !self.settings.enabled {
            return None;
        }
        let revision = self.revision().await;
        let mut fetched = self.ask(asked, revision).await;
        // An answer that was under way when this reader came may be older than asked for; the next one is not.
        if !fetched.meets(asked, &self.settings, revision) && fetched.started < asked.at {
            fetched = self.ask(asked, revision).await;
        }
        let now = Freshness::Cached.at(asked.at);
        if asked.freshness == Freshness::StaleWhileRevalidate
            && !fetched.meets(now, &self.settings, revision)
            && !self.is_revalidating.swap(true, Ordering::AcqRel)
        {
            let slot = Arc::clone(self);
            let asked = async move {
                slot.ask(now, revision).await;
                slot.is_revalidating.store(false, Ordering::Release);
            };
            tokio::spawn(asked.in_current_span());
        }
        Some(fetched)
    }

    /// The source's mark, which it may take from files: those of a file system that hangs hold up nobody for longer than
    /// an answer would.
    async fn revision(&self) -> Option<u64> {
        let source = Arc::clone(&self.source);
        let mark = tokio::task::spawn_blocking(move || source.revision());
        tokio::time::timeout(self.settings.timeout, mark).await.ok()?.ok()?
    }

    async fn ask(&self, asked: Asked, revision: Option<u64>) -> Arc<Fetched> {
        let last = self.last.get(&()).await;
        let entry = self.last.entry(()).or_insert_with_if(self.fetch(last, revision), |known| {
            !known.meets(asked, &self.settings, revision)
        });
        entry.await.into_value()
    }

    async fn fetch(&self, last: Option<Arc<Fetched>>, revision: Option<u64>) -> Arc<Fetched> {
        let (started, fetched_at) = (Instant::now(), Timestamp::now());
        let source = Arc::clone(&self.source);
        // A task of its own: a source that panics fails alone.
        let mut task = AbortOnDrop(tokio::spawn(async move { source.fetch().await }.in_current_span()));
        let answer = tokio::time::timeout(self.settings.timeout, &mut task.0).await;
        let failure = match answer {
            Ok(Ok(Ok(snapshot))) => {
                let good = Good { snapshot: Arc::new(snapshot), fetched_at, started };
                let good = Some(unless_the_same(good, last.as_deref()));
                return Arc::new(Fetched {
                    started,
                    duration: started.elapsed(),
                    revision,
                    good,
                    failure: None,
                });
            }
            Ok(Ok(Err(error))) => Failure { message: error.message, timed_out: false },
            Ok(Err(_)) => {
                let message = "the source panicked; what it told before stands".to_owned();
                Failure { message, timed_out: false }
            }
            Err(_) => {
                let message = format!("gave no answer within {:?}", self.settings.timeout);
                Failure { message, timed_out: true }
            }
        };
        tracing::warn!(source = self.name(), error = failure.message, "a source of the inventory failed");
        let good = last.and_then(|last| last.good.clone());
        let duration = started.elapsed();
        Arc::new(Fetched { started, duration, revision, good, failure: Some(failure) })
    }

    pub(super) fn report(&self, fetched: Option<&Fetched>) -> SourceReport {
        let good = fetched.and_then(|fetched| fetched.good.as_ref());
        let failure = fetched.and_then(|fetched| fetched.failure.as_ref());
        let state = match (fetched, good, failure) {
            (None, ..) if !self.settings.enabled => SourceState::Disabled,
            (_, Some(_), None) => SourceState::Healthy,
            (_, Some(_), Some(_)) => SourceState::Stale,
            (_, None, _) => SourceState::Unavailable,
        };
        SourceReport {
            name: self.name().to_owned(),
            priority: self.priority(),
            state,
            nodes: good.map_or(0, |good| good.snapshot.nodes.len()),
            groups: good.map_or(0, |good| good.snapshot.groups.len()),
            fetched_at: good.map(|good| good.fetched_at),
            age_ms: good.map(|good| millis(good.started.elapsed())),
            duration_ms: fetched.map(|fetched| millis(fetched.duration)),
            timed_out: failure.is_some_and(|failure| failure.timed_out),
            error: failure.map(|failure| failure.message.clone()),
            warnings: good.map(|good| good.snapshot.warnings.clone()).unwrap_or_default(),
        }
    }
}

/// The answer, but with the snapshot that is known where it says the same: what was made of it is still good.
fn unless_the_same(good: Good, last: Option<&Fetched>) -> Good {
    match last.and_then(|last| last.good.as_ref()) {
        Some(known) if known.snapshot == good.snapshot => {
            Good { snapshot: Arc::clone(&known.snapshot), ..good }
        }
        _ => good,
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Ends the task with its owner: a source that did not answer in time is not asked on in the background.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
