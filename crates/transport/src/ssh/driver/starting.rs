//! The one channel that is being opened: [`Starting`].
//!
//! libssh2 mixes up replies when two channels of a session wait for one at the same time (its issue 671), so a
//! session starts one channel after the other, and a start that nobody waits for any more is still brought to its
//! end.

use std::time::Duration;

use tokio::time::Instant;

use super::channel::RawChannel;
use super::message::{ChannelKind, OpenError, OpenRequest};
use super::session::{SshError, SshSession, Step};

/// Pauses before a refused channel is asked for again. sshd frees a session slot a little after it has closed the
/// channel, so that a refusal right after a close means nothing.
const RETRY_PAUSES_MS: [u64; 6] = [10, 20, 40, 80, 150, 200];

#[derive(Debug)]
enum Stage {
    Open,
    Pty(RawChannel),
    Exec(RawChannel),
}

/// A channel on its way.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) request: OpenRequest,
    message: Vec<u8>,
    stage: Option<Stage>,
    attempts: usize,
    /// When the request for the channel was made.
    asked: Option<Instant>,
    /// Nothing is done before this moment.
    pub(super) not_before: Option<Instant>,
}

/// What a turn gave.
#[derive(Debug)]
pub(super) enum Turn {
    /// The channel runs.
    Running(OpenRequest, RawChannel),
    /// It could not be had; the channel, if there is one, is to be closed.
    Failed(OpenRequest, OpenError, Option<RawChannel>),
    /// The whole session has ended; the flag tells whether the command may have been sent.
    Broken(OpenRequest, SshError, bool),
    /// libssh2 has given up waiting for the node's answer, which may come yet.
    Unanswered(OpenRequest, OpenError),
    /// Not yet.
    Pending(Starting),
}

impl Starting {
    pub(super) fn new(request: OpenRequest) -> Self {
        let message = match &request.kind {
            ChannelKind::Exec { .. } => Vec::new(),
            ChannelKind::Tunnel { host, port } => direct_tcpip(host, *port),
        };
        Self { request, message, stage: Some(Stage::Open), attempts: 0, asked: None, not_before: None }
    }

    /// Whether the command may have been sent.
    pub(super) fn requested(&self) -> bool {
        matches!(self.stage, Some(Stage::Exec(_)) | None)
    }

    /// Since when the node has owed an answer to a request for a tunnel.
    pub(super) fn tunnel_since(&self) -> Option<Instant> {
        self.asked.filter(|_| matches!(self.request.kind, ChannelKind::Tunnel { .. }))
    }

    /// Takes the next steps. `others` tells whether other channels of the session are open, or have been.
    pub(super) fn turn(mut self, session: &mut SshSession, others: bool, now: Instant) -> Turn {
        if self.not_before.is_some_and(|at| at > now) {
            return Turn::Pending(self);
        }
        self.not_before = None;
        // Each turn of the loop goes to a later stage.
        loop {
            match self.stage.take() {
                Some(Stage::Open) => {
                    let kind = match &self.request.kind {
                        ChannelKind::Exec { .. } => "session",
                        ChannelKind::Tunnel { .. } => "direct-tcpip",
                    };
                    self.asked.get_or_insert(now);
                    match session.open_channel(kind, &self.message) {
                        Ok(Step::Again) => {
                            self.stage = Some(Stage::Open);
                            return Turn::Pending(self);
                        }
                        Ok(Step::Done(channel)) => match &self.request.kind {
                            ChannelKind::Exec { pty: Some(_), .. } => self.stage = Some(Stage::Pty(channel)),
                            ChannelKind::Exec { pty: None, .. } => self.stage = Some(Stage::Exec(channel)),
                            ChannelKind::Tunnel { .. } => return Turn::Running(self.request, channel),
                        },
                        Err(error) if error.ends_session() => {
                            return Turn::Broken(self.request, error, false);
                        }
                        Err(error) if error.code == libssh2_sys::LIBSSH2_ERROR_TIMEOUT => {
                            let refused = OpenError::Refused("no answer within 60 s".to_owned());
                            return Turn::Unanswered(self.request, refused);
                        }
                        Err(error) => {
                            let session_refused = matches!(self.request.kind, ChannelKind::Exec { .. })
                                && error.code == libssh2_sys::LIBSSH2_ERROR_CHANNEL_FAILURE;
                            if let Some(pause) =
                                RETRY_PAUSES_MS.get(self.attempts).filter(|_| session_refused && others)
                            {
                                self.attempts += 1;
                                self.not_before = Some(now + Duration::from_millis(*pause));
                                self.stage = Some(Stage::Open);
                                return Turn::Pending(self);
                            }
                            return Turn::Failed(self.request, OpenError::Refused(error.message), None);
                        }
                    }
                }
                Some(Stage::Pty(channel)) => {
                    let modes = match &self.request.kind {
                        ChannelKind::Exec { pty: Some(modes), .. } => modes.as_slice(),
                        _ => &[],
                    };
                    match session.request_pty(&channel, modes) {
                        Ok(Step::Again) => {
                            self.stage = Some(Stage::Pty(channel));
                            return Turn::Pending(self);
                        }
                        Ok(Step::Done(())) => self.stage = Some(Stage::Exec(channel)),
                        Err(error) if error.ends_session() => {
                            return Turn::Broken(self.request, error, false);
                        }
                        Err(_) => return Turn::Failed(self.request, OpenError::NoTerminal, Some(channel)),
                    }
                }
                Some(Stage::Exec(channel)) => {
                    let command = match &self.request.kind {
                        ChannelKind::Exec { command, .. } => command.as_str(),
                        ChannelKind::Tunnel { .. } => "",
                    };
                    match session.exec(&channel, command) {
                        Ok(Step::Again) => {
                            self.stage = Some(Stage::Exec(channel));
                            return Turn::Pending(self);
                        }
                        Ok(Step::Done(())) => return Turn::Running(self.request, channel),
                        Err(error) if error.ends_session() => {
                            return Turn::Broken(self.request, error, true);
                        }
                        Err(error) => {
                            let refused = OpenError::RequestRefused(error.message);
                            return Turn::Failed(self.request, refused, Some(channel));
                        }
                    }
                }
                // Every arm above puts a stage back or returns.
                None => return Turn::Pending(self),
            }
        }
    }
}

/// The part of a `direct-tcpip` request that libssh2 leaves to us (RFC 4254 section 7.2).
fn direct_tcpip(host: &str, port: u16) -> Vec<u8> {
    let mut message = Vec::with_capacity(host.len() + 32);
    for (name, port) in [(host, port), ("127.0.0.1", 0)] {
        message.extend_from_slice(&u32::try_from(name.len()).unwrap_or(0).to_be_bytes());
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(&u32::from(port).to_be_bytes());
    }
    message
}
