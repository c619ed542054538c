//! A command that runs on this machine: [`LocalProcess`], its output and its end.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Buf as _, Bytes, BytesMut};
use pabawi_domain::action::RunAs;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, TransportError};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::ChildStdin;
use tokio::time::Instant;

use super::input::StdinHolder;
use super::launch::{Launched, Pipes};
use super::session::SessionProcess;
use super::signals::signal_name;
use super::transport::{Lease, LocalOptions};
use crate::shell::{self, WRAPPER_FAILED};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Linux's largest pipe for ordinary users; what is in a pipe at the end is read up to this.
const MAX_PIPE: usize = 1 << 20;

/// What a process is started with and remembers.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) node: NodeId,
    pub(super) nonce: String,
    pub(super) run_as: Option<RunAs>,
    pub(super) options: Arc<LocalOptions>,
    /// Counted as in use as long as this lives.
    pub(super) _lease: Lease,
}

/// A command that was started.
#[derive(Debug)]
pub(super) struct LocalProcess {
    node: NodeId,
    options: Arc<LocalOptions>,
    _lease: Lease,
    process: SessionProcess,
    stdin: StdinHolder,
    /// Why the rest of standard input cannot be had, when it cannot.
    broken_input: Option<String>,
    pipes: Pipes,
    buffer_out: BytesMut,
    buffer_err: BytesMut,
    errors: WrapperErrors,
    /// Output that was read and not yet handed out; only what was in the pipes at the very end.
    ready: VecDeque<(StreamKind, Bytes)>,
    /// Until when output is waited for after the command has ended.
    drain_until: Option<Instant>,
    ended: Option<ActionEnd>,
}

impl LocalProcess {
    pub(super) fn new(
        begin: Begin,
        mut launched: Launched,
        feed: impl FnOnce(ChildStdin) -> StdinHolder,
    ) -> Self {
        launched.disarm();
        let mut process = Self {
            errors: WrapperErrors::new(&begin.nonce),
            process: SessionProcess {
                child: launched.child,
                session: launched.session,
                group: launched.group,
                status: None,
                nonce: begin.nonce,
                run_as: begin.run_as.map(|run_as| (begin.node.clone(), run_as)),
            },
            node: begin.node,
            options: begin.options,
            _lease: begin._lease,
            stdin: feed(launched.stdin),
            broken_input: None,
            pipes: Pipes { stdout: Some(launched.stdout), stderr: Some(launched.stderr) },
            buffer_out: BytesMut::new(),
            buffer_err: BytesMut::new(),
            ready: VecDeque::new(),
            drain_until: None,
            ended: None,
        };
        process.take_stderr(launched.stderr_begin.freeze());
        process
    }

    /// Hands stderr on, except what the wrapper says on it.
    fn take_stderr(&mut self, data: Bytes) {
        let rest = self.errors.filter(data);
        if !rest.is_empty() {
            self.ready.push_back((StreamKind::Stderr, rest));
        }
    }

    fn take(&mut self, stream: StreamKind, data: Bytes) {
        match stream {
            StreamKind::Stdout => self.ready.push_back((stream, data)),
            StreamKind::Stderr => self.take_stderr(data),
        }
    }

    /// Reads what is in the pipes now. Asking the system itself is surer than the runtime's idea of what is
    /// readable, and nothing must be lost here.
    fn drain_now(&mut self) {
        for (stream, fd) in [
            (StreamKind::Stdout, self.pipes.stdout.as_ref().map(AsFd::as_fd)),
            (StreamKind::Stderr, self.pipes.stderr.as_ref().map(AsFd::as_fd)),
        ] {
            let data = fd.map(read_available).unwrap_or_default();
            if !data.is_empty() {
                // Pushed through `ready` at once: `fd` borrows the pipe, so `take` has to wait.
                match stream {
                    StreamKind::Stdout => self.ready.push_back((stream, data)),
                    StreamKind::Stderr => {
                        let rest = self.errors.filter(data);
                        if !rest.is_empty() {
                            self.ready.push_back((stream, rest));
                        }
                    }
                }
            }
        }
        self.pipes.stdout = None;
        self.pipes.stderr = None;
    }

    async fn end(&mut self, mode: TerminateMode) -> Termination {
        let termination = self.process.end(std::mem::take(&mut self.pipes), mode).await;
        self.stdin = StdinHolder::Closed;
        termination
    }

