//! Waiting for a task of a runtime on a thread of the program: [`finished`]. It needs no runtime on that thread, so that it works on
//! every thread but those of a runtime itself, which would wait for themselves.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park, park_timeout};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::callbacks::is_callback;
use crate::status::{Fault, Own};

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for the task, for so long at most; one that is not done by then is given up.
pub(crate) fn finished<T>(task: JoinHandle<Result<T, Fault>>, limit: Option<Duration>) -> Result<T, Fault> {
    may_wait()?;
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let abort = task.abort_handle();
    let mut task = pin!(task);
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(answer) = task.as_mut().poll(&mut context) {
            return answer.unwrap_or_else(|error| Err(lost(error)));
        }
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => park(),
            Some(left) if left.is_zero() => {
                abort.abort();
                return Err(Fault::own(Own::TimedOut, "not done in time"));
            }
            Some(left) => park_timeout(left),
        }
    }
}

/// Fails on a thread on which the engine works: what is waited for may have to be done by it.
pub(crate) fn may_wait() -> Result<(), Fault> {
    if Handle::try_current().is_err() || is_callback() {
        return Ok(());
    }
    let text = "this function must not wait: it was called on a thread on which the engine works";
    Err(Fault::own(Own::WouldDeadlock, text))
}

/// Why there is no answer.
pub(crate) fn lost(error: JoinError) -> Fault {
    match error.try_into_panic() {
        Ok(panic) => Fault::panicked(said(panic.as_ref())),
        // Nobody but the end of the runtime gives up a task that somebody waits for here.
        Err(_) => Fault::closed(),
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const LONG: Option<Duration> = Some(Duration::from_secs(30));

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
    }

    #[test]
    fn an_answer_a_panic_and_the_end_of_the_runtime_are_told_apart() {
        let runtime = runtime();
        assert_eq!(finished(runtime.spawn(async { Ok(7) }), LONG).unwrap(), 7);
        let panicked = runtime.spawn(async { if true { panic!("inside") } else { Ok(()) } });
        assert_eq!(finished(panicked, LONG).unwrap_err().kind, "panic");
        let waits = runtime.spawn(std::future::pending());
        runtime.shutdown_timeout(Duration::from_secs(30));
        assert_eq!(finished::<()>(waits, LONG).unwrap_err().kind, "closed");
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        let runtime = runtime();
        let waits = runtime.spawn(std::future::pending());
        assert_eq!(finished::<()>(waits, Some(Duration::from_millis(1))).unwrap_err().kind, "timed_out");
    }

    #[test]
    fn a_thread_of_the_runtime_must_not_wait() {
        let runtime = runtime();
        let handle = runtime.handle().clone();
        let outer = runtime.spawn(async move { finished(handle.spawn(async { Ok(1) }), LONG) });
        assert_eq!(finished(outer, LONG).unwrap_err().kind, "would_deadlock");
    }
}
