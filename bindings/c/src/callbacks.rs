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

/// Of them those that stay for as long as somebody listens: others always find a thread.
const MOST_STAYING: usize = MOST / 2;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(5);

thread_local! {
    /// Whose function is called on this thread: the address of its [`Running`], 0 for nobody's.
    static WHOSE: Cell<usize> = const { Cell::new(0) };
}

/// Threads for functions of the program.
pub(crate) struct Callbacks {
    /// Only its threads for blocking work are used. It is taken at the end.
    threads: Mutex<Option<Runtime>>,
    running: Arc<Running>,
}

#[derive(Default)]
struct Running {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    /// Those that run or are about to.
    all: usize,
    /// Of these, those that stay.
    staying: usize,
    /// None is begun any more.
    is_closed: bool,
}

/// One that runs or is about to.
struct Permit {
    running: Arc<Running>,
    stays: bool,
}

impl Permit {
    /// Counts and looks for the end under one lock, so that the end waits for every one that has this.
    fn of(running: &Arc<Running>, stays: bool) -> Result<Self, Fault> {
        let mut counts = lock(&running.counts);
        if counts.is_closed {
            return Err(Fault::closed());
        }
        if stays && counts.staying >= MOST_STAYING {
            let text = format!("{MOST_STAYING} functions of this program listen to events already");
            return Err(Failure::new(ErrorCode::LimitReached, text).into());
        }
        counts.all += 1;
        counts.staying += usize::from(stays);
        Ok(Self { running: Arc::clone(running), stays })
    }

    /// Calls a function of the program on this thread.
    fn call(&self, job: impl FnOnce()) {
        // One function may call another one, so what was before comes back.
        let before = WHOSE.replace(address(&self.running));
        // What the program's function does is its own; a fault of ours around it ends here.
        let _ = catch_unwind(AssertUnwindSafe(job));
        WHOSE.set(before);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = lock(&self.running.counts);
        counts.all -= 1;
        counts.staying -= usize::from(self.stays);
        drop(counts);
        self.running.changed.notify_all();
    }
}

fn address(running: &Arc<Running>) -> usize {
    Arc::as_ptr(running).addr()
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
        if let Ok(permit) = Permit::of(&self.running, false) {
            self.start(permit, job);
        }
    }

    /// Calls it on this thread, which is none of the engine's, as if it were one of these. After the end nothing is called.
    pub(crate) fn here(&self, job: impl FnOnce()) {
        if let Ok(permit) = Permit::of(&self.running, false) {
            permit.call(job);
        }
    }

    /// As [`Callbacks::run`], for what stays. Refused after the end, and where half of the threads are taken by such.
    pub(crate) fn occupy(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
        self.start(Permit::of(&self.running, true)?, job);
        Ok(())
    }

    fn start(&self, permit: Permit, job: impl FnOnce() + Send + 'static) {
        let threads = lock(&self.threads);
        // They are there as long as the end waits for the permit, or has given up waiting.
        let Some(threads) = threads.as_ref() else { return };
        threads.spawn_blocking(move || permit.call(job));
    }

    /// Waits until all have returned but the one that asks, for so long at most; starts no further one; leaves those alone that
    /// do not return.
    pub(crate) fn close(&self, limit: Duration) {
        let own = usize::from(WHOSE.get() == address(&self.running));
        let until = Instant::now() + limit;
        let mut counts = lock(&self.running.counts);
        while counts.all > own {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.running.changed.wait_timeout(counts, left);
            counts = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        counts.is_closed = true;
        let all_returned = counts.all == 0;
        drop(counts);
        let Some(threads) = lock(&self.threads).take() else { return };
        if all_returned {
            // They have nothing to do, so this ends at once; nothing of them is left when the program ends.
            threads.shutdown_timeout(limit);
        } else {
            threads.shutdown_background();
        }
    }
}

/// Whether this is a thread on which a function of the program is called, whichever engine's.
pub(crate) fn is_callback() -> bool {
    WHOSE.get() != 0
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
        assert_eq!(callbacks.occupy(|| {}).unwrap_err().kind, "closed");
        assert!(!is_callback());
    }

    #[test]
    fn the_end_waits_also_on_a_thread_of_somebody_else() {
        let (one, other) = (Callbacks::new().unwrap(), Callbacks::new().unwrap());
        let (go, wait) = channel::<()>();
        let (began, has_begun) = channel();
        let (ended, has_ended) = channel();
        other.run(move || {
            began.send(()).unwrap();
            let _ = wait.recv();
            ended.send(()).unwrap();
        });
        has_begun.recv().unwrap();
        let (seen, is_seen) = channel();
        one.run(move || {
            drop(go);
            other.close(LONG);
            seen.send(has_ended.try_recv()).unwrap();
        });
        assert_eq!(is_seen.recv().unwrap(), Ok(()), "it had returned when the end was over");
        one.close(LONG);
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
        assert_eq!(lock(&callbacks.running.counts).all, 0);
    }

    #[test]
    fn those_that_stay_leave_threads_to_others() {
        let callbacks = Callbacks::new().unwrap();
        let (go, wait) = channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for _ in 0..MOST_STAYING {
            let wait = Arc::clone(&wait);
            let job = move || {
                let _ = lock(&wait).recv();
            };
            callbacks.occupy(job).unwrap();
        }
        let refused = callbacks.occupy(|| {}).unwrap_err();
        assert_eq!(refused.kind, "limit_reached");
        let (told, seen) = channel();
        callbacks.run(move || told.send(()).unwrap());
        seen.recv_timeout(LONG).unwrap();
        drop(go);
        callbacks.close(LONG);
    }
}
