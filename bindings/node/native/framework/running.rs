//! Calls that run: [`Running`]. A call is a task of tokio; its promise settles when that ends, and a caller can give it up by
//! the number that it was made under.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, spawn};
use pabawi::ErrorCode;
use pabawi::json::Failure;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::answer::Answer;

/// Calls that run, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Running {
    calls: Mutex<HashMap<u32, AbortHandle>>,
}

impl Running {
    /// Starts a call. Its promise is never rejected.
    pub(super) fn start<'env, A: Answer>(
        self: &Arc<Self>,
        env: &'env Env,
        number: u32,
        call: impl Future<Output = Result<A, Failure>> + Send + 'static,
    ) -> napi::Result<PromiseRaw<'env, A::Value<'env>>> {
        let (told, answer) = oneshot::channel();
        let task = spawn(async move {
            // Nobody listens any more when the environment is gone.
            let _ = told.send(call.await);
        });
        self.lock().insert(number, task.abort_handle());
        let running = Arc::clone(self);
        let answer = async move {
            let answer = answer.await;
            let was_known = running.lock().remove(&number).is_some();
            let answer = answer.unwrap_or_else(|_| {
                // Its task is gone without an answer: given up, or it panicked.
                let panicked = Failure::new(ErrorCode::Internal, "a panic ended the call");
                Err(if was_known { panicked } else { Failure::aborted() })
            });
            Ok(A::of(answer))
        };
        env.spawn_future_with_callback(answer, |env, answer| answer.cross(env))
    }

    /// Gives a call up: what it waits for is not waited for any more.
    pub(super) fn abandon(&self, number: u32) {
        if let Some(task) = self.lock().remove(&number) {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, AbortHandle>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
