//! What goes into a channel, piece by piece: [`Feed`].
//!
//! Preamble, script and standard input go one after the other. What is in memory is handed over at once and shared,
//! not copied; a file is read as the node takes it. A piece is only forgotten when the channel has it, so a step may
//! be dropped at any time.

use std::collections::VecDeque;
use std::path::Path;

use bytes::Bytes;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::ssh::driver::ChannelHandle;

/// Size of a piece (bytes).
const PIECE: usize = 64 * 1024;

/// What comes after the last piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// The channel's input stays open: it is the lifeline.
    Hold,
    /// The input ends.
    Eof,
    /// The terminal's end-of-file character; a terminal knows no other end.
    ControlD,
}

enum Source {
    Bytes(Bytes),
    File(File),
    /// Nothing goes on until [`Feed::release`].
    Barrier,
}

/// The queue of what is to be written.
pub(crate) struct Feed {
    sources: VecDeque<Source>,
    piece: Option<Bytes>,
    at_end: AtEnd,
    done: bool,
}

impl std::fmt::Debug for Feed {
    /// Says nothing of what is in the queue: there are secrets in the preamble.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("at_end", &self.at_end).field("done", &self.done).finish_non_exhaustive()
    }
}

impl Feed {
    pub(crate) fn new(at_end: AtEnd) -> Self {
        Self { sources: VecDeque::new(), piece: None, at_end, done: false }
    }

    /// Appends bytes.
    pub(crate) fn bytes(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.sources.push_back(Source::Bytes(bytes));
        }
    }

    /// Appends a file of this machine.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) async fn file(&mut self, path: &Path) -> std::io::Result<()> {
        self.sources.push_back(Source::File(File::open(path).await?));
        Ok(())
    }

    /// Appends a place at which the feed waits.
    pub(crate) fn barrier(&mut self) {
        self.sources.push_back(Source::Barrier);
    }

    /// Hands over what is in memory, up to the first file or barrier.
    pub(crate) fn prime(&mut self, channel: &ChannelHandle) {
        while let Some(source) = self.sources.pop_front() {
            match source {
                Source::Bytes(bytes) => channel.write_now(bytes),
                other => {
                    self.sources.push_front(other);
                    return;
                }
            }
        }
        self.finish(channel);
    }

    fn finish(&mut self, channel: &ChannelHandle) {
        match self.at_end {
            AtEnd::Hold => {}
            AtEnd::Eof => channel.send_eof(),
            AtEnd::ControlD => channel.write_now(Bytes::from_static(b"\x04")),
        }
        self.done = true;
    }

    /// Removes the first barrier.
    pub(crate) fn release(&mut self) {
        if let Some(at) = self.sources.iter().position(|source| matches!(source, Source::Barrier)) {
            self.sources.remove(at);
        }
    }

    /// Forgets what has not been handed over; the channel's input stays open.
    pub(crate) fn give_up(&mut self) {
        self.sources.clear();
        self.piece = None;
        self.done = true;
    }

    /// Whether a step can get somewhere.
    pub(crate) fn is_active(&self) -> bool {
        !self.done && (self.piece.is_some() || !matches!(self.sources.front(), Some(Source::Barrier)))
    }

    /// One step. May be dropped at any time without loss.
    ///
    /// # Errors
    /// When a file cannot be read. A node that takes no more input is no error; the feed is then done.
    pub(crate) async fn step(&mut self, channel: &ChannelHandle) -> std::io::Result<()> {
        if self.piece.is_none() {
            self.piece = match self.sources.front_mut() {
                None => {
                    self.finish(channel);
                    return Ok(());
                }
                Some(Source::Barrier) => return Ok(()),
                Some(Source::Bytes(bytes)) => {
                    channel.write_now(std::mem::take(bytes));
                    self.sources.pop_front();
                    return Ok(());
                }
                Some(Source::File(file)) => {
                    let mut buffer = bytes::BytesMut::with_capacity(PIECE);
                    if file.read_buf(&mut buffer).await? == 0 {
                        self.sources.pop_front();
                        return Ok(());
                    }
                    Some(buffer.freeze())
                }
            };
        }
        if let Some(piece) = &self.piece {
            if channel.write(piece.clone()).await.is_err() {
                self.sources.clear();
                self.done = true;
            }
            self.piece = None;
        }
        Ok(())
    }
}
