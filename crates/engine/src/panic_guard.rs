//! Turns a panic of somebody else's code into a value: [`CatchPanic`]. It prints nothing and installs no hook.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future whose panic is its result. The panicked future is never polled again, so what it left half done
/// inside is not seen; what it borrowed must make sense after any of its steps.
pub(crate) struct CatchPanic<F>(pub(crate) F);

impl<F: Future + Unpin> Future for CatchPanic<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let inner = &mut self.0;
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll(context))) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(payload) => Poll::Ready(Err(panic_text(&*payload))),
        }
    }
}

/// What a panic said, where it said something.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7.4
    #[tokio::test]
    async fn a_panic_becomes_its_message() {
        let fine = CatchPanic(Box::pin(async { 7 })).await;
        assert_eq!(fine, Ok(7));
        let text = String::from("at step 3");
        let bad = CatchPanic(Box::pin(async move {
            tokio::task::yield_now().await;
            panic!("broke {text}")
        }))
        .await;
        assert_eq!(bad, Err::<(), _>("broke at step 3".to_owned()));
    }
}
