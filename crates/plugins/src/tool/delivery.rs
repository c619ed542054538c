//! What a node is told by the task that reads the tool: [`Delivery`]. A node that is not read is waited for, and cut after
//! [`STALL`].

use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::ActionEnd;
use tokio::sync::{mpsc, oneshot};

/// So long a node that takes nothing may hold up the others of its run.
pub const STALL: Duration = Duration::from_secs(60);
/// Bytes that are told at once.
pub(super) const PIECE: usize = 16 * 1024;
/// Pieces that wait for a node.
const WAITING: usize = 16;

/// How a node ended.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) end: ActionEnd,
    /// Output is missing.
    pub(super) is_cut: bool,
}

/// The way to one node.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Until nothing more is told.
    pieces: Option<mpsc::Sender<(StreamKind, Bytes)>>,
    /// Until the end is told.
    last: Option<oneshot::Sender<Last>>,
    is_cut: bool,
}

/// The two ends that a node reads.
pub(super) type Ends = (mpsc::Receiver<(StreamKind, Bytes)>, oneshot::Receiver<Last>);

impl Delivery {
    pub(super) fn new() -> (Self, Ends) {
        let (pieces, output) = mpsc::channel(WAITING);
        let (last, end) = oneshot::channel();
        (Self { pieces: Some(pieces), last: Some(last), is_cut: false }, (output, end))
    }

    /// Whether the node has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.last.is_some()
    }

    /// Where its output goes; nowhere when it has ended, was cut or is not read any more.
    pub(super) fn pieces(&self) -> Option<mpsc::Sender<(StreamKind, Bytes)>> {
        self.pieces.clone().filter(|pieces| !pieces.is_closed())
    }

    /// Nothing more is told but the end.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
        self.pieces = None;
    }

    /// Tells the end, once.
    pub(super) fn end(&mut self, end: ActionEnd) {
        self.pieces = None;
        if let Some(last) = self.last.take() {
            // Whoever has gone away needs no end.
            let _ = last.send(Last { end, is_cut: self.is_cut });
        }
    }
}
