//! A tool of this machine that was started: [`LocalTool`].

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{RunningTool, TerminateMode, ToolCommand, ToolEnd, ToolError, ToolEvent};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStdin, Command};
use tokio::time::Instant;

use super::launch::{Pipes, nonce, spawn};
use super::running::{read, read_available, until_instant};
use super::session::SessionProcess;
use super::signals::signal_name;
use crate::shell::RUN_VARIABLE;

/// How long output is waited for after a tool has ended, when a child of it keeps a pipe open.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a tool has after SIGTERM before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// A tool that was started.
#[derive(Debug)]
pub(super) struct LocalTool {
    program: String,
    timeout: Duration,
    /// When it has to have ended; absent when the limit is past all time.
    deadline: Option<Instant>,
    process: SessionProcess,
    pipes: Pipes,
    stdin: Option<(ChildStdin, Bytes)>,
    buffer_out: BytesMut,
    buffer_err: BytesMut,
    /// Output that was read and not yet handed out; only what was in the pipes at the very end.
    ready: VecDeque<(StreamKind, Bytes)>,
    /// Until when output is waited for after the tool has ended.
    drain_until: Option<Instant>,
    ended: Option<Result<ToolEnd, ToolError>>,
}

/// What one wait brought.
enum Turn {
    Read(StreamKind, usize),
    Exit(io::Result<ExitStatus>),
    Fed,
    DrainOver,
    Overdue,
}

impl LocalTool {
    /// Starts it.
    ///
    /// # Errors
    /// [`ToolError::NotStarted`].
    pub(super) fn start(tool: &ToolCommand) -> Result<Self, ToolError> {
        let program = tool.program.display().to_string();
        let not_started = |reason: String| ToolError::NotStarted { program: program.clone(), reason };
        let nonce = nonce().map_err(|error| not_started(format!("no random numbers: {error}")))?;
        let mut command = Command::new(&tool.program);
        command.args(&tool.arguments).env(RUN_VARIABLE, &nonce);
        for (name, value) in &tool.environment {
            command.env(name, OsStr::from_bytes(value.expose()));
        }
        if let Some(directory) = &tool.directory {
            // Otherwise the system's "no such file" could mean either.
            if !directory.is_dir() {
                return Err(not_started(format!("there is no directory {}", directory.display())));
            }
            command.current_dir(directory);
        }
        let mut launched = spawn(&mut command).map_err(|error| not_started(error.to_string()))?;
        launched.disarm();
        Ok(Self {
            program,
            timeout: tool.timeout,
            deadline: Instant::now().checked_add(tool.timeout),
            process: SessionProcess {
                child: launched.child,
                session: launched.session,
                group: launched.group,
                status: None,
                nonce,
                run_as: None,
            },
            pipes: Pipes { stdout: Some(launched.stdout), stderr: Some(launched.stderr) },
            stdin: tool.stdin.clone().map(|input| (launched.stdin, input)),
            buffer_out: BytesMut::new(),
            buffer_err: BytesMut::new(),
            ready: VecDeque::new(),
            drain_until: None,
            ended: None,
        })
    }

    /// Reads what is in the pipes now and gives them up.
    fn drain_now(&mut self) {
        let stdout = self.pipes.stdout.take().map(|pipe| read_available(pipe.as_fd()));
        let stderr = self.pipes.stderr.take().map(|pipe| read_available(pipe.as_fd()));
        for (stream, data) in [(StreamKind::Stdout, stdout), (StreamKind::Stderr, stderr)] {
            self.ready.extend(data.filter(|data| !data.is_empty()).map(|data| (stream, data)));
        }
    }

    fn output(&mut self, stream: StreamKind) -> ToolEvent {
        let buffer = match stream {
            StreamKind::Stdout => &mut self.buffer_out,
            StreamKind::Stderr => &mut self.buffer_err,
        };
        ToolEvent::Output { stream, data: buffer.split().freeze() }
    }

