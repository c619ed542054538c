//! Turns a panic of somebody else's code into a value: [`CatchPanic`] for futures, [`caught`] for calls.
//!
//! Where a panic happened is only known while it happens, and only to the hook of the process. A program that wants to know
//! it installs one with [`note_panics`]; libraries do not.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

/// Calls of the stack above a guard that are noted at most.
const MOST_FRAMES: usize = 64;

thread_local! {
    /// How many guards this thread is in.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic within one happened.
    static NOTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// What it said.
    pub message: String,
    /// Where it happened, with the calls down to the guard; absent without [`note_panics`]. There is nothing of what it said
    /// in it.
    pub stack: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A future whose panic is its result. The panicked future is never polled again, so what it left half done
/// inside is not seen; what it borrowed must make sense after any of its steps.
#[derive(Debug)]
pub struct CatchPanic<F>(pub F);

impl<F: Future + Unpin> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let inner = &mut self.0;
        match caught(|| Pin::new(inner).poll(context)) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

/// Calls it. What it borrowed must make sense after any of its steps.
///
/// # Errors
/// Its panic.
pub fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Panic> {
    GUARDS.set(GUARDS.get().saturating_add(1));
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDS.set(GUARDS.get().saturating_sub(1));
    result.map_err(|payload| Panic { message: panic_text(&*payload), stack: NOTED.take() })
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

/// Has the process note where panics happen that are caught here, in place of having them printed: what a plugin says when it
/// panics may hold a secret, and is told without it as its error. All other panics go on to the hook that was there before.
/// To be called by a program, once; calling it again does nothing.
pub fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if GUARDS.get() > 0 {
                NOTED.set(Some(place_of(panic)));
            } else {
                before(panic);
            }
        }));
    });
}

fn place_of(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let calls = calls_of(&Backtrace::force_capture().to_string());
    format!("panicked at {place}\n{calls}")
}

/// The calls between the machinery of panics and the guard.
fn calls_of(backtrace: &str) -> String {
    let lines: Vec<&str> = backtrace.lines().collect();
    let is_machinery = |line: &&str| {
        ["rust_begin_unwind", "core::panicking::", "std::panicking::", "__rustc"]
            .iter()
            .any(|part| line.contains(part))
    };
    let from = lines.iter().rposition(is_machinery).map_or(0, |at| at + 1);
    let rest = lines.get(from..).unwrap_or_default();
    // The first line may be the place of the call that was left out.
    let rest = rest.iter().skip_while(|line| line.trim_start().starts_with("at "));
    let mut told: Vec<&str> = Vec::new();
    for line in rest.take(2 * MOST_FRAMES) {
        if line.contains("pabawi_domain::panic_guard::") || line.contains("panic_guard.rs") {
            break;
        }
        told.push(line);
    }
    told.join("\n")
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
        let Poll::Ready(Err(broke)) = Pin::new(&mut bad).poll(&mut context) else { panic!() };
        assert_eq!(broke.to_string(), "broke at step 3");
    }

    #[inline(never)]
    fn that_breaks() -> u8 {
        panic!("with a secret")
    }

    /// R5.6: where it happened is noted, with the calls, and without what was said.
    #[test]
    fn the_place_of_a_panic_is_noted_without_its_words() {
        note_panics();
        let panic = caught(|| std::hint::black_box(that_breaks())).unwrap_err();
        let stack = panic.stack.unwrap();
        assert_eq!(panic.message, "with a secret");
        assert!(stack.starts_with("panicked at ") && stack.contains("panic_guard.rs:"), "{stack}");
        assert!(!stack.contains("secret"), "{stack}");
        assert_eq!(NOTED.take(), None, "it is told once");
    }

    #[test]
    fn the_calls_are_those_between_the_panic_and_the_guard() {
        let text = "   0: std::backtrace::Backtrace::force_capture\n   3: core::panicking::panic_fmt\n             at /rustc/x.rs:1:1\n   4: plugin::run\n             at plugin.rs:7:5\n   5: <pabawi_domain::panic_guard::CatchPanic<F> as Future>::poll\n   6: main";
        assert_eq!(calls_of(text), "   4: plugin::run\n             at plugin.rs:7:5");
        assert_eq!(calls_of(""), "");
    }
}
