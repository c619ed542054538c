//! A command that runs: [`Process`].
//!
//! It is pulled: nobody asking means nothing is read, down to the SSH window. The end is told once output and exit
//! status have both come, or when a background child keeps the pipe open beyond the drain grace.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, TransportError};
use tokio::time::Instant;

use super::feed::Feed;
use super::gate::Gate;
use super::launch::{Job, Launched, link_lost};
use super::remains::Remains;
use super::terminate;
use crate::shell::{Input, WRAPPER_FAILED};
use crate::ssh::driver::{ChannelEvent, ChannelHandle, ExitReport, LinkEnd};
use crate::ssh::pool::{Lease, Pool, Wanted};

/// Output after the exit beyond which a background child is not waited for (bytes). sshd can hold about 2 MiB back
/// while the window is closed.
const LATE_OUTPUT: usize = 8 * 1024 * 1024;
/// Standard error that is kept for the message when the wrapper itself failed (bytes).
const TAIL: usize = 400;

/// A command on a node.
pub(crate) struct Process {
    pub(super) node: NodeId,
    pub(super) job: Job,
    pub(super) channel: Option<ChannelHandle>,
    lease: Option<Lease>,
    pub(super) feed: Feed,
    pub(super) gate: Gate,
    control: StreamKind,
    waiting: VecDeque<ActionEvent>,
    pub(super) exit: Option<ExitReport>,
    eof: bool,
    /// When the drain is over.
    drained_at: Option<Instant>,
    late: usize,
    drain_grace: Duration,
    tail: Vec<u8>,
    /// Why the rest of standard input cannot be had, when it cannot. The command must then not see an end of its
    /// input: it would take what it has got for all there is.
    pub(super) broken_input: Option<String>,
    pub(super) end: Option<ActionEnd>,
    /// Why the connection was lost, if it was.
    pub(super) lost: Option<LinkEnd>,
    pub(super) terminated: Option<Termination>,
    pool: Pool,
    wanted: Wanted,
    request_timeout: Duration,
}

/// What a process needs beside what was launched.
pub(crate) struct Surroundings {
    pub(crate) node: NodeId,
    pub(crate) pool: Pool,
    pub(crate) wanted: Wanted,
    pub(crate) drain_grace: Duration,
    pub(crate) request_timeout: Duration,
}

impl Process {
    pub(crate) fn new(around: Surroundings, job: Job, lease: Lease, launched: Launched) -> Self {
        let Launched { channel, gate, feed, early, control } = launched;
        let waiting = early.into_iter().map(|(stream, data)| ActionEvent::Output { stream, data }).collect();
        Self {
            node: around.node,
            job,
            channel: Some(channel),
            lease: Some(lease),
            feed,
            gate,
            control,
            waiting,
            exit: None,
            eof: false,
            drained_at: None,
            late: 0,
            drain_grace: around.drain_grace,
            tail: Vec::new(),
            broken_input: None,
            end: None,
            lost: None,
            terminated: None,
            pool: around.pool,
            wanted: around.wanted,
            request_timeout: around.request_timeout,
        }
    }

    /// What is needed to look after the process on the node.
    pub(super) fn remains(&self) -> Remains {
        Remains {
            node: self.node.clone(),
            pool: self.pool.clone(),
            wanted: self.wanted.clone(),
            run_as: self.job.run_as.clone(),
            nonce: self.job.nonce.clone(),
            pid: self.gate.pid,
            timeout: self.request_timeout.min(Duration::from_secs(8)),
        }
    }

    /// Whether the preamble, or what follows it, has not left yet.
    pub(super) fn has_unsent_input(&self) -> bool {
        self.channel.as_ref().is_some_and(ChannelHandle::has_unsent_input)
    }

    /// Notes what became of the process. A failure for which it had to be ended tells it too.
    pub(super) fn note_termination(&mut self, termination: &Termination) {
        self.terminated = Some(termination.clone());
        if self.broken_input.is_some()
            && let Some(ActionEnd::Failed(error)) = &mut self.end
        {
            error.termination.get_or_insert_with(|| termination.clone());
        }
    }

