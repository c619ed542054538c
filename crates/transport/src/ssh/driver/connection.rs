//! A session together with its link: [`Connection`]. It drives one step after the other until the login is done;
//! then [`super::task`] takes it over.
//!
//! It may be dropped between any two steps: the link is closed and nothing is left. It decides nothing about keys
//! or credentials.

use std::io::ErrorKind;

use super::io_buffers::{MAX_BEFORE_LOGIN, MAX_PRE_BANNER};
use super::link::Link;
use super::message::LinkEnd;
use super::session::{MadeFor, SshError, SshSession, Step, StepResult};

/// Size of the buffer between socket and session (bytes). One per thread, not one per connection.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Lends this thread's buffer. Calls must not be nested; a nested call gets an empty buffer.
pub(super) fn with_scratch<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => {
            if buffer.is_empty() {
                buffer.resize(SCRATCH, 0);
            }
            work(&mut buffer)
        }
        Err(_) => work(&mut []),
    })
}

/// Why a step did not come to its end.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum DriveError {
    /// libssh2 says no: the protocol, the peer or a credential.
    #[error("{0}")]
    Ssh(SshError),
    /// The link ended.
    #[error("{0}")]
    Link(LinkEnd),
    /// The peer sent more than 64 KiB without an SSH banner.
    #[error("the peer sent 64 KiB without an SSH banner")]
    NoBanner,
    /// The peer sent more than 1 MiB without letting us in.
    #[error("the peer sent 1 MiB before the login was done")]
    TooMuch,
}

/// A session and what carries it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) session: SshSession,
    pub(super) link: Link,
}

impl Connection {
    /// Puts a session on a link. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SshError`] as [`SshSession::new`].
    pub(crate) fn new(link: Link, host_keys: &[String], made_for: MadeFor) -> Result<Self, SshError> {
        Ok(Self { session: SshSession::new(host_keys, made_for)?, link })
    }

    /// Banner and key exchange.
    ///
    /// # Errors
    /// [`DriveError`]; there is no time limit here.
    pub(crate) async fn handshake(&mut self) -> Result<(), DriveError> {
        let fd = self.link.fd();
        let mut banner_seen = false;
        self.drive(|session| {
            let step = session.handshake(fd).map_err(DriveError::Ssh)?;
            banner_seen = banner_seen || session.banner().is_some_and(|banner| banner.starts_with("SSH-"));
            let received = session.io().received();
            if !banner_seen && received > MAX_PRE_BANNER as u64 {
                return Err(DriveError::NoBanner);
            }
            Ok(step)
        })
        .await
    }

    /// The session, for questions that need no network.
    pub(crate) fn session(&mut self) -> &mut SshSession {
        &mut self.session
    }

    /// Repeats a step of authentication until it is done.
    ///
    /// # Errors
    /// [`DriveError`]; there is no time limit here.
    pub(crate) async fn step<T>(
        &mut self,
        mut step: impl FnMut(&mut SshSession) -> StepResult<T>,
    ) -> Result<T, DriveError> {
        self.drive(|session| step(session).map_err(DriveError::Ssh)).await
    }

    /// Moves what is to be sent and takes in what has come, once: for steps that wait for somebody else too.
    pub(crate) async fn exchange(&mut self) -> Result<(), DriveError> {
        self.flush().await?;
        self.receive().await
    }

    /// Sends all that is waiting.
    pub(crate) async fn flush(&mut self) -> Result<(), DriveError> {
        // Bounded by what the session has buffered: the session does not run meanwhile.
        loop {
            if self.session.io().unsent().is_empty() {
                return Ok(());
            }
            match self.link.try_write(self.session.io().unsent()) {
                Ok(n) => self.session.io().sent(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.link.ready(false, true).await.map_err(broken)?;
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }

    async fn drive<T>(
        &mut self,
        mut step: impl FnMut(&mut SshSession) -> Result<Step<T>, DriveError>,
    ) -> Result<T, DriveError> {
        // Bounded by the caller's deadline: each turn waits for the peer, or has just taken in its bytes.
        loop {
            let before = self.session.io().consumed();
            let result = step(&mut self.session);
            // What has been buffered is sent also when the step failed: it may be a goodbye.
            let flushed = self.flush().await;
            if let Step::Done(value) = result? {
                flushed?;
                return Ok(value);
            }
            flushed?;
            let io = self.session.io();
            if io.consumed() == before || io.starved() {
                self.receive().await?;
            }
        }
    }

    async fn receive(&mut self) -> Result<(), DriveError> {
        // Bounded by the caller's deadline.
        loop {
            let (link, session) = (&mut self.link, &mut self.session);
            let read = with_scratch(|buffer| {
                let n = link.try_read(buffer)?;
                session.io().feed(buffer.get(..n).unwrap_or_default());
                Ok::<_, std::io::Error>(n)
            });
            match read {
                Ok(0) => return Err(DriveError::Link(closed(&mut self.session))),
                Ok(_) if self.session.io().received() > MAX_BEFORE_LOGIN => return Err(DriveError::TooMuch),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.link.ready(true, false).await.map_err(broken)?;
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Says goodbye as far as that works without waiting, and closes the link.
    pub(crate) fn close(mut self) {
        self.session.disconnect();
        let _ = self.link.try_write(self.session.io().unsent());
        self.session.io().end();
        self.link.close();
    }
}

/// The end of a connection that the peer closed, with what it said.
pub(super) fn closed(session: &mut SshSession) -> LinkEnd {
    LinkEnd::ClosedByPeer(
        session.io().disconnect.as_ref().map_or_else(String::new, |(_, text)| format!(": {text}")),
    )
}

fn broken(error: std::io::Error) -> DriveError {
    DriveError::Link(LinkEnd::Io(error.to_string()))
}
