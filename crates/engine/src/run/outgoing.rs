//! What a run has read and not yet told its hub: [`Outgoing`]. It cuts output into events and waits for room; it keeps
//! nothing and reads nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::output::StreamKind;
use tokio::time::Instant;

use super::context::RunContext;
use crate::emit::Message;
use crate::pressure::Held;

/// The longest piece of output in one event, in bytes.
const MAX_PIECE: usize = 64 * 1024;
/// Shorter output is copied out of the transport's buffer, so that a few bytes in an event that is kept for
/// readers do not keep a whole buffer alive.
const COPIED_BELOW: usize = 16 * 1024;
/// How often the progress of a copy is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Pieces in their order. Nothing more is read from the node while something waits here.
pub(super) struct Outgoing {
    context: Arc<RunContext>,
    /// The run's place in the plan.
    index: u32,
    waiting: VecDeque<Piece>,
    progress_told: Option<Instant>,
}

/// Something that waits for room at the hub.
enum Piece {
    Output { stream: StreamKind, offset: u64, data: Bytes, held: Held },
    Progress { done_bytes: u64, total_bytes: Option<u64> },
}

impl Outgoing {
    pub(super) fn new(context: &Arc<RunContext>, index: u32) -> Self {
        Self { context: Arc::clone(context), index, waiting: VecDeque::new(), progress_told: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Cuts output into events: none longer than [`MAX_PIECE`], and none across the limit of what is stored.
    pub(super) fn output(&mut self, stream: StreamKind, mut offset: u64, mut data: Bytes) {
        if data.len() < COPIED_BELOW {
            data = Bytes::copy_from_slice(&data);
        }
        let stored = self.context.limits.stored_output_event_bytes;
        // Ends: each turn takes at least one byte off.
        while !data.is_empty() {
            let to_limit = stored.checked_sub(offset).filter(|left| *left > 0);
            let to_limit = to_limit.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
            let piece = data.split_to(data.len().min(MAX_PIECE).min(to_limit));
            let length = piece.len() as u64;
            let held = self.context.budget.hold(piece.len());
            self.waiting.push_back(Piece::Output { stream, offset, data: piece, held });
            offset += length;
        }
    }

    /// Progress of a copy is told now and then only.
    pub(super) fn progress(&mut self, done_bytes: u64, total_bytes: Option<u64>) {
        if self.progress_told.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
            self.last_progress(done_bytes, total_bytes);
        }
    }

    /// Progress that is told whenever it comes.
    pub(super) fn last_progress(&mut self, done_bytes: u64, total_bytes: Option<u64>) {
        self.progress_told = Some(Instant::now());
        self.waiting.push_back(Piece::Progress { done_bytes, total_bytes });
    }

    /// Tells the hub what has waited longest. Dropping the future loses nothing. `false` when the hub is gone.
    pub(super) async fn tell(&mut self) -> bool {
        let context = &self.context;
        let room = match self.waiting.front() {
            None => return true,
            Some(Piece::Progress { .. }) => None,
            Some(Piece::Output { data, .. }) => {
                let bytes = data.len().min(context.limits.output_in_flight_bytes);
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                match Arc::clone(&context.output_room).acquire_many_owned(bytes).await {
                    Ok(room) => Some(room),
                    Err(_) => return false,
                }
            }
        };
        let Ok(place) = context.hub.reserve().await else { return false };
        let index = self.index;
        match self.waiting.pop_front() {
            None => {}
            Some(Piece::Output { stream, offset, data, held }) => {
                place.send(Message::Output { index, stream, offset, data, room, held });
            }
            Some(Piece::Progress { done_bytes, total_bytes }) => {
                place.send(Message::CopyProgress { index, done_bytes, total_bytes });
            }
        }
        true
    }
}