    async fn end(&mut self, mode: TerminateMode) -> Termination {
        self.stdin = None;
        self.process.end(std::mem::take(&mut self.pipes), mode).await
    }

    /// The tool itself has ended: what it has left running is ended too.
    async fn finish(&mut self, status: ExitStatus) -> Result<ToolEnd, ToolError> {
        // Where nobody can look, nothing can be ended either; the answer is good all the same.
        if let Ok(false) = self.process.is_deserted().await {
            self.end(TerminateMode::Graceful { grace: GRACE }).await;
        }
        match (status.code(), status.signal()) {
            (Some(code), _) => Ok(ToolEnd::Exited(code)),
            (None, Some(signal)) => Ok(ToolEnd::Signalled(signal_name(signal))),
            (None, None) => {
                let reason = "the system gave neither exit status nor signal".to_owned();
                Err(ToolError::Lost { program: self.program.clone(), reason })
            }
        }
    }

    fn over(&mut self, end: Result<ToolEnd, ToolError>) {
        self.stdin = None;
        self.ended = Some(end);
    }
}

#[async_trait]
impl RunningTool for LocalTool {
    async fn next(&mut self) -> ToolEvent {
        // Every turn reads output, notices the end or gives up a pipe; all of that is finite or handed out.
        loop {
            if let Some((stream, data)) = self.ready.pop_front() {
                return ToolEvent::Output { stream, data };
            }
            if let Some(end) = &self.ended {
                return ToolEvent::Ended(end.clone());
            }
            if let Some(status) = self.process.status
                && self.pipes.stdout.is_none()
                && self.pipes.stderr.is_none()
            {
                let end = self.finish(status).await;
                self.over(end);
                continue;
            }
            let waiting = self.process.status.is_none();
            let feeding = self.stdin.is_some();
            // Each branch may be dropped without loss: bytes go into buffers of ours, what was written is cut off the
            // input, and a status is kept by the child until it is taken.
            let turn = tokio::select! {
                n = read(self.pipes.stdout.as_mut(), &mut self.buffer_out) => Turn::Read(StreamKind::Stdout, n),
                n = read(self.pipes.stderr.as_mut(), &mut self.buffer_err) => Turn::Read(StreamKind::Stderr, n),
                status = self.process.child.wait(), if waiting => Turn::Exit(status),
                () = feed(&mut self.stdin), if feeding => Turn::Fed,
                () = until_instant(self.drain_until) => Turn::DrainOver,
                () = until_instant(self.deadline), if waiting => Turn::Overdue,
            };
            match turn {
                Turn::Read(StreamKind::Stdout, 0) => self.pipes.stdout = None,
                Turn::Read(StreamKind::Stderr, 0) => self.pipes.stderr = None,
                Turn::Read(stream, _) => return self.output(stream),
                Turn::Exit(Ok(status)) => {
                    self.process.status = Some(status);
                    self.drain_until = Some(Instant::now() + DRAIN);
                }
                Turn::Exit(Err(error)) => {
                    self.end(TerminateMode::Kill).await;
                    let (program, reason) = (self.program.clone(), error.to_string());
                    self.over(Err(ToolError::Lost { program, reason }));
                }
                Turn::Fed => self.stdin = None,
                Turn::DrainOver => self.drain_now(),
                Turn::Overdue => {
                    // When this is dropped half-way, the next call is overdue as well and looks again.
                    let termination = self.end(TerminateMode::Graceful { grace: GRACE }).await;
                    let (program, timeout) = (self.program.clone(), self.timeout);
                    self.over(Err(ToolError::TimedOut { program, timeout, termination }));
                }
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        self.ready.clear();
        self.end(mode).await
    }
}

/// Writes the input until all of it is taken or the tool reads no further.
async fn feed(stdin: &mut Option<(ChildStdin, Bytes)>) {
    if let Some((pipe, input)) = stdin {
        while pipe.write_buf(input).await.is_ok_and(|written| written > 0) {}
    }
}
