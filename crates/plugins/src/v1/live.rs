//! What one action streams, until it is read: [`Live`]. The object's thread never waits here; what is not read in time is left
//! out, and that is said.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, V1Listener};
use tokio::sync::Notify;

use super::known::UseOfStream;

/// Bytes of one event.
const PIECE: usize = 64 * 1024;

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
    /// Bytes in the queue that were streamed.
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
        let Some((stream, mut whole)) = state.queue.pop_front() else {
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

impl V1Listener for Live {
    /// Nobody asks for it, and it may hold secrets.
    fn command(&self, _: &str) {}

    fn output(&self, stream: StreamKind, chunk: String) {
        let mut state = self.state();
        // After the end it belongs to nobody.
        if chunk.is_empty() || state.end.is_some() {
            return;
        }
        if state.unread.saturating_add(chunk.len()) > self.max_unread {
            state.left_out = state.left_out.saturating_add(chunk.len());
            return;
        }
        state.unread += chunk.len();
        let State { streamed: [out, err], .. } = &mut *state;
        *(if stream == StreamKind::Stdout { out } else { err }) = true;
        match self.use_of_stream {
            UseOfStream::Live => state.queue.push_back((stream, Bytes::from(chunk))),
            UseOfStream::OnlyWithoutResult => state.held.push((stream, chunk)),
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
        assert_eq!(all(&live).await, "stdout:a;stdout:b;stderr:err;0");
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
