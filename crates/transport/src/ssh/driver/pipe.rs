//! The bounded queues between the driver task and the one who uses a channel.
//!
//! [`ChannelHandle`] is the user's end, [`Pipe`] the driver's. Both directions are bounded in bytes: a full output
//! queue makes the driver stop reading that channel, so that the SSH window closes and the node waits; a full
//! input queue makes the writer wait. The lock is held for moving a few pointers, never over an await.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pabawi_domain::output::StreamKind;
use tokio::sync::Notify;

use super::channel::ExitReport;
use super::message::LinkEnd;

/// Output that may wait for its reader (bytes). The driver may exceed it by one read.
const OUTPUT_LIMIT: usize = 256 * 1024;
/// Input that may wait for the node (bytes).
const INPUT_LIMIT: usize = 256 * 1024;

/// What comes out of a channel.
#[derive(Debug, Clone)]
pub(crate) enum ChannelEvent {
    /// Output, in order within its stream.
    Data(StreamKind, Bytes),
    /// The process has ended. Output may still come.
    Exit(ExitReport),
    /// No output will come any more.
    Eof,
    /// The channel is closed on both sides. Nothing comes after it.
    Closed,
    /// The connection ended first. Nothing comes after it.
    Lost(LinkEnd),
}

#[derive(Default)]
struct State {
    output: VecDeque<ChannelEvent>,
    output_bytes: usize,
    /// Output is thrown away from now on.
    discard: bool,
    /// What ended the channel; kept so that it can be told again.
    end: Option<ChannelEvent>,
    input: VecDeque<Bytes>,
    input_bytes: usize,
    input_ended: bool,
    /// The node takes no more input.
    input_refused: bool,
    close: bool,
}

/// The driver's end.
pub(super) struct Pipe {
    state: Mutex<State>,
    reader: Notify,
    writer: Notify,
    driver: Arc<Notify>,
}

impl std::fmt::Debug for Pipe {
    /// Says nothing of what is in the queues: it may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}

impl Pipe {
    /// A new pair of queues; `driver` is woken whenever the user did something.
    pub(super) fn new(driver: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), reader: Notify::new(), writer: Notify::new(), driver })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock; a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the driver may read more from the node.
    pub(super) fn has_room(&self) -> bool {
        let state = self.lock();
        state.discard || state.output_bytes < OUTPUT_LIMIT
    }

    pub(super) fn push(&self, event: ChannelEvent) {
        let mut state = self.lock();
        match &event {
            ChannelEvent::Data(_, _) if state.discard => return,
            ChannelEvent::Data(_, data) => state.output_bytes += data.len(),
            ChannelEvent::Closed | ChannelEvent::Lost(_) => {
                state.input_refused = true;
                state.end.get_or_insert_with(|| event.clone());
            }
            ChannelEvent::Exit(_) | ChannelEvent::Eof => {}
        }
        state.output.push_back(event);
        let ended = state.end.is_some();
        drop(state);
        self.reader.notify_one();
        if ended {
            self.writer.notify_one();
        }
    }

    /// The input that is to be written next; the same until [`Self::written`].
    pub(super) fn front(&self) -> Option<Bytes> {
        self.lock().input.front().cloned()
    }

    /// The node took `n` bytes of [`Self::front`].
    pub(super) fn written(&self, n: usize) {
        let mut state = self.lock();
        state.input_bytes = state.input_bytes.saturating_sub(n);
        let empty = state.input.front_mut().is_some_and(|front| {
            let _taken = front.split_to(n.min(front.len()));
            front.is_empty()
        });
        if empty {
            state.input.pop_front();
        }
        drop(state);
        self.writer.notify_one();
    }

    /// The node takes no more input: what waits is thrown away.
    pub(super) fn refuse_input(&self) {
        let mut state = self.lock();
        state.input_refused = true;
        state.input.clear();
        state.input_bytes = 0;
        drop(state);
        self.writer.notify_one();
    }

    /// Whether the input is complete and all of it has been written.
    pub(super) fn input_done(&self) -> bool {
        let state = self.lock();
        state.input_ended && state.input.is_empty()
    }

    /// Whether the user wants the channel closed.
    pub(super) fn wants_close(&self) -> bool {
        self.lock().close
    }
}

/// The user's end of a channel. Dropping it closes the channel.
#[derive(Debug)]
pub(crate) struct ChannelHandle {
    pipe: Arc<Pipe>,
}

/// The node takes no more input on this channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node takes no more input")]
pub(crate) struct InputRefused;

impl ChannelHandle {
    pub(super) fn new(pipe: Arc<Pipe>) -> Self {
        Self { pipe }
    }

    /// The next event, for one reader at a time. May be dropped and called anew without loss. After the end it returns the end again.
    pub(crate) async fn next(&self) -> ChannelEvent {
        loop {
            if let Some(event) = self.try_next() {
                return event;
            }
            self.pipe.reader.notified().await;
        }
    }

    /// The next event, if there is one now.
    pub(crate) fn try_next(&self) -> Option<ChannelEvent> {
        let mut state = self.pipe.lock();
        let Some(event) = state.output.pop_front() else {
            return state.end.clone();
        };
        if let ChannelEvent::Data(_, data) = &event {
            let was_full = state.output_bytes >= OUTPUT_LIMIT;
            state.output_bytes = state.output_bytes.saturating_sub(data.len());
            if was_full && state.output_bytes < OUTPUT_LIMIT {
                drop(state);
                self.pipe.driver.notify_one();
            }
        }
        Some(event)
    }

