//! [`Interrupts`]: Ctrl-C, SIGTERM and SIGHUP as something to wait for.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the signals that ask `pab` to end. From its creation on they no longer end the process by
/// themselves.
pub(crate) struct Interrupts {
    int: Signal,
    term: Signal,
    hup: Signal,
}

impl Interrupts {
    /// Starts to listen. Needs a runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            int: signal(SignalKind::interrupt()).context("listen for Ctrl-C")?,
            term: signal(SignalKind::terminate()).context("listen for SIGTERM")?,
            hup: signal(SignalKind::hangup()).context("listen for SIGHUP")?,
        })
    }

    /// The next signal. May be dropped and called anew without loss.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.term.recv() => {}
            _ = self.hup.recv() => {}
        }
    }
}
