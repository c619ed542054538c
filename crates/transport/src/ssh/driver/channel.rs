//! One channel of a session as libssh2 sees it: [`RawChannel`], a thin layer over its functions.
//!
//! `ssh2::Channel` hides the pointer that `has_exit_status` needs and waits when it is dropped; this one does
//! neither. Every call takes the session too, so that the borrow checker keeps two calls into one session apart.
//! Nothing here waits or knows what a command is.

use std::ffi::{c_char, c_int};
use std::ptr::NonNull;

use libssh2_sys as raw;

use super::ffi;
use super::session::{SshError, SshSession, Step, StepResult, c_len};

/// Receive window of a channel (bytes): what an unread channel can cost.
pub(super) const WINDOW: u32 = 256 * 1024;
/// Largest packet we accept (bytes).
pub(super) const PACKET: u32 = 32 * 1024;

/// `SSH_EXTENDED_DATA_STDERR` (RFC 4254 section 5.2).
pub(super) const STDERR: c_int = 1;

/// A channel of one session. It must not be used after that session is gone; the driver drops all its channels
/// together with the session. Dropping it does nothing: the session frees what [`RawChannel::free`] did not.
#[derive(Debug)]
pub(super) struct RawChannel(NonNull<raw::LIBSSH2_CHANNEL>);

// SAFETY: a channel is part of its session, which may be moved between threads (see `SshSession`); every method
// needs the session too, so the two are used by one thread at a time.
unsafe impl Send for RawChannel {}

/// How a process ended, as the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExitReport {
    /// `exit-status` (RFC 4254 section 6.10).
    Status(i32),
    /// `exit-signal`, without `SIG`.
    Signal(String),
}

/// What reading gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Bytes.
    Data(usize),
    /// Nothing now.
    Nothing,
    /// Nothing ever again.
    End,
}

impl SshSession {
    /// Asks for a channel. The arguments must be the same until the step is done.
    pub(super) fn open_channel(&mut self, kind: &str, message: &[u8]) -> StepResult<RawChannel> {
        let (kind_len, message_len) = (c_len(kind.len())?, c_len(message.len())?);
        let message_ptr: *const c_char =
            if message.is_empty() { std::ptr::null() } else { message.as_ptr().cast() };
        // SAFETY: the session is live; both areas are valid for their lengths during the call.
        let channel = unsafe {
            raw::libssh2_channel_open_ex(
                self.raw,
                kind.as_ptr().cast(),
                kind_len,
                WINDOW,
                PACKET,
                message_ptr,
                message_len,
            )
        };
        match NonNull::new(channel) {
            Some(channel) => Ok(Step::Done(RawChannel(channel))),
            None => match self.last_code() {
                raw::LIBSSH2_ERROR_EAGAIN => Ok(Step::Again),
                code => Err(self.error(code)),
            },
        }
    }

    /// Asks for a terminal on the channel (RFC 4254 section 6.2). `modes` is encoded as section 8 says.
    pub(super) fn request_pty(&mut self, channel: &RawChannel, modes: &[u8]) -> StepResult<()> {
        let (term, modes_len) = ("xterm", c_len(modes.len())?);
        // SAFETY: session and channel are live; both areas are valid for their lengths during the call.
        let rc = unsafe {
            raw::libssh2_channel_request_pty_ex(
                channel.0.as_ptr(),
                term.as_ptr().cast(),
                c_len(term.len())?,
                modes.as_ptr().cast(),
                modes_len,
                80,
                24,
                0,
                0,
            )
        };
        self.step(rc)
    }

    /// Starts `command` on the channel (RFC 4254 section 6.5).
    pub(super) fn exec(&mut self, channel: &RawChannel, command: &str) -> StepResult<()> {
        let request = "exec";
        // SAFETY: session and channel are live; both areas are valid for their lengths during the call.
        let rc = unsafe {
            raw::libssh2_channel_process_startup(
                channel.0.as_ptr(),
                request.as_ptr().cast(),
                c_len(request.len())?,
                command.as_ptr().cast(),
                c_len(command.len())?,
            )
        };
        self.step(rc)
    }

