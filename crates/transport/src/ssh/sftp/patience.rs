//! Waiting for a node in short pieces: [`Patience`].
//!
//! libssh2 keeps the state of an operation that timed out, as it does for one that would block, so the same call
//! made again goes on with it. The short timeout is what lets a copy be cancelled while the node is silent.

use std::io;
use std::time::{Duration, Instant};

use libssh2_sys::LIBSSH2_ERROR_TIMEOUT;
use ssh2::{Error, ErrorCode, Session};

use crate::copy::{CopyFault, Job};

/// One piece of waiting, in milliseconds: the longest a cancel goes unnoticed.
pub(super) const TICK_MS: u32 = 500;
/// Silence after which the node counts as lost.
pub(super) const STALL: Duration = Duration::from_secs(60);
/// The same while cleaning up after a cancel.
const LAST_STALL: Duration = Duration::from_secs(5);

/// Makes calls on one session.
#[derive(Clone, Copy)]
pub(super) struct Patience<'s> {
    pub(super) session: &'s Session,
    pub(super) job: &'s Job,
}

impl Patience<'_> {
    /// Makes a call again as long as it only timed out.
    ///
    /// # Errors
    /// The inner one is libssh2's; the outer one tells that the wait itself was given up.
    pub(super) fn call<T>(
        &self,
        call: impl FnMut() -> Result<T, Error>,
    ) -> Result<Result<T, Error>, CopyFault> {
        self.wait(STALL, true, call, |error| error.code() == ErrorCode::Session(LIBSSH2_ERROR_TIMEOUT))
    }

    /// As [`Self::call`], but not to be stopped by a cancel: for a step after which another one must follow.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) fn call_through<T>(
        &self,
        call: impl FnMut() -> Result<T, Error>,
    ) -> Result<Result<T, Error>, CopyFault> {
        self.wait(STALL, false, call, |error| error.code() == ErrorCode::Session(LIBSSH2_ERROR_TIMEOUT))
    }

    /// As [`Self::call`], for reading and writing.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) fn transfer<T>(
        &self,
        limit: Duration,
        call: impl FnMut() -> io::Result<T>,
    ) -> Result<io::Result<T>, CopyFault> {
        self.wait(limit, true, call, |error| error.kind() == io::ErrorKind::TimedOut)
    }

    /// As [`Self::call`], also after a cancel, and with less patience.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) fn last_call<T>(
        &self,
        call: impl FnMut() -> Result<T, Error>,
    ) -> Result<Result<T, Error>, CopyFault> {
        self.wait(LAST_STALL, false, call, |error| error.code() == ErrorCode::Session(LIBSSH2_ERROR_TIMEOUT))
    }

    /// For calls that cannot be made again: one long wait.
    pub(super) fn once<T>(&self, call: impl FnOnce() -> T) -> T {
        self.session.set_timeout(u32::try_from(STALL.as_millis()).unwrap_or(u32::MAX));
        let result = call();
        self.session.set_timeout(TICK_MS);
        result
    }

    fn wait<T, E>(
        &self,
        limit: Duration,
        check: bool,
        mut call: impl FnMut() -> Result<T, E>,
        timed_out: impl Fn(&E) -> bool,
    ) -> Result<Result<T, E>, CopyFault> {
        let begin = Instant::now();
        // Ends at the limit.
        loop {
            match call() {
                Err(error) if timed_out(&error) => {
                    if check {
                        self.job.check()?;
                    }
                    if begin.elapsed() >= limit {
                        let message =
                            format!("the node has been silent for {} s during a copy", limit.as_secs());
                        return Err(CopyFault::Link { message, source: None });
                    }
                }
                result => return Ok(result),
            }
        }
    }
}
