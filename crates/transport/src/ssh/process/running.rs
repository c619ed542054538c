//! A command that runs: [`Process`].
//!
//! It is pulled: nobody asking means nothing is read, down to the SSH window. The end is told once output and exit
//! status have both come, or when a background child keeps the pipe open beyond the drain grace. An exit status alone
//! is no end: where output is missing, the end is a failure that names it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, TransportError};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::drain::{Drain, Due};
use super::feed::Feed;
use super::gate::Gate;
use super::launch::{Job, Launched, link_lost};
use super::remains::Remains;
use super::terminate;
use crate::shell::Input;
use crate::ssh::driver::{ChannelEvent, ChannelHandle, ExitReport, LinkEnd};
use crate::ssh::pool::{Lease, Pool, Wanted};

/// Events that are taken in before the rest of the output is discarded.
const TAKEN_FIRST: usize = 32;
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
    /// The channel is closed, and all that came over it has been read.
    closed: bool,
    drain: Drain,
    /// The node is asked for a sign of life; true when it has given one.
    question: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
    /// Output is missing, and the node does not answer.
    silent: bool,
    /// Output was thrown away: what has not come may have been among it.
    discarded: bool,
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
            closed: false,
            drain: Drain::new(around.drain_grace, around.request_timeout),
            question: None,
            silent: false,
            discarded: false,
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
                self.drain.begin(self.gate.pid.is_some(), Instant::now());
            }
            ChannelEvent::Eof => self.eof = true,
            ChannelEvent::Closed => {
                self.closed = true;
                self.finish();
            }
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
        let size = data.len();
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
        self.drain.took(size, self.gate.pid.is_some(), Instant::now());
        if !data.is_empty() {
            self.waiting.push_back(ActionEvent::Output { stream, data });
        }
    }

    /// Takes in what has come first, without waiting: the header with the process id may be in it.
    pub(super) fn take_first(&mut self) {
        for _ in 0..TAKEN_FIRST {
            match self.channel.as_ref().and_then(ChannelHandle::try_next) {
                Some(event) if self.end.is_none() => self.take(event),
                _ => return,
            }
        }
    }

    /// Throws away output, what waits and what still comes, and takes in what else has come. An end that waits behind
    /// output must be known before anybody is sent a signal: the process id may be another's by then.
    pub(super) fn discard_output(&mut self) {
        if let Some(channel) = &self.channel {
            channel.discard_output();
            self.discarded = true;
        }
        // Without output there are few events, and the last of them is the end.
        while self.end.is_none() {
            match self.channel.as_ref().and_then(ChannelHandle::try_next) {
                Some(event) => self.take(event),
                None => return,
            }
        }
    }

    /// Something that the node answers, on the command's own connection.
    fn ask(&self) -> Option<Pin<Box<dyn Future<Output = bool> + Send>>> {
        let (remains, lease) = (self.remains(), self.lease.as_ref()?.aside());
        Some(Box::pin(async move { remains.is_answered(&lease).await }))
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
        self.question = None;
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
        let unsure = |error: TransportError| {
            let why = format!("{}; nobody could look on the node", error.error.message);
            ActionEnd::Failed(error.with_termination(Termination::Unconfirmed { why }))
        };
        match (&self.exit, &self.lost) {
            (Some(exit), Some(end)) if !self.eof => {
                let mut error = link_lost(&self.node, end, true);
                let more =
                    format!("; the command had ended with {}, but its output is incomplete", told(exit));
                error.error.message.push_str(&more);
                unsure(error)
            }
            (Some(exit), _) if self.gate.pid.is_none() && (self.discarded || !(self.eof || self.closed)) => {
                unsure(TransportError::after_start(
                    &self.node,
                    ErrorCode::ProtocolViolation,
                    format!(
                        "the node told an end with {}, but not whether the command had been started before; it may \
                         have been",
                        told(exit)
                    ),
                ))
            }
            (Some(exit), _) if self.silent => unsure(TransportError::after_start(
                &self.node,
                ErrorCode::ProtocolViolation,
                format!(
                    "the node told that the command had ended with {}, then neither the rest of its output nor an \
                     answer; the output is incomplete",
                    told(exit)
                ),
            )),
            (Some(_), _) if self.gate.pid.is_none() => before(
                ErrorCode::NoShell,
                format!(
                    "the command was not run: the login account started something else than a POSIX shell, it said \
                     {:?}; check the account's shell and forced commands",
                    said()
                ),
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

/// An exit as part of a sentence.
fn told(exit: &ExitReport) -> String {
    match exit {
        ExitReport::Status(code) => format!("exit status {code}"),
        ExitReport::Signal(signal) => format!("SIG{signal}"),
    }
}

/// The answer to a question, if there is one.
async fn answer(question: Option<&mut Pin<Box<dyn Future<Output = bool> + Send>>>) -> bool {
    match question {
        Some(question) => question.await,
        None => std::future::pending().await,
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
            let due = self.drain.next();
            let question = self.question.as_mut();
            let asking = question.is_some();
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
                answered = answer(question), if asking => {
                    self.question = None;
                    if answered {
                        self.drain.answered();
                    } else if self.lease.as_ref().is_some_and(|lease| lease.remote().is_gone()) {
                        self.drain.gone(Instant::now());
                    } else {
                        self.silent = true;
                        self.finish();
                    }
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    match self.drain.due() {
                        Due::Ask => self.question = self.ask(),
                        Due::Over => self.finish(),
                        Due::Missing => {
                            self.silent = true;
                            self.finish();
                        }
                    }
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
        if self.job.input == Input::Lifeline {
            return;
        }
        self.take_first();
        self.discard_output();
        if self.exit.is_some() || self.end.is_some() || self.lost.is_some() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let remains = self.remains();
            let (channel, lease) = (self.channel.take(), self.lease.take());
            let killing = async move {
                remains.kill_hard().await;
                drop((channel, lease));
            };
            runtime.spawn(killing.in_current_span());
        }
    }
}
