//! Starts a detached command and follows its spool: [`Follower`]. It is a task of its own, which waits when nobody takes
//! its events, and then reads nothing, down to the follower on the node.
//!
//! Both steps may be done again after a loss of the link: a name is started once, whoever asks how often, and the spool
//! is read on from the byte that was reached. Only when the way back has not been found within the limit is the command
//! given up, which goes on in its spool.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ActionEvent, TransportError};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::launch::{Job, LaunchError, Launched, nonce};
use super::frames::{Frame, Frames, How, SpoolEnd};
use super::spool::{Spool, Talk, converse};
use crate::shell;
use crate::ssh::driver::{ChannelEvent, ExitReport};
use crate::ssh::pool::{Lease, Purpose};

/// The first wait before the way back is looked for again, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Bytes a second that a script makes its way to the node with at the least.
const SLOWEST: u64 = 16 * 1024;
/// A follower says something every second; one that is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Exit status of a shell whose child was ended by SIGXFSZ, which is 25 wherever it is known (signal(7)).
const PAST_LIMIT: i32 = 128 + 25;

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The command is started, unless it has been.
    Start,
    /// It may have been started: the spool is followed if it is there, else the command is started.
    Look,
    /// It has been started.
    Follow,
}

/// Why a step did not come to its end.
enum Trouble {
    /// The link was lost, or could not be had; another may do.
    Lost(String),
    /// It is as it is.
    Failed(TransportError),
}

/// The task of one detached command.
pub(super) struct Follower {
    pub(super) spool: Spool,
    pub(super) job: Job,
    pub(super) phase: Phase,
    /// The way that is there, and what has been launched on it.
    pub(super) lease: Option<Lease>,
    pub(super) launched: Option<Launched>,
    pub(super) limits: super::Limits,
    pub(super) events: mpsc::Sender<ActionEvent>,
    /// Set when the end has been read and with it all of the output.
    pub(super) fetched: Arc<AtomicBool>,
    /// Bytes of stdout and stderr that have been read.
    pub(super) have: [u64; 2],
}

impl Follower {
    pub(super) async fn run(mut self) {
        let end = self.drive().await;
        // Who does not listen any more has no use for the end.
        let _ = self.events.send(ActionEvent::Ended(end)).await;
    }

    async fn drive(&mut self) -> ActionEnd {
        let mut lost_at: Option<Instant> = None;
        let mut wait = BACKOFF.0;
        let mut certain = self.phase == Phase::Follow;
        // Ends with the command, or when no way has led back for as long as the limit allows.
        loop {
            let before = self.have;
            let step = match self.phase {
                Phase::Start => self.start().await.map(|()| None),
                Phase::Look | Phase::Follow => self.follow(&mut lost_at).await,
            };
            certain |= self.phase == Phase::Follow;
            match step {
                Ok(Some(end)) => return end,
                Ok(None) => {
                    (lost_at, wait) = (None, BACKOFF.0);
                    continue;
                }
                Err(Trouble::Failed(error)) => return ActionEnd::Failed(error),
                Err(Trouble::Lost(why)) => {
                    (self.lease, self.launched) = (None, None);
                    if self.phase == Phase::Start {
                        // The node may have got all of it.
                        self.phase = Phase::Look;
                    }
                    if before != self.have {
                        wait = BACKOFF.0;
                    }
                    let since = *lost_at.get_or_insert_with(Instant::now);
                    if since.elapsed() + wait > self.limits.reattach {
                        return self.given_up(&why, certain);
                    }
                    tracing::debug!(node = %self.spool.node, spool = %self.spool.name, why, "going back");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(BACKOFF.1);
                }
            }
        }
    }

