//! What one action streams, until it is read: [`Live`]. The object's thread never waits here; what is not read in time is left
//! out, and that is said.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, V1Listener};
use tokio::sync::Notify;

use super::known::UseOfStream;

/// Bytes of one event. Shorter pieces of one stream that are not read in time become one, up to this.
const PIECE: usize = 64 * 1024;
/// Pieces that wait to be read: each takes more than its bytes, and where the streams take turns no two become one.
const MOST_PIECES: usize = 16 * 1024;

/// The output of one action.
#[derive(Debug)]
pub(super) struct Live {
    state: Mutex<State>,
    changed: Notify,
    use_of_stream: UseOfStream,
    max_unread: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<(StreamKind, Bytes)>,
    /// What comes after the queue, and may become longer.
    growing: Option<(StreamKind, BytesMut)>,
    /// Bytes of both that were streamed.
    unread: usize,
    /// Chunks that may not be needed, in their order.
    held: Vec<(StreamKind, String)>,
    /// Whether something of stdout and of stderr was streamed.
    streamed: [bool; 2],
    left_out: usize,
    end: Option<ActionEnd>,
}

/// The texts that the result has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Told on standard error behind all others.
    pub(super) error: Option<String>,
}

impl Live {
    pub(super) fn new(use_of_stream: UseOfStream, max_unread: usize) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), use_of_stream, max_unread }
    }

    /// The next thing that happens. May be dropped and called anew.
    pub(super) async fn next(&self) -> ActionEvent {
        // Ends with the end.
        loop {
            // Asked for before looking, so that nothing is missed between.
            let changed = self.changed.notified();
            if let Some(event) = self.now() {
                return event;
            }
            changed.await;
        }
    }

    fn now(&self) -> Option<ActionEvent> {
        let mut state = self.state();
        let next = state.queue.pop_front();
        let next = next.or_else(|| state.growing.take().map(|(stream, grown)| (stream, grown.freeze())));
        let Some((stream, mut whole)) = next else {
            return state.end.clone().map(ActionEvent::Ended);
        };
        let data = whole.split_to(whole.len().min(PIECE));
        if !whole.is_empty() {
            state.queue.push_front((stream, whole));
        }
        state.unread = state.unread.saturating_sub(data.len());
        Some(ActionEvent::Output { stream, data })
    }

    /// The action has ended: what of its texts has not been streamed is told, then the end. Where it had ended
    /// before, nothing is told any more.
    pub(super) fn finish(&self, texts: Texts, end: ActionEnd) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        state.stop_growing();
        let State { queue, held, streamed: [out, err], left_out, .. } = &mut *state;
        let is_live = self.use_of_stream == UseOfStream::Live;
        let mut tell = |stream: StreamKind, text: String| {
            if !text.is_empty() {
                queue.push_back((stream, Bytes::from(text)));
            }
        };
        for (stream, chunk) in held.drain(..) {
            let of_result = if stream == StreamKind::Stdout { &texts.stdout } else { &texts.stderr };
            if of_result.is_empty() {
                tell(stream, chunk);
            }
        }
        if !(is_live && *out) {
            tell(StreamKind::Stdout, texts.stdout);
        }
        if !(is_live && *err) {
            tell(StreamKind::Stderr, texts.stderr);
        }
        if *left_out > 0 {
            let text = format!(
                "\n[{left_out} bytes of streamed output are left out: they came faster than they were read]\n"
            );
            tell(StreamKind::Stderr, text);
        }
        if let Some(error) = texts.error {
            tell(StreamKind::Stderr, error);
        }
        state.end = Some(end);
        drop(state);
        self.changed.notify_one();
    }

    /// The end, once it is known.
    pub(super) fn end(&self) -> Option<ActionEnd> {
        self.state().end.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half way, so a poisoned lock holds something sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether something that is streamed becomes one piece with the one before it.
fn joins(last: StreamKind, length: usize, stream: StreamKind, more: usize) -> bool {
    last == stream && length.saturating_add(more) <= PIECE
}

impl State {
    /// Whether there is room for a further piece, or this is none.
    fn takes_piece(&self, stream: StreamKind, more: usize) -> bool {
        let growing = self.growing.as_ref().map(|(last, grown)| (*last, grown.len()));
        let held = self.held.last().map(|(last, whole)| (*last, whole.len()));
        let is_part = growing.or(held).is_some_and(|(last, length)| joins(last, length, stream, more));
        is_part || self.queue.len() + self.held.len() < MOST_PIECES
    }

    fn stream(&mut self, stream: StreamKind, chunk: String) {
        match &mut self.growing {
            Some((last, grown)) if joins(*last, grown.len(), stream, chunk.len()) => {
                grown.extend_from_slice(chunk.as_bytes());
            }
            _ => {
                self.stop_growing();
                if chunk.len() < PIECE {
                    self.growing = Some((stream, BytesMut::from(chunk.as_str())));
                } else {
                    self.queue.push_back((stream, Bytes::from(chunk)));
                }
            }
        }
    }

    fn stop_growing(&mut self) {
        if let Some((stream, grown)) = self.growing.take() {
            self.queue.push_back((stream, grown.freeze()));
        }
    }
}

impl V1Listener for Live {
    /// Nobody asks for it, and it may hold secrets.
    fn command(&self, _: &str) {}

    fn output(&self, stream: StreamKind, chunk: String) {
        let mut state = self.state();
        // After the end it belongs to nobody.
        if chunk.is_empty() || state.end.is_some() {
            return;
        }
        let has_room = state.unread.saturating_add(chunk.len()) <= self.max_unread;
        if !has_room || !state.takes_piece(stream, chunk.len()) {
            state.left_out = state.left_out.saturating_add(chunk.len());
            return;
        }
        state.unread += chunk.len();
        let State { streamed: [out, err], .. } = &mut *state;
        *(if stream == StreamKind::Stdout { out } else { err }) = true;
        match self.use_of_stream {
            UseOfStream::Live => state.stream(stream, chunk),
            UseOfStream::OnlyWithoutResult => match state.held.last_mut() {
                Some((last, whole)) if joins(*last, whole.len(), stream, chunk.len()) => {
                    whole.push_str(&chunk);
                }
                _ => state.held.push((stream, chunk)),
            },
        }
        drop(state);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: StreamKind = StreamKind::Stdout;
    const ERR: StreamKind = StreamKind::Stderr;

    async fn all(live: &Live) -> String {
        let mut text = String::new();
        for _ in 0..1_000 {
            match live.next().await {
                ActionEvent::Output { stream, data } => {
                    text.push_str(&format!("{stream}:{};", String::from_utf8_lossy(&data)));
                }
                ActionEvent::Ended(ActionEnd::Exited { code }) => return format!("{text}{code}"),
                other => panic!("{other:?}"),
            }
        }
        panic!("no end");
    }

    fn texts() -> Texts {
        Texts { stdout: "out".to_owned(), stderr: "err".to_owned(), error: None }
    }

    /// R1.4: what was streamed is not told again.
    #[tokio::test]
    async fn streamed_output_is_told_once_and_in_order() {
        let live = Live::new(UseOfStream::Live, 100);
        live.output(OUT, "a".to_owned());
        live.output(OUT, String::new());
        live.output(OUT, "b".to_owned());
        live.finish(texts(), ActionEnd::Exited { code: 0 });
        live.output(OUT, "late".to_owned());
        live.finish(texts(), ActionEnd::Exited { code: 9 });
        assert_eq!(all(&live).await, "stdout:ab;stderr:err;0");
    }

    #[tokio::test]
    async fn each_chunk_is_told_on_its_own_when_somebody_reads() {
        let live = Live::new(UseOfStream::Live, 100);
        for text in ["a", "b"] {
            live.output(OUT, text.to_owned());
            assert!(matches!(live.next().await, ActionEvent::Output { data, .. } if data == text));
        }
    }

    /// R8.6: millions of pieces of one byte are few, and where they cannot be few, the rest is left out, and that is said.
    #[tokio::test]
    async fn unread_pieces_are_bounded_too() {
        const CHUNKS: usize = 300_000;
        for use_of_stream in [UseOfStream::Live, UseOfStream::OnlyWithoutResult] {
            let live = Live::new(use_of_stream, 8 * 1024 * 1024);
            (0..CHUNKS).for_each(|_| live.output(OUT, "x".to_owned()));
            {
                let state = live.state();
                assert!(state.queue.len() + state.held.len() <= CHUNKS / PIECE + 1);
                assert_eq!((state.unread, state.left_out), (CHUNKS, 0));
            }
            let live = Live::new(use_of_stream, 8 * 1024 * 1024);
            (0..CHUNKS).for_each(|turn| live.output([OUT, ERR][turn % 2], "x".to_owned()));
            let state = live.state();
            assert!(state.queue.len() + state.held.len() <= MOST_PIECES + 1);
            assert_eq!(state.unread + state.left_out, CHUNKS);
            assert!(state.left_out > 0);
        }
    }

    #[tokio::test]
    async fn words_of_the_tool_stand_only_where_the_result_has_none() {
        let live = Live::new(UseOfStream::OnlyWithoutResult, 100);
        live.output(OUT, "{json}".to_owned());
        live.output(ERR, "warning".to_owned());
        let stdout_only = Texts { stderr: String::new(), ..texts() };
        live.finish(stdout_only, ActionEnd::Exited { code: 1 });
        assert_eq!(all(&live).await, "stderr:warning;stdout:out;1");
    }

    /// R8.6: output that nobody reads has a bound, and what is missing is said.
    #[tokio::test]
    async fn unread_output_is_bounded() {
        let live = Live::new(UseOfStream::Live, 10);
        live.output(OUT, "12345678".to_owned());
        live.output(OUT, "abc".to_owned());
        assert!(matches!(live.next().await, ActionEvent::Output { .. }));
        live.output(OUT, "def".to_owned());
        let error = Some("why".to_owned());
        live.finish(Texts { error, ..Texts::default() }, ActionEnd::Exited { code: 2 });
        let told = all(&live).await;
        assert!(told.starts_with("stdout:def;stderr:\n[3 bytes of"), "{told}");
        assert!(told.ends_with("stderr:why;2"), "{told}");
    }

    #[tokio::test]
    async fn long_texts_come_in_pieces() {
        let live = Live::new(UseOfStream::Live, 10);
        let stdout = "x".repeat(PIECE * 2 + 1);
        live.finish(Texts { stdout, ..Texts::default() }, ActionEnd::Exited { code: 0 });
        assert_eq!(all(&live).await.matches("stdout:").count(), 3);
    }
}
