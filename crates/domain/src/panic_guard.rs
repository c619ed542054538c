//! Turns a panic of somebody else's code into a value: [`CatchPanic`]. It prints nothing and installs no hook.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future whose panic is its result. The panicked future is never polled again, so what it left half done
/// inside is not seen; what it borrowed must make sense after any of its steps.
#[derive(Debug)]
pub struct CatchPanic<F>(pub F);

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
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
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
    use std::task::Waker;

    /// R7.4
    #[test]
    fn a_panic_becomes_its_message() {
        let mut context = Context::from_waker(Waker::noop());
        let mut fine = CatchPanic(Box::pin(async { 7 }));
        assert_eq!(Pin::new(&mut fine).poll(&mut context), Poll::Ready(Ok(7)));
        let text = String::from("at step 3");
        let mut steps = 0;
        let mut bad = CatchPanic(Box::pin(std::future::poll_fn(move |_| {
            steps += 1;
            if steps < 2 { Poll::<()>::Pending } else { panic!("broke {text}") }
        })));
        assert_eq!(Pin::new(&mut bad).poll(&mut context), Poll::Pending);
        let broke = Pin::new(&mut bad).poll(&mut context);
        assert_eq!(broke, Poll::Ready(Err("broke at step 3".to_owned())));
    }
}
