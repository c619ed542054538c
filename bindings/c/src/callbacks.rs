//! Threads on which functions of the program are called: [`Callbacks`]. They are not those on which the engine works, so a function
//! may block, never return, or call this library as it likes; it holds up nobody but itself.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pabawi::ErrorCode;
use pabawi::json::Failure;
use tokio::runtime::{Builder, Runtime};

use crate::status::Fault;

/// Functions of the program that run at once, at most. Further ones wait until one returns.
pub(crate) const MOST: usize = 512;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(5);

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Threads for functions of the program.
pub(crate) struct Callbacks {
    /// Only its threads for blocking work are used. It is taken at the end.
    threads: Mutex<Option<Runtime>>,
    running: Arc<Running>,
}

#[derive(Default)]
struct Running {
    count: Mutex<usize>,
    changed: Condvar,
}

/// One that runs or is about to.
struct Permit(Arc<Running>);

impl Drop for Permit {
    fn drop(&mut self) {
        *lock(&self.0.count) -= 1;
        self.0.changed.notify_all();
    }
}

impl Callbacks {
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut threads = Builder::new_current_thread();
        let threads =
            threads.max_blocking_threads(MOST).thread_keep_alive(IDLE).thread_name("pabawi-callback");
        Ok(Self { threads: Mutex::new(Some(threads.build()?)), running: Arc::default() })
    }

    /// Has it called on a thread of its own, as soon as there is one. After the end it is dropped instead.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        *lock(&self.running.count) += 1;
        let permit = Permit(Arc::clone(&self.running));
        let threads = lock(&self.threads);
        let Some(threads) = threads.as_ref() else { return };
        threads.spawn_blocking(move || {
            let _permit = permit;
            IS_OURS.set(true);
            // What the program's function does is its own; a fault of ours around it ends here.
            let _ = catch_unwind(AssertUnwindSafe(job));
            IS_OURS.set(false);
        });
    }

    /// Calls it on this thread, which is none of the engine's, as if it were one of these. After the end nothing is called.
    pub(crate) fn here(&self, job: impl FnOnce()) {
        *lock(&self.running.count) += 1;
        let _permit = Permit(Arc::clone(&self.running));
        if lock(&self.threads).is_none() {
            return;
        }
        IS_OURS.set(true);
        job();
        IS_OURS.set(false);
    }

    /// As [`Callbacks::run`], for what stays: refused where it would wait for a thread.
    pub(crate) fn occupy(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
        if *lock(&self.running.count) >= MOST {
            let text = format!("{MOST} functions of this program are running already");
            return Err(Failure::new(ErrorCode::LimitReached, text).into());
        }
        self.run(job);
        Ok(())
    }

    /// Waits until all have returned but the one that asks, for so long at most; starts no further one; leaves those alone that
    /// do not return.
    pub(crate) fn close(&self, limit: Duration) {
        let own = usize::from(is_callback());
        let until = Instant::now() + limit;
        let mut count = lock(&self.running.count);
        while *count > own {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.running.changed.wait_timeout(count, left);
            count = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let all_returned = *count == 0;
        drop(count);
        let Some(threads) = lock(&self.threads).take() else { return };
        if all_returned {
            // They have nothing to do, so this ends at once; nothing of them is left when the program ends.
            threads.shutdown_timeout(limit);
        } else {
            threads.shutdown_background();
        }
    }
}

/// Whether this is a thread on which a function of the program is called.
pub(crate) fn is_callback() -> bool {
    IS_OURS.get()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn the_end_waits_for_what_runs_and_starts_nothing_more() {
        let callbacks = Callbacks::new().unwrap();
        let (told, seen) = channel();
        callbacks.run(move || told.send(is_callback()).unwrap());
        callbacks.close(LONG);
        assert_eq!(seen.try_recv(), Ok(true));
        let (told, seen) = channel::<()>();
        callbacks.run(move || told.send(()).unwrap());
        assert!(seen.recv().is_err(), "it is dropped");
        assert!(!is_callback());
    }

    #[test]
    fn one_that_never_returns_is_left_alone() {
        let callbacks = Callbacks::new().unwrap();
        let (go, wait) = channel::<()>();
        let (began, has_begun) = channel();
        callbacks.run(move || {
            began.send(()).unwrap();
            let _ = wait.recv();
        });
        has_begun.recv().unwrap();
        callbacks.close(Duration::from_millis(10));
        drop(go);
    }

    #[test]
    fn a_panic_takes_no_thread_with_it() {
        let callbacks = Callbacks::new().unwrap();
        callbacks.run(|| panic!("inside"));
        callbacks.close(LONG);
        assert_eq!(*lock(&callbacks.running.count), 0);
    }

    #[test]
    fn no_more_stay_than_there_are_threads() {
        let callbacks = Callbacks::new().unwrap();
        let (go, wait) = channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for _ in 0..MOST {
            let wait = Arc::clone(&wait);
            let job = move || {
                let _ = lock(&wait).recv();
            };
            callbacks.occupy(job).unwrap();
        }
        let refused = callbacks.occupy(|| {}).unwrap_err();
        assert_eq!(refused.kind, "limit_reached");
        drop(go);
        callbacks.close(LONG);
    }
}