    /// Starts the command, or finds that it has been started.
    async fn start(&mut self) -> Result<(), Trouble> {
        let launched = match self.launched.take() {
            Some(launched) => launched,
            None => self.launch(&self.job.clone()).await?,
        };
        let patience = self.spool.timeout + Duration::from_secs(self.job.script_bytes() / SLOWEST);
        let mark = shell::mark(&self.job.nonce);
        let talk = match tokio::time::timeout(patience, converse(launched, &mark)).await {
            Ok(talk) => talk.map_err(Trouble::Lost)?,
            Err(_) => {
                let why = format!("the node did not answer within {:.0} s", patience.as_secs_f64());
                if let Some(lease) = &self.lease {
                    lease.retire();
                }
                return Err(Trouble::Lost(why));
            }
        };
        match talk.answer(&mark).as_deref() {
            Some("new" | "old") => {
                self.phase = Phase::Follow;
                Ok(())
            }
            answer => Err(self.refused(&talk, answer)),
        }
    }

    /// Why the command was not started, which is certain.
    fn refused(&self, talk: &Talk, answer: Option<&str>) -> Trouble {
        let said = talk.said();
        let (code, message) = match (
            answer.and_then(|answer| answer.strip_prefix("fail ")),
            talk.fault.as_deref(),
        ) {
            (Some(why), _) => (ErrorCode::RemoteFile, format!("the command cannot be detached: {why}")),
            (None, Some("cwd")) => {
                (ErrorCode::BadWorkingDirectory, format!("the working directory cannot be entered: {said}"))
            }
            (None, Some(_)) => (
                ErrorCode::RemoteFile,
                format!("the script cannot be stored in the node's temporary directory: {said}"),
            ),
            (None, None) if talk.header => {
                let exit = match &talk.exit {
                    Some(ExitReport::Status(code)) => format!("exit status {code}"),
                    Some(ExitReport::Signal(signal)) => format!("SIG{signal}"),
                    None => "no exit status".to_owned(),
                };
                // It may have come as far as the start.
                return Trouble::Lost(format!("the node's shell ended with {exit} and said {said:?}"));
            }
            (None, None) => (
                ErrorCode::NoShell,
                format!(
                    "the command was not run: the login account started something else than a POSIX shell, it said \
                     {said:?}; check the account's shell and forced commands"
                ),
            ),
        };
        Trouble::Failed(TransportError::before_start(&self.spool.node, code, message))
    }

    /// Follows the spool. `None` when there is none and the command has to be started.
    async fn follow(&mut self, lost_at: &mut Option<Instant>) -> Result<Option<ActionEnd>, Trouble> {
        let word = nonce();
        let [out, err] = self.have;
        let job = Job::aside(&shell::follow(&self.spool.name, &word, out, err), self.spool.run_as.as_ref());
        let mut launched = self.launch(&job).await?;
        let mut frames = Frames::new(&word, self.have);
        let mut read = VecDeque::new();
        let odd =
            |why: String| Trouble::Lost(format!("what follows the command's spool cannot be read: {why}"));
        // Ends with the channel.
        loop {
            let feeding = launched.feed.is_active();
            let event = tokio::select! {
                event = tokio::time::timeout(SILENCE, launched.channel.next()) => match event {
                    Ok(event) => event,
                    Err(_) => {
                        if let Some(lease) = &self.lease {
                            lease.retire();
                        }
                        return Err(Trouble::Lost("nothing has come from the node for too long".to_owned()));
                    }
                },
                _ = launched.feed.step(&launched.channel), if feeding => continue,
            };
            match event {
                ChannelEvent::Data(stream, data) if stream == launched.control => {
                    // The wrapper's header has to be read for the stream to go on; the rest is of no interest.
                    let _ = launched.gate.pass(data);
                }
                ChannelEvent::Data(_, data) => frames.push(data, &mut read).map_err(odd)?,
                ChannelEvent::Exit(_) | ChannelEvent::Eof => {}
                ChannelEvent::Closed => {
                    return Err(Trouble::Lost("the follower on the node has ended".to_owned()));
                }
                ChannelEvent::Lost(end) => {
                    return Err(Trouble::Lost(format!("the connection was lost: {end}")));
                }
            }
            while let Some(frame) = read.pop_front() {
                match frame {
                    Frame::Hello => {
                        *lost_at = None;
                        self.phase = Phase::Follow;
                    }
                    Frame::Missing if self.phase == Phase::Look => {
                        self.phase = Phase::Start;
                        return Ok(None);
                    }
                    Frame::Missing => return Err(Trouble::Failed(self.vanished())),
                    Frame::Output(stream, data) => {
                        if self.events.send(ActionEvent::Output { stream, data }).await.is_err() {
                            return Err(Trouble::Lost("nobody listens any more".to_owned()));
                        }
                    }
                    Frame::End(end) => {
                        self.fetched.store(true, Ordering::Release);
                        return Ok(Some(self.end(end)));
                    }
                }
            }
            self.have = frames.have();
        }
    }

