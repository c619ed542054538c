//! The handle on a connection that a driver task drives: [`Remote`].
//!
//! It asks the task by a bounded queue and reads a few counters that the task keeps, so that the pool can decide
//! without waiting for anybody. It knows nothing of the session.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::message::{ChannelKind, LinkEnd, OpenError, OpenRequest, Request};
use super::pipe::{ChannelHandle, Pipe};

/// Requests that may wait; users beyond that wait themselves.
pub(super) const REQUESTS: usize = 32;

/// What both ends can see.
#[derive(Debug)]
pub(super) struct Shared {
    /// Wakes the task.
    pub(super) notify: Arc<Notify>,
    /// Set before the last channel learns of the end.
    gone: AtomicBool,
    end: Mutex<Option<LinkEnd>>,
    /// Channels that are open or on their way, also those that nobody uses any more.
    channels: AtomicUsize,
    /// Keepalive questions asked so far; each leaves a packet in libssh2's list for ever.
    questions: AtomicUsize,
    /// A request for a tunnel has been waiting for its answer so long that nobody is to wait behind it.
    stuck: AtomicBool,
    started: Instant,
    /// When something came from the node last (microseconds since `started`).
    heard: AtomicU64,
}

impl Shared {
    /// Tells why the connection has ended.
    pub(super) fn set_end(&self, end: LinkEnd) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        self.gone.store(true, Ordering::Release);
    }

    /// Tells how many channels hold a slot on the node.
    pub(super) fn set_channels(&self, count: usize) {
        self.channels.store(count, Ordering::Release);
    }

    /// Tells whether the connection takes requests.
    pub(super) fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Release);
    }

    /// Notes that something has come from the node.
    pub(super) fn hear(&self, now: Instant) {
        let since = now.saturating_duration_since(self.started).as_micros();
        self.heard.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Notes one more keepalive question.
    pub(super) fn count_question(&self) {
        self.questions.fetch_add(1, Ordering::Relaxed);
    }
}

/// A handle on a connection. When the last one is dropped and no channel is open, the connection is closed.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

impl Remote {
    /// A handle, and what the task needs of it.
    pub(super) fn new() -> (Self, mpsc::Receiver<Request>, Arc<Shared>) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let shared = Arc::new(Shared {
            notify: Arc::new(Notify::new()),
            gone: AtomicBool::new(false),
            end: Mutex::new(None),
            channels: AtomicUsize::new(0),
            questions: AtomicUsize::new(0),
            stuck: AtomicBool::new(false),
            started: Instant::now(),
            heard: AtomicU64::new(0),
        });
        (Self { requests: sender, shared: Arc::clone(&shared) }, requests, shared)
    }

    /// Opens a channel. When the future is dropped, the channel is closed as soon as it is there.
    ///
    /// # Errors
    /// [`OpenError`]; there is no time limit here.
    pub(crate) async fn open(&self, kind: ChannelKind) -> Result<ChannelHandle, OpenError> {
        let pipe = Pipe::new(Arc::clone(&self.shared.notify));
        let (reply, answer) = oneshot::channel();
        let lost = |requested| OpenError::Lost { end: self.end(), requested };
        if self.requests.send(Request::Open(OpenRequest { kind, pipe, reply })).await.is_err() {
            return Err(lost(false));
        }
        answer.await.unwrap_or_else(|_| Err(lost(true)))
    }

    /// Whether the connection has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.shared.gone.load(Ordering::Acquire) || self.requests.is_closed()
    }

    /// Why the connection ended.
    pub(crate) fn end(&self) -> LinkEnd {
        self.shared.end.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or(LinkEnd::ByUs)
    }

    /// Channels that hold a slot on the node.
    pub(crate) fn channels(&self) -> usize {
        self.shared.channels.load(Ordering::Acquire)
    }

    /// Keepalive questions that this connection has asked.
    pub(crate) fn questions(&self) -> usize {
        self.shared.questions.load(Ordering::Relaxed)
    }

    /// Whether requests are sent away at present, because the node waits for somebody else.
    pub(crate) fn is_stuck(&self) -> bool {
        self.shared.stuck.load(Ordering::Acquire)
    }

    /// Whether anything has come from the node after that moment. A node that owes an answer for a tunnel is asked for
    /// a sign of life after a second.
    pub(crate) fn heard_since(&self, moment: Instant) -> bool {
        let heard = std::time::Duration::from_micros(self.shared.heard.load(Ordering::Acquire));
        self.shared.started + heard > moment
    }

    /// Closes the connection: at once, or when its last channel is gone.
    pub(crate) fn shutdown(&self, now: bool) {
        // A full queue means that the task is about to run anyway; it also ends when all handles are gone.
        let _ = self.requests.try_send(Request::Shutdown { now });
    }
}
