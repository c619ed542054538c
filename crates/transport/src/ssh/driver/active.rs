//! A channel that runs, and what one turn of the driver does for it: [`ActiveChannel`].
//!
//! Input goes out as far as the node's window and our backlog allow, output comes in as far as its reader has room.
//! Nothing here waits.

use std::sync::Arc;

use pabawi_domain::output::StreamKind;

use super::channel::{RawChannel, Read, STDERR};
use super::connection::{Connection, with_scratch};
use super::pipe::{ChannelEvent, Pipe};
use super::session::{SshError, Step};

/// Reads from one stream of one channel in one turn.
const READS_PER_TURN: u32 = 8;
/// Bytes that one channel writes in one turn, but for the packet that exceeds them: less than the backlog allows, so
/// that others get their turn before it is full.
const WRITE_PER_TURN: usize = 64 * 1024;
/// Bytes of one read.
const READ_SIZE: usize = 32 * 1024;

/// A channel that runs or is being closed.
#[derive(Debug)]
pub(super) struct ActiveChannel {
    pub(super) raw: RawChannel,
    pub(super) pipe: Arc<Pipe>,
    pub(super) tunnel: bool,
    eof_sent: bool,
    input_open: bool,
    exit_told: bool,
    pub(super) eof_told: bool,
    pub(super) closing: bool,
}

/// What a turn of one channel gave.
pub(super) struct ChannelTurn {
    pub(super) progress: bool,
    /// It is closed on both sides.
    pub(super) closed: bool,
    /// It had input to write and wrote nothing, because others had filled the backlog.
    pub(super) held_up: bool,
}

impl ActiveChannel {
    pub(super) fn new(raw: RawChannel, pipe: Arc<Pipe>, tunnel: bool) -> Self {
        Self {
            raw,
            pipe,
            tunnel,
            eof_sent: false,
            input_open: true,
            exit_told: false,
            eof_told: false,
            closing: false,
        }
    }

    /// Moves input and output as far as they go.
    ///
    /// # Errors
    /// [`SshError`] when the whole session is at its end.
    pub(super) fn turn(&mut self, connection: &mut Connection) -> Result<ChannelTurn, SshError> {
        let (mut progress, mut held_up) = (false, false);
        if !self.closing {
            (progress, held_up) = self.write(connection)?;
            progress |= self.read(connection)?;
            progress |= self.tell(connection)?;
        }
        if self.closing {
            let closed = match connection.session.close(&self.raw) {
                Ok(Step::Done(())) => true,
                Ok(Step::Again) => false,
                Err(error) if error.ends_session() => return Err(error),
                Err(_) => true,
            };
            return Ok(ChannelTurn { progress, closed, held_up: false });
        }
        Ok(ChannelTurn { progress, closed: false, held_up })
    }

    /// Whether something moved, and whether nothing did because of the others.
    fn write(&mut self, connection: &mut Connection) -> Result<(bool, bool), SshError> {
        let (mut progress, mut held_up) = (false, false);
        let mut written = 0;
        // What is offered is never cut to what is left of the turn: libssh2 wants to see the same bytes again.
        while self.input_open && written < WRITE_PER_TURN {
            let Some(bytes) = self.pipe.front() else { break };
            if connection.session.io().backlogged() {
                held_up = written == 0;
                break;
            }
            match connection.session.write(&self.raw, &bytes) {
                Ok(0) => break,
                Ok(n) => {
                    self.pipe.written(n);
                    written += n;
                    progress = true;
                }
                // libssh2 takes in what has come before it writes, and may meet the session's end there.
                Err(error) if error.ends_session() => return Err(error),
                Err(_) => {
                    self.input_open = false;
                    self.pipe.refuse_input();
                }
            }
        }
        if !self.eof_sent && self.pipe.input_done() {
            match connection.session.send_eof(&self.raw) {
                Ok(Step::Again) => {}
                Err(error) if error.ends_session() => return Err(error),
                // An input that cannot be ended because the channel is gone is as good as ended.
                Ok(Step::Done(())) | Err(_) => {
                    self.eof_sent = true;
                    self.input_open = false;
                    progress = true;
                }
            }
        }
        Ok((progress, held_up))
    }

    fn read(&mut self, connection: &mut Connection) -> Result<bool, SshError> {
        let mut progress = false;
        // Standard error first: what a wrapper tells about a process comes before the process's own output.
        for (stream, kind) in [(STDERR, StreamKind::Stderr), (0, StreamKind::Stdout)] {
            for _ in 0..READS_PER_TURN {
                if !self.pipe.has_room() {
                    break;
                }
                let session = &mut connection.session;
                let (read, data) = with_scratch(|buffer| {
                    let buffer = buffer.get_mut(..READ_SIZE).unwrap_or_default();
                    let read = session.read(&self.raw, stream, buffer);
                    let data = match &read {
                        Ok(Read::Data(n)) => buffer.get(..*n).map(bytes::Bytes::copy_from_slice),
                        _ => None,
                    };
                    (read, data)
                });
                match (read?, data) {
                    (Read::Data(_), Some(data)) => {
                        progress = true;
                        self.pipe.push(ChannelEvent::Data(kind, data));
                    }
                    _ => break,
                }
            }
        }
        Ok(progress)
    }

    /// Tells the user about exit and end of file, and decides when to close.
    fn tell(&mut self, connection: &mut Connection) -> Result<bool, SshError> {
        let mut progress = self.tell_exit(connection);
        let session = &mut connection.session;
        if !self.eof_told && session.at_eof(&self.raw) {
            self.eof_told = true;
            progress = true;
            self.pipe.push(ChannelEvent::Eof);
        }
        let complete = self.eof_told
            && (self.exit_told || (self.tunnel && self.eof_sent) || session.closed_by_peer(&self.raw)?);
        if complete || self.pipe.wants_close() {
            // The exit status may have come with the close, after it was asked for above.
            if self.eof_told {
                self.tell_exit(connection);
            }
            self.pipe.refuse_input();
            self.closing = true;
            progress = true;
        }
        Ok(progress)
    }

    /// Tells how the process ended, once. True when that was now.
    fn tell_exit(&mut self, connection: &mut Connection) -> bool {
        if self.exit_told || self.tunnel {
            return false;
        }
        let Some(report) = connection.session.exit_report(&self.raw) else { return false };
        self.exit_told = true;
        self.pipe.push(ChannelEvent::Exit(report));
        true
    }
}