    fn finish(&mut self, status: ExitStatus) -> ActionEnd {
        self.stdin = StdinHolder::Closed;
        let node = &self.node;
        let end = match (status.code(), status.signal(), self.errors.fault()) {
            (Some(WRAPPER_FAILED), _, Some("cwd")) => {
                let message = "the working directory cannot be entered";
                ActionEnd::Failed(TransportError::before_start(node, ErrorCode::BadWorkingDirectory, message))
            }
            (Some(WRAPPER_FAILED), _, Some(fault)) => {
                let message = format!("the command could not be prepared ({fault}); is the disk full?");
                ActionEnd::Failed(TransportError::before_start(node, ErrorCode::RemoteFile, message))
            }
            (Some(code), _, _) => ActionEnd::Exited { code },
            (None, Some(signal), _) => ActionEnd::Signalled { signal: signal_name(signal) },
            (None, None, _) => {
                let message = "the system gave neither exit status nor signal";
                ActionEnd::Failed(TransportError::after_start(node, ErrorCode::NoExitStatus, message))
            }
        };
        self.ended = Some(end.clone());
        end
    }

    /// What has happened, without waiting for a pipe.
    fn next_ready(&mut self) -> Option<ActionEvent> {
        if let Some((stream, data)) = self.ready.pop_front() {
            return Some(ActionEvent::Output { stream, data });
        }
        if let Some(end) = &self.ended {
            return Some(ActionEvent::Ended(end.clone()));
        }
        if self.pipes.stdout.is_none()
            && self.pipes.stderr.is_none()
            && let Some(status) = self.process.status
        {
            if let Some(held) = self.errors.release() {
                return Some(ActionEvent::Output { stream: StreamKind::Stderr, data: held });
            }
            return Some(ActionEvent::Ended(self.finish(status)));
        }
        None
    }
}

/// What one wait brought.
enum Turn {
    BrokenInput(std::io::Error),
    Read(StreamKind, usize),
    Exit(std::io::Result<ExitStatus>),
    DrainOver,
}

