//! Which framework's records go where: [`Route`]. A framework's span carries its number, and the layer looks up the queue of
//! that number when the span is made.
//!
//! This is the only state of the process that the facade has: `tracing` has one subscriber for all frameworks.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pabawi_domain::ports::LogLevel;
use tracing::Span;
use tracing::level_filters::LevelFilter;

use super::LogQueue;

/// Target and field of a framework's span.
pub(super) const TARGET: &str = "pabawi::framework";
pub(super) const FIELD: &str = "framework";

static NEXT: AtomicU64 = AtomicU64::new(1);
static QUEUES: Mutex<Vec<(u64, Weak<LogQueue>)>> = Mutex::new(Vec::new());
/// The most that any of them wants, as a place in [`WANTED`].
static MOST: AtomicUsize = AtomicUsize::new(0);
static HAS_LAYER: AtomicBool = AtomicBool::new(false);

const WANTED: [LevelFilter; 5] =
    [LevelFilter::OFF, LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG];

/// A framework's place among those of the process. Its records find their way as long as it or a span of it is there.
#[derive(Debug)]
pub(crate) struct Route {
    number: u64,
    pub(crate) span: Span,
    pub(crate) queue: Option<Arc<LogQueue>>,
}

/// Makes the span of a new framework, and the way to its sink where it has one.
pub(crate) fn open_route(queue: Option<LogQueue>) -> Route {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let queue = queue.map(Arc::new);
    if let Some(queue) = &queue {
        lock().push((number, Arc::downgrade(queue)));
        settle();
    }
    // At this level it is there under every filter that lets anything through.
    let span = tracing::error_span!(target: TARGET, "framework", framework = number);
    Route { number, span, queue }
}

impl Drop for Route {
    fn drop(&mut self) {
        if self.queue.is_some() {
            lock().retain(|(number, queue)| *number != self.number && queue.strong_count() > 0);
            settle();
        }
    }
}

/// The queue of the framework of that number.
pub(super) fn queue(number: u64) -> Option<Arc<LogQueue>> {
    lock().iter().find(|(one, _)| *one == number)?.1.upgrade()
}

/// The most that any sink wants.
pub(super) fn most() -> LevelFilter {
    WANTED.get(MOST.load(Ordering::Relaxed)).copied().unwrap_or(LevelFilter::OFF)
}

/// A layer that brings records to sinks is part of a subscriber now.
pub(super) fn has_layer_now() {
    HAS_LAYER.store(true, Ordering::Relaxed);
}

/// Whether there is such a layer.
pub(crate) fn has_layer() -> bool {
    HAS_LAYER.load(Ordering::Relaxed)
}

fn settle() {
    let levels = lock().iter().filter_map(|(_, queue)| Some(queue.upgrade()?.level())).map(place).max();
    let most = levels.unwrap_or_default();
    if MOST.swap(most, Ordering::Relaxed) != most {
        // What call sites remember of who wants them was true before.
        tracing::callsite::rebuild_interest_cache();
    }
}

fn place(level: LogLevel) -> usize {
    match level {
        LogLevel::Error => 1,
        LogLevel::Warn => 2,
        LogLevel::Info => 3,
        LogLevel::Debug => 4,
    }
}

fn lock() -> std::sync::MutexGuard<'static, Vec<(u64, Weak<LogQueue>)>> {
    QUEUES.lock().unwrap_or_else(PoisonError::into_inner)
}
