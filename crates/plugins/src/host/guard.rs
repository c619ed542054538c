//! The fence around calls of plugins (R7.4): [`guarded`]. A panic and a call that does not return are answers.

use std::fmt;
use std::time::Duration;

use pabawi_domain::cut::message;
use pabawi_domain::panic_guard::{CatchPanic, Panic, caught};

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broke {
    /// It panicked, with these words.
    Panicked(Panic),
    /// It did not return within this time.
    Late(Duration),
}

impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(words) => write!(f, "panicked: {words}"),
            Self::Late(patience) => write!(f, "did not answer within {} ms", patience.as_millis()),
        }
    }
}

/// The answer of a call, within the time that it is given.
///
/// # Errors
/// [`Broke`].
pub(super) async fn guarded<T>(call: impl Future<Output = T> + Send, patience: Duration) -> Result<T, Broke> {
    match tokio::time::timeout(patience, CatchPanic(Box::pin(call))).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(panic)) => Err(Broke::Panicked(cut(panic))),
        Err(_) => Err(Broke::Late(patience)),
    }
}

/// The same for a call that is no future. It has a thread of its own, which it keeps when it does not return; the runtime's
/// threads have other work.
///
/// # Errors
/// [`Broke`].
pub(super) async fn guarded_aside<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
    patience: Duration,
) -> Result<T, Broke> {
    match tokio::time::timeout(patience, tokio::task::spawn_blocking(move || caught(call))).await {
        Ok(Ok(answer)) => answer.map_err(|panic| Broke::Panicked(cut(panic))),
        // The runtime is being shut down.
        Ok(Err(error)) => Err(Broke::Panicked(Panic { message: error.to_string(), stack: None })),
        Err(_) => Err(Broke::Late(patience)),
    }
}

fn cut(panic: Panic) -> Panic {
    Panic { message: message(panic.message), ..panic }
}