#[async_trait]
impl RunningAction for LocalProcess {
    async fn next(&mut self) -> ActionEvent {
        // Every turn reads output, notices the end or gives up a pipe; all of that is finite or handed out.
        loop {
            if let Some(why) =
                self.broken_input.clone().filter(|_| self.ready.is_empty() && self.ended.is_none())
            {
                let termination = self.end(TerminateMode::Kill).await;
                let error = TransportError::after_start(&self.node, ErrorCode::LocalFile, why);
                self.ended = Some(ActionEnd::Failed(error.with_termination(termination)));
            }
            if let Some(event) = self.next_ready() {
                return event;
            }
            let until = self.drain_until;
            let waiting = self.process.status.is_none();
            // Each branch may be dropped without loss: bytes go into buffers of ours, and a status is kept by
            // the child until it is taken.
            let turn = tokio::select! {
                n = read(self.pipes.stdout.as_mut(), &mut self.buffer_out) => Turn::Read(StreamKind::Stdout, n),
                n = read(self.pipes.stderr.as_mut(), &mut self.buffer_err) => Turn::Read(StreamKind::Stderr, n),
                status = self.process.child.wait(), if waiting => Turn::Exit(status),
                // What has ended by itself did not need the rest.
                error = self.stdin.broken(), if waiting => Turn::BrokenInput(error),
                () = until_instant(until) => Turn::DrainOver,
            };
            match turn {
                Turn::BrokenInput(error) => {
                    self.broken_input = Some(format!(
                        "standard input cannot be read: {error}; the command was to be ended, since it had not got \
                         all of its input"
                    ));
                }
                Turn::Read(StreamKind::Stdout, 0) => self.pipes.stdout = None,
                Turn::Read(StreamKind::Stderr, 0) => self.pipes.stderr = None,
                Turn::Read(stream, _) => {
                    let buffer = match stream {
                        StreamKind::Stdout => &mut self.buffer_out,
                        StreamKind::Stderr => &mut self.buffer_err,
                    };
                    let data = buffer.split().freeze();
                    self.take(stream, data);
                }
                Turn::Exit(Ok(status)) => {
                    self.process.status = Some(status);
                    self.drain_until = Some(Instant::now() + self.options.drain_grace);
                }
                Turn::Exit(Err(error)) => {
                    let message = "the end of the command cannot be seen";
                    let node = &self.node;
                    let error =
                        TransportError::after_start(node, ErrorCode::NoExitStatus, message).caused_by(&error);
                    self.ended = Some(ActionEnd::Failed(error));
                }
                Turn::DrainOver => self.drain_now(),
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        self.end(mode).await
    }
}

/// Reads once into `buffer`; 0 at the end or on a fault. Never ready without a pipe.
pub(super) async fn read(pipe: Option<&mut (impl AsyncRead + Unpin)>, buffer: &mut BytesMut) -> usize {
    match pipe {
        Some(pipe) => {
            buffer.reserve(CHUNK);
            pipe.read_buf(buffer).await.unwrap_or(0)
        }
        None => std::future::pending().await,
    }
}

pub(super) async fn until_instant(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The pipe does not block (the runtime set it so), so this returns as soon as it is empty.
pub(super) fn read_available(fd: BorrowedFd<'_>) -> Bytes {
    let mut data = Vec::new();
    let mut chunk = vec![0_u8; CHUNK];
    while data.len() < MAX_PIPE {
        match rustix::io::read(fd, &mut chunk) {
            Ok(n) if n > 0 => data.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            Err(rustix::io::Errno::INTR) => {}
            _ => break,
        }
    }
    data.into()
}

/// Bytes of stderr in which the wrapper may still say something; its shell may complain first.
const WATCHED: usize = 8 * 1024;

/// The wrapper's own line on stderr, which only comes instead of the command. Its mark is not to be guessed, so
/// nothing else can pass for it.
#[derive(Debug)]
struct WrapperErrors {
    prefix: Vec<u8>,
    state: ErrorState,
}

#[derive(Debug)]
enum ErrorState {
    /// Looking for the line. What is held may be the beginning of it.
    Watching { held: BytesMut, passed: usize },
    /// The wrapper named this fault.
    Fault(String),
    /// The command prints.
    Passed,
}

impl WrapperErrors {
    fn new(nonce: &str) -> Self {
        Self {
            prefix: format!("{} E ", shell::mark(nonce)).into_bytes(),
            state: ErrorState::Watching { held: BytesMut::new(), passed: 0 },
        }
    }

    /// What of `data` is to be handed on.
    fn filter(&mut self, data: Bytes) -> Bytes {
        let ErrorState::Watching { held, passed } = &mut self.state else { return data };
        held.extend_from_slice(&data);
        if let Some(start) = held.windows(self.prefix.len()).position(|window| window == self.prefix) {
            let mut output = held.split_to(start);
            let Some(end) = held.iter().position(|byte| *byte == b'\n') else { return output.freeze() };
            let mut line = held.split_to(end + 1);
            line.advance(self.prefix.len());
            output.extend_from_slice(held);
            self.state = ErrorState::Fault(String::from_utf8_lossy(&line).trim().to_owned());
            return output.freeze();
        }
        // Only an end that could go on to be the prefix has to wait.
        let keep = (1..self.prefix.len()).rev().find(|length| {
            held.len().checked_sub(*length).and_then(|from| held.get(from..)) == self.prefix.get(..*length)
        });
        let output = held.split_to(held.len() - keep.unwrap_or(0));
        *passed += output.len();
        if *passed > WATCHED {
            let mut output = output;
            output.extend_from_slice(held);
            self.state = ErrorState::Passed;
            return output.freeze();
        }
        output.freeze()
    }

    fn fault(&self) -> Option<&str> {
        match &self.state {
            ErrorState::Fault(fault) => Some(fault),
            ErrorState::Watching { .. } | ErrorState::Passed => None,
        }
    }

    /// At the end nothing can follow, so what was held back was the command's.
    fn release(&mut self) -> Option<Bytes> {
        match &mut self.state {
            ErrorState::Watching { held, .. } if !held.is_empty() => Some(held.split().freeze()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(pieces: &[&[u8]]) -> (Vec<u8>, Option<String>) {
        let mut errors = WrapperErrors::new("n");
        let mut passed = Vec::new();
        for piece in pieces {
            passed.extend_from_slice(&errors.filter(Bytes::copy_from_slice(piece)));
        }
        let fault = errors.fault().map(str::to_owned);
        passed.extend_from_slice(&errors.release().unwrap_or_default());
        (passed, fault)
    }

    #[test]
    fn the_wrappers_line_is_taken_out_however_it_is_cut() {
        let text = b"sh: PABAWI cannot cd\nPABAWI-n E cwd\nrest";
        for cut in 0..text.len() {
            let (passed, fault) = filtered(&[&text[..cut], &text[cut..]]);
            assert_eq!(passed, b"sh: PABAWI cannot cd\nrest", "cut at {cut}");
            assert_eq!(fault.as_deref(), Some("cwd"));
        }
        for own in [&b"PABAWI"[..], b"PABAWI-n E ", b"x PABAWI-m E cwd\n", b""] {
            assert_eq!(filtered(&[own]), (own.to_vec(), None));
        }
        let long = vec![b'x'; WATCHED + 1];
        let later = [long.as_slice(), b"PABAWI-n E cwd\n"];
        assert!(filtered(&later) == (later.concat(), None), "what comes late is the command's own");
    }
}