    /// Takes one event of the channel.
    pub(super) fn take(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Data(stream, data) => self.take_data(stream, data),
            ChannelEvent::Exit(report) => {
                self.exit = Some(report);
                self.drained_at = Some(Instant::now() + self.drain_grace);
            }
            ChannelEvent::Eof => self.eof = true,
            ChannelEvent::Closed => self.finish(),
            ChannelEvent::Lost(end) => {
                self.lost = Some(end);
                self.finish();
            }
        }
        if self.eof && self.exit.is_some() {
            self.finish();
        }
    }

    fn take_data(&mut self, stream: StreamKind, data: Bytes) {
        if let Some(at) = self.drained_at {
            // Output that was on its way comes in large pieces, and each lets us wait for the next; a child that goes
            // on writing a little earns nothing by it, and one that writes much is cut off.
            self.late += data.len();
            if self.late < LATE_OUTPUT {
                let now = Instant::now();
                let earned = Duration::from_millis(u64::try_from(data.len() / 1024).unwrap_or(0));
                self.drained_at = Some((at.max(now) + earned).min(at.max(now + self.drain_grace)));
            }
        }
        let data = if stream == self.control {
            let data = self.gate.pass(data);
            if self.gate.ready {
                self.feed.release();
            }
            self.tail.extend_from_slice(&data);
            let too_much = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..too_much);
            data
        } else {
            data
        };
        if !data.is_empty() {
            self.waiting.push_back(ActionEvent::Output { stream, data });
        }
    }

    /// Settles how it ended and gives the connection back.
    pub(super) fn finish(&mut self) {
        if self.end.is_some() {
            return;
        }
        let rest = self.gate.remainder();
        if !rest.is_empty() {
            self.tail.extend_from_slice(&rest);
            self.waiting.push_back(ActionEvent::Output { stream: self.control, data: rest });
        }
        self.end = Some(self.how_it_ended());
        self.channel = None;
        self.lease = None;
    }

    fn how_it_ended(&self) -> ActionEnd {
        let said = || {
            let text = String::from_utf8_lossy(&self.tail);
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let before = |code, message: String| {
            ActionEnd::Failed(TransportError::before_start(&self.node, code, message))
        };
        if let Some(why) = &self.broken_input {
            // How it was ended is of no interest: it was by us.
            let message =
                format!("{why}; the command was to be ended, since it had not got all of its input");
            return ActionEnd::Failed(TransportError::after_start(&self.node, ErrorCode::LocalFile, message));
        }
        match self.gate.fault.as_deref() {
            Some("cwd") => {
                return before(
                    ErrorCode::BadWorkingDirectory,
                    format!("the working directory cannot be entered: {}", said()),
                );
            }
            Some(_) => {
                return before(
                    ErrorCode::RemoteFile,
                    format!("the script cannot be stored in the node's temporary directory: {}", said()),
                );
            }
            None => {}
        }
        match (&self.exit, &self.lost) {
            (Some(_), _) if self.gate.pid.is_none() => before(
                ErrorCode::NoShell,
                format!(
                    "the command was not run: the login account started something else than a POSIX shell, it said \
                     {:?}; check the account's shell and forced commands",
                    said()
                ),
            ),
            (Some(ExitReport::Status(WRAPPER_FAILED)), Some(_)) if !self.feed.is_done() => before(
                ErrorCode::LinkLost,
                "the connection was lost before the command was complete".to_owned(),
            ),
            (Some(ExitReport::Status(code)), _) => ActionEnd::Exited { code: *code },
            (Some(ExitReport::Signal(signal)), _) => ActionEnd::Signalled { signal: signal.clone() },
            (None, Some(end)) => {
                let why = format!("{end}; nobody could look on the node");
                let error = link_lost(&self.node, end, true);
                ActionEnd::Failed(error.with_termination(Termination::Unconfirmed { why }))
            }
            (None, None) => ActionEnd::Failed(TransportError::after_start(
                &self.node,
                ErrorCode::NoExitStatus,
                "the node closed the channel and told neither exit status nor signal; whether the command has \
                 ended is not known",
            )),
        }
    }
}

#[async_trait::async_trait]
impl RunningAction for Process {
    async fn next(&mut self) -> ActionEvent {
        // Each turn waits for the channel, feeds it, or ends.
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            if let Some(end) = &self.end {
                return ActionEvent::Ended(end.clone());
            }
            if self.broken_input.is_some() {
                terminate::terminate(self, TerminateMode::Kill).await;
                self.finish();
                continue;
            }
            let Some(channel) = &self.channel else {
                self.finish();
                continue;
            };
            let drained_at = self.drained_at;
            let feeding = self.feed.is_active();
            tokio::select! {
                biased;
                event = channel.next() => self.take(event),
                fed = self.feed.step(channel), if feeding => {
                    if let Err(error) = fed {
                        self.feed.give_up();
                        // What has ended by itself did not need the rest.
                        if self.exit.is_none() {
                            self.broken_input = Some(format!("standard input cannot be read: {error}"));
                        }
                    }
                }
                () = tokio::time::sleep_until(drained_at.unwrap_or_else(Instant::now)), if drained_at.is_some() => {
                    self.finish();
                }
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        terminate::terminate(self, mode).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // With a lifeline, closing the channel is the kill order. Without one somebody has to go and do it, and the
        // input must not end before: that would pass for the end of all input.
        let over = self.exit.is_some() || self.end.is_some();
        if over || self.job.input == Input::Lifeline || self.lost.is_some() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let remains = self.remains();
            let (channel, lease) = (self.channel.take(), self.lease.take());
            if let Some(channel) = &channel {
                channel.discard_output();
            }
            runtime.spawn(async move {
                remains.kill_hard().await;
                drop((channel, lease));
            });
        }
    }
}
