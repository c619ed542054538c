//! The channels that are to be opened, one after the other: [`Opening`].
//!
//! A node that answers a request late keeps all requests behind it waiting. For a command that is as it should be: the
//! node is slow. For a tunnel it is not: the node waits for somebody else, perhaps for two minutes until an address
//! that nobody has is given up. So those behind such a request are sent away while nothing of theirs has left, and no
//! others are taken in. Nothing here waits or reads a clock.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::channel::RawChannel;
use super::message::{LinkEnd, OpenError, OpenRequest};
use super::session::{SshError, SshSession};
use super::starting::{Starting, Turn};

/// How long a tunnel may take before nobody waits behind it any more. A connection to a machine that is there takes a
/// few round trips.
const PATIENCE: Duration = Duration::from_secs(1);

/// What became of a request.
#[derive(Debug)]
pub(super) enum Opened {
    /// The channel runs.
    Running(OpenRequest, RawChannel),
    /// It could not be had; the channel, if there is one, is to be closed.
    Failed(OpenRequest, OpenError, Option<RawChannel>),
    /// The whole session has ended; the flag tells whether the command may have been sent.
    Broken(OpenRequest, SshError, bool),
}

/// Requests for channels, of which one is on its way.
#[derive(Debug, Default)]
pub(super) struct Opening {
    waiting: VecDeque<OpenRequest>,
    current: Option<Starting>,
    /// Nobody is to wait here.
    stuck: bool,
    /// libssh2 has given up waiting for an answer (after 60 s). Should it come yet, it would be taken for that of the
    /// next request.
    abandoned: bool,
}

impl Opening {
    /// Takes a request in, or sends it away at once.
    pub(super) fn push(&mut self, request: OpenRequest) {
        if self.stuck {
            // Whoever asked may have gone.
            let _ = request.reply.send(Err(OpenError::Busy));
        } else {
            self.waiting.push_back(request);
        }
    }

    /// Requests that are not done.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }

    /// Whether a request is on its way.
    pub(super) fn is_under_way(&self) -> bool {
        self.current.is_some()
    }

    /// Whether somebody waits for a channel.
    pub(super) fn is_wanted(&self) -> bool {
        let current = self.current.as_ref().is_some_and(|current| !current.request.reply.is_closed());
        current || !self.waiting.is_empty()
    }

    /// Takes the next steps; what came of a request, or `None` when nothing more can be done now. `others` as in
    /// [`Starting::turn`].
    pub(super) fn turn(&mut self, session: &mut SshSession, others: bool, now: Instant) -> Option<Opened> {
        // Bounded by the number of requests that wait.
        loop {
            let current = match self.current.take() {
                Some(current) => current,
                None => {
                    let request = self.waiting.pop_front()?;
                    // Nobody waits for it and nothing has been sent: there is nothing to bring to its end.
                    if request.reply.is_closed() {
                        continue;
                    }
                    Starting::new(request)
                }
            };
            return Some(match current.turn(session, others, now) {
                Turn::Pending(current) => {
                    self.current = Some(current);
                    return None;
                }
                Turn::Running(request, channel) => Opened::Running(request, channel),
                Turn::Failed(request, error, channel) => Opened::Failed(request, error, channel),
                Turn::Unanswered(request, error) => {
                    self.abandoned = true;
                    Opened::Failed(request, error, None)
                }
                Turn::Broken(request, error, requested) => Opened::Broken(request, error, requested),
            });
        }
    }

    /// Sends those away who would wait for too long. True when nobody is to wait here.
    pub(super) fn turn_away(&mut self, now: Instant) -> bool {
        let late = |since: Instant| now >= since + PATIENCE;
        self.stuck = self.abandoned || self.tunnel_since().is_some_and(late);
        if self.stuck {
            for request in self.waiting.drain(..) {
                let _ = request.reply.send(Err(OpenError::Busy));
            }
        }
        self.stuck
    }

    /// Since when the node has owed an answer to a request for a tunnel.
    pub(super) fn tunnel_since(&self) -> Option<Instant> {
        self.current.as_ref().and_then(Starting::tunnel_since)
    }

    /// When there is something to do without anything having come.
    pub(super) fn wake(&self) -> Option<Instant> {
        let retry = self.current.as_ref().and_then(|current| current.not_before);
        let patience = self.tunnel_since().filter(|_| !self.stuck).map(|since| since + PATIENCE);
        retry.into_iter().chain(patience).min()
    }

    /// Tells everybody that the connection has ended.
    pub(super) fn lose(&mut self, end: &LinkEnd) {
        if let Some(current) = self.current.take() {
            let requested = current.requested();
            let _ = current.request.reply.send(Err(OpenError::Lost { end: end.clone(), requested }));
        }
        for request in self.waiting.drain(..) {
            let _ = request.reply.send(Err(OpenError::Lost { end: end.clone(), requested: false }));
        }
    }
}
