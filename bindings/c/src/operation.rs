//! A call that goes on beside the program: [`Operation`]. There are three ways to learn that it is done: waiting, a file descriptor
//! that becomes readable, and a function that is called; they can be mixed.

use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::callbacks::Callbacks;
use crate::session::WhenDone;
use crate::status::{Fault, Own};
use crate::waiting::{lost, may_wait};
use crate::wakeup::Wakeup;

/// A call that goes on.
pub(crate) struct Operation {
    answer: Mutex<Option<Result<Arc<str>, Fault>>>,
    changed: Condvar,
    wakeup: Wakeup,
    work: Mutex<Option<AbortHandle>>,
}

/// Tells that nothing comes when its task is dropped with the runtime.
struct Told {
    operation: Arc<Operation>,
    when_done: Option<(Arc<Callbacks>, WhenDone)>,
}

impl Told {
    fn tell(&mut self, answer: Result<Arc<str>, Fault>) {
        let answer = self.operation.finish(answer);
        if let Some((callbacks, then)) = self.when_done.take() {
            callbacks.run(move || then(answer));
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if self.when_done.is_some() || lock(&self.operation.answer).is_none() {
            self.tell(Err(Fault::closed()));
        }
    }
}

impl Operation {
    /// Starts it.
    pub(crate) fn start(
        handle: &Handle,
        work: impl Future<Output = Result<String, Fault>> + Send + 'static,
        when_done: Option<(Arc<Callbacks>, WhenDone)>,
    ) -> Arc<Self> {
        let operation = Arc::new(Self {
            answer: Mutex::default(),
            changed: Condvar::new(),
            wakeup: Wakeup::default(),
            work: Mutex::default(),
        });
        let work = handle.spawn(work);
        *lock(&operation.work) = Some(work.abort_handle());
        let mut told = Told { operation: Arc::clone(&operation), when_done };
        handle.spawn(async move {
            let answer = work.await.unwrap_or_else(|error| Err(lost(error)));
            told.tell(answer.map(Arc::from));
        });
        operation
    }

    /// Waits for the answer, without a limit where there is none.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<Arc<str>, Fault> {
        if limit != Some(Duration::ZERO) {
            may_wait()?;
        }
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut answer = lock(&self.answer);
        loop {
            if let Some(answer) = answer.as_ref() {
                return answer.clone();
            }
            let Some(until) = until else {
                answer = self.changed.wait(answer).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::own(Own::TimedOut, "not done in time; it goes on"));
            }
            answer = self.changed.wait_timeout(answer, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives it up. What it has begun to do on nodes goes on.
    pub(crate) fn abort(&self) {
        // Who waits is told first that it was given up, not that it is gone.
        let _ = self.finish(Err(Fault::own(Own::Aborted, "the call was given up")));
        if let Some(work) = lock(&self.work).take() {
            work.abort();
        }
    }

    /// A file descriptor that is readable once it is done.
    pub(crate) fn descriptor(&self) -> Result<i32, Fault> {
        self.wakeup.descriptor()
    }

    /// Keeps the first answer and tells it to all who wait.
    fn finish(&self, told: Result<Arc<str>, Fault>) -> Result<Arc<str>, Fault> {
        let mut answer = lock(&self.answer);
        let kept = answer.get_or_insert(told).clone();
        drop(answer);
        self.changed.notify_all();
        self.wakeup.set(true);
        kept
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(1).build().unwrap()
    }

    #[test]
    fn it_is_told_once_that_it_is_done_however_it_ends() {
        let callbacks = Arc::new(Callbacks::new().unwrap());
        for (end, kind) in [("answer", ""), ("panic", "panic"), ("abort", "aborted"), ("runtime", "closed")] {
            let runtime = runtime();
            let (told, seen) = channel();
            let then: WhenDone =
                Box::new(move |answer| told.send(answer.map_err(|fault| fault.kind)).unwrap());
            let work = async move {
                match end {
                    "answer" => Ok("7".to_owned()),
                    "panic" => panic!("inside"),
                    _ => std::future::pending().await,
                }
            };
            let when_done = Some((Arc::clone(&callbacks), then));
            let operation = Operation::start(runtime.handle(), work, when_done);
            match end {
                "abort" => operation.abort(),
                "runtime" => runtime.shutdown_timeout(LONG),
                _ => {}
            }
            let answer = seen.recv_timeout(LONG).unwrap();
            assert_eq!(answer.err().unwrap_or_default(), kind, "{end}");
            assert!(seen.recv().is_err(), "{end}: told twice");
            assert_eq!(
                operation.wait(Some(Duration::ZERO)).err().map(|it| it.kind).unwrap_or_default(),
                kind
            );
        }
    }

    #[test]
    fn waiting_has_a_limit() {
        let runtime = runtime();
        let operation = Operation::start(runtime.handle(), std::future::pending(), None);
        assert_eq!(operation.wait(Some(Duration::ZERO)).unwrap_err().kind, "timed_out");
    }
}