    /// Launches a job on the way that is there, or on another one.
    async fn launch(&mut self, job: &Job) -> Result<Launched, Trouble> {
        let lost = |error: TransportError| Trouble::Lost(error.error.message);
        let lease = match self.lease.take() {
            Some(lease) => lease,
            None => self.spool.pool.acquire(&self.spool.wanted, Purpose::Command).await.map_err(lost)?,
        };
        let launched = match job.launch(&self.spool.node, &lease, self.spool.timeout).await {
            Ok(launched) => launched,
            // Before anything of it has been seen, a refusal is what it is at any start.
            Err(LaunchError::Failed(error)) if self.phase == Phase::Look && self.have == [0, 0] => {
                return Err(match error.error.code {
                    ErrorCode::RunAsDenied | ErrorCode::RunAsPasswordNeeded => Trouble::Failed(error),
                    _ => lost(error),
                });
            }
            Err(error) => return Err(lost(error.into_inner())),
        };
        self.lease = Some(lease);
        Ok(launched)
    }

    fn end(&self, end: SpoolEnd) -> ActionEnd {
        let node = &self.spool.node;
        let cut = end.writers.into_iter().flatten().find(|status| *status != 0);
        let failed =
            |code, message: String| ActionEnd::Failed(TransportError::after_start(node, code, message));
        match (cut, end.how) {
            (_, How::Void) => ActionEnd::Failed(TransportError::before_start(
                node,
                ErrorCode::EndNotWritten,
                "the command was called off before it had started",
            )),
            (_, How::Lost) => failed(
                ErrorCode::EndNotWritten,
                "the detached command ended without writing its end, as after a reboot of the node; what it has done \
                 is not known, and the output is what there was of it"
                    .to_owned(),
            ),
            (Some(PAST_LIMIT), _) => failed(
                ErrorCode::LimitReached,
                format!(
                    "the command wrote more than {} bytes into its spool, which is the limit, and was ended for that",
                    self.limits.spool_bytes
                ),
            ),
            (Some(status), _) => failed(
                ErrorCode::RemoteFile,
                format!(
                    "the command's output could not be written into its spool (exit status {status}), and it was \
                     ended for that; the node's disk may be full"
                ),
            ),
            (None, How::Exited(code)) => ActionEnd::Exited { code },
            (None, How::Signalled(signal)) => ActionEnd::Signalled { signal },
        }
    }

    fn vanished(&self) -> TransportError {
        TransportError::after_start(
            &self.spool.node,
            ErrorCode::EndNotWritten,
            format!("the command's spool {} is not there any more", shell::spool_path(&self.spool.name)),
        )
    }

    /// Nobody can be sent after the command any more.
    fn given_up(&self, why: &str, certain: bool) -> ActionEnd {
        let path = shell::spool_path(&self.spool.name);
        let goes_on = match certain {
            true => format!("the command goes on in its spool {path} on the node"),
            false => {
                format!("the command may have been started and goes on in its spool {path} on the node then")
            }
        };
        let limit = self.limits.reattach.as_secs_f64();
        let message = format!("no way back to the node was found within {limit:.0} s: {why}; {goes_on}");
        let error = TransportError::after_start(&self.spool.node, ErrorCode::LinkLost, message);
        ActionEnd::Failed(error.with_termination(Termination::Unconfirmed { why: goes_on }))
    }
}