    /// Waits until [`Self::try_next`] may have something.
    pub(super) async fn readable(&self) {
        if !self.pipe.lock().output.is_empty() || self.pipe.lock().end.is_some() {
            return;
        }
        self.pipe.reader.notified().await;
    }

    /// Gives the node input, waiting while too much of it is on its way already. May be dropped while it waits:
    /// then nothing of `bytes` is sent.
    ///
    /// # Errors
    /// [`InputRefused`] when the process has closed its input or the channel has ended.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), InputRefused> {
        loop {
            match self.try_write(&bytes) {
                Ok(true) => return Ok(()),
                Ok(false) => self.pipe.writer.notified().await,
                Err(refused) => return Err(refused),
            }
        }
    }

    /// Gives the node input if there is room; false when there is none.
    pub(super) fn try_write(&self, bytes: &Bytes) -> Result<bool, InputRefused> {
        let mut state = self.pipe.lock();
        if state.input_refused || state.input_ended {
            return Err(InputRefused);
        }
        if state.input_bytes >= INPUT_LIMIT {
            return Ok(false);
        }
        if !bytes.is_empty() {
            state.input_bytes += bytes.len();
            state.input.push_back(bytes.clone());
            drop(state);
            self.pipe.driver.notify_one();
        }
        Ok(true)
    }

    /// Gives the node input without limit and without waiting: for bytes that are in memory anyway.
    pub(crate) fn write_now(&self, bytes: Bytes) {
        let mut state = self.pipe.lock();
        if state.input_refused || state.input_ended || bytes.is_empty() {
            return;
        }
        state.input_bytes += bytes.len();
        state.input.push_back(bytes);
        drop(state);
        self.pipe.driver.notify_one();
    }

    /// Whether input waits to be sent.
    pub(crate) fn has_unsent_input(&self) -> bool {
        !self.pipe.lock().input.is_empty()
    }

    /// Waits until [`Self::try_write`] may succeed.
    pub(super) async fn writable(&self) {
        {
            let state = self.pipe.lock();
            if state.input_refused || state.input_bytes < INPUT_LIMIT {
                return;
            }
        }
        self.pipe.writer.notified().await;
    }

    /// Ends the input after what has been written.
    pub(crate) fn send_eof(&self) {
        self.pipe.lock().input_ended = true;
        self.pipe.driver.notify_one();
    }

    /// Throws away input that has not left yet and ends it.
    pub(crate) fn cut_input(&self) {
        let mut state = self.pipe.lock();
        state.input.clear();
        state.input_bytes = 0;
        state.input_ended = true;
        drop(state);
        self.pipe.driver.notify_one();
    }

    /// Throws away output that comes from now on, so that a full queue does not keep the end from being seen.
    pub(crate) fn discard_output(&self) {
        let mut state = self.pipe.lock();
        state.discard = true;
        state.output.retain(|event| !matches!(event, ChannelEvent::Data(_, _)));
        state.output_bytes = 0;
        drop(state);
        self.pipe.driver.notify_one();
    }

    /// Closes the channel without waiting.
    pub(crate) fn close(&self) {
        self.pipe.lock().close = true;
        self.discard_output();
    }
}

impl Drop for ChannelHandle {
    fn drop(&mut self) {
        self.cut_input();
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Arc<Pipe>, ChannelHandle) {
        let pipe = Pipe::new(Arc::new(Notify::new()));
        (Arc::clone(&pipe), ChannelHandle::new(pipe))
    }

    #[tokio::test]
    async fn a_full_queue_tells_the_driver_to_stop_and_room_wakes_it() {
        let (pipe, handle) = pair();
        while pipe.has_room() {
            pipe.push(ChannelEvent::Data(StreamKind::Stdout, Bytes::from(vec![0; 32 * 1024])));
        }
        assert!(matches!(handle.next().await, ChannelEvent::Data(_, _)));
        assert!(pipe.has_room());
        // The permit is there without waiting, or this would hang.
        pipe.driver.notified().await;
    }

    #[tokio::test]
    async fn the_end_is_told_again() {
        let (pipe, handle) = pair();
        pipe.push(ChannelEvent::Closed);
        assert!(matches!(handle.next().await, ChannelEvent::Closed));
        assert!(matches!(handle.next().await, ChannelEvent::Closed));
        assert_eq!(handle.write(Bytes::from_static(b"x")).await, Err(InputRefused));
    }

    #[tokio::test]
    async fn input_is_bounded_and_kept_in_order() {
        let (pipe, handle) = pair();
        let block = Bytes::from(vec![7; INPUT_LIMIT]);
        handle.write(block).await.unwrap();
        assert_eq!(handle.try_write(&Bytes::from_static(b"more")), Ok(false));
        pipe.written(INPUT_LIMIT);
        assert_eq!(handle.try_write(&Bytes::from_static(b"more")), Ok(true));
        assert_eq!(pipe.front().as_deref(), Some(b"more".as_slice()));
        handle.send_eof();
        assert!(!pipe.input_done());
        pipe.written(4);
        assert!(pipe.input_done());
    }

    #[test]
    fn dropping_the_handle_asks_for_the_close() {
        let (pipe, handle) = pair();
        drop(handle);
        assert!(pipe.wants_close());
        assert!(pipe.input_done());
    }
}