    /// Reads from one stream of the channel. An empty buffer reads nothing and still takes in what has come for
    /// the session, which is how a connection without a reader stays alive.
    pub(super) fn read(
        &mut self,
        channel: &RawChannel,
        stream: c_int,
        buffer: &mut [u8],
    ) -> Result<Read, SshError> {
        // SAFETY: session and channel are live; the buffer is valid for writes of its length.
        let n = unsafe {
            raw::libssh2_channel_read_ex(channel.0.as_ptr(), stream, buffer.as_mut_ptr().cast(), buffer.len())
        };
        match (n, usize::try_from(n)) {
            (_, Ok(0)) => Ok(Read::End),
            (_, Ok(n)) => Ok(Read::Data(n)),
            (n, Err(_)) => match c_int::try_from(n) {
                Ok(raw::LIBSSH2_ERROR_EAGAIN) => Ok(Read::Nothing),
                Ok(code) => Err(self.error(code)),
                Err(_) => Err(SshError::own(raw::LIBSSH2_ERROR_PROTO, "impossible length")),
            },
        }
    }

    /// Writes to the channel's input; 0 means that nothing fits now. After 0 the same bytes must be offered
    /// again.
    pub(super) fn write(&mut self, channel: &RawChannel, bytes: &[u8]) -> Result<usize, SshError> {
        // SAFETY: session and channel are live; the area is valid for its length.
        let n = unsafe {
            raw::libssh2_channel_write_ex(channel.0.as_ptr(), 0, bytes.as_ptr().cast(), bytes.len())
        };
        match (n, usize::try_from(n)) {
            (_, Ok(n)) => Ok(n),
            (n, Err(_)) => match c_int::try_from(n) {
                Ok(raw::LIBSSH2_ERROR_EAGAIN) => Ok(0),
                Ok(code) => Err(self.error(code)),
                Err(_) => Err(SshError::own(raw::LIBSSH2_ERROR_PROTO, "impossible length")),
            },
        }
    }

    /// Ends the channel's input.
    pub(super) fn send_eof(&mut self, channel: &RawChannel) -> StepResult<()> {
        // SAFETY: session and channel are live.
        let rc = unsafe { raw::libssh2_channel_send_eof(channel.0.as_ptr()) };
        self.step(rc)
    }

    /// Closes the channel; done when the server has closed it too.
    pub(super) fn close(&mut self, channel: &RawChannel) -> StepResult<()> {
        // SAFETY: session and channel are live.
        let rc = unsafe { raw::libssh2_channel_close(channel.0.as_ptr()) };
        self.step(rc)
    }

    /// Whether the server will send no more data and all of it has been read.
    pub(super) fn at_eof(&mut self, channel: &RawChannel) -> bool {
        // SAFETY: session and channel are live.
        unsafe { raw::libssh2_channel_eof(channel.0.as_ptr()) == 1 }
    }

    /// Whether the server has closed the channel. Only meaningful once [`Self::at_eof`] is true.
    pub(super) fn closed_by_peer(&mut self, channel: &RawChannel) -> Result<bool, SshError> {
        // SAFETY: session and channel are live.
        let rc = unsafe { raw::libssh2_channel_wait_closed(channel.0.as_ptr()) };
        match self.step(rc) {
            Ok(Step::Done(())) => Ok(true),
            Ok(Step::Again) => Ok(false),
            Err(error) if error.ends_session() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// How the process ended, as soon as the server has said so.
    pub(super) fn exit_report(&mut self, channel: &RawChannel) -> Option<ExitReport> {
        // SAFETY: session and channel are live.
        unsafe {
            if ffi::libssh2_channel_has_exit_status(channel.0.as_ptr()) != 0 {
                return Some(ExitReport::Status(raw::libssh2_channel_get_exit_status(channel.0.as_ptr())));
            }
        }
        let mut name: *mut c_char = std::ptr::null_mut();
        let mut name_len = 0_usize;
        // SAFETY: session and channel are live; libssh2 allows null for what is not asked for. The name is a copy
        // made with the session's allocator, valid for `name_len` bytes, and is given back.
        unsafe {
            let rc = raw::libssh2_channel_get_exit_signal(
                channel.0.as_ptr(),
                &raw mut name,
                &raw mut name_len,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
            if rc != 0 || name.is_null() {
                return None;
            }
            let text =
                String::from_utf8_lossy(std::slice::from_raw_parts(name.cast::<u8>(), name_len)).into_owned();
            raw::libssh2_free(self.raw, name.cast());
            Some(ExitReport::Signal(text))
        }
    }

    /// Forgets a channel that is closed on both sides.
    pub(super) fn free_channel(&mut self, channel: RawChannel) {
        // SAFETY: session and channel are live, and the channel is not used again: this takes it.
        unsafe { raw::libssh2_channel_free(channel.0.as_ptr()) };
    }
}
