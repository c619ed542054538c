//! [`LocalTools`]: runs tools of this machine to their end, within limits.

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
use pabawi_domain::ports::{TerminateMode, ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner};
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

/// Runs tools, each in a session of its own. What a tool leaves running in its session is ended with it: it was
/// asked a question, and nobody would wait for the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalTools;

#[async_trait]
impl ToolRunner for LocalTools {
    async fn run(&self, tool: ToolCommand) -> Result<ToolOutput, ToolError> {
        let mut running = Running::start(&tool)?;
        match tokio::time::timeout(tool.timeout, running.read_all()).await {
            Ok(Ok(status)) => running.finish(status).await,
            Ok(Err(Stop::TooMuch(stream))) => {
                let termination = running.end(TerminateMode::Kill).await;
                Err(ToolError::TooMuchOutput {
                    program: running.program,
                    stream,
                    limit: tool.max_output_bytes,
                    termination,
                })
            }
            Ok(Err(Stop::Lost(error))) => {
                running.end(TerminateMode::Kill).await;
                Err(ToolError::Lost { program: running.program, reason: error.to_string() })
            }
            Err(_) => {
                let termination = running.end(TerminateMode::Graceful { grace: GRACE }).await;
                Err(ToolError::TimedOut { program: running.program, timeout: tool.timeout, termination })
            }
        }
    }
}

/// A tool that was started.
struct Running {
    program: String,
    limit: usize,
    process: SessionProcess,
    pipes: Pipes,
    stdin: Option<(ChildStdin, Bytes)>,
    stdout: BytesMut,
    stderr: BytesMut,
}

/// Why reading a tool's output stopped before its end.
enum Stop {
    TooMuch(StreamKind),
    Lost(io::Error),
}

/// What one wait brought.
enum Turn {
    Read(StreamKind, usize),
    Exit(io::Result<ExitStatus>),
    Fed,
    DrainOver,
}

impl Running {
    fn start(tool: &ToolCommand) -> Result<Self, ToolError> {
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
            limit: tool.max_output_bytes,
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
            stdout: BytesMut::new(),
            stderr: BytesMut::new(),
        })
    }

    /// Feeds and reads it until it has ended and nobody holds its pipes, or not for longer than [`DRAIN`].
    async fn read_all(&mut self) -> Result<ExitStatus, Stop> {
        let mut drain_until = None;
        // Every turn reads output, which is limited, notices the end or gives up a pipe.
        loop {
            if let Some(status) = self.process.status
                && self.pipes.stdout.is_none()
                && self.pipes.stderr.is_none()
            {
                return Ok(status);
            }
            let waiting = self.process.status.is_none();
            let feeding = self.stdin.is_some();
            // Each branch may be dropped without loss: bytes go into buffers of ours, what was written is cut off the
            // input, and a status is kept by the child until it is taken.
            let turn = tokio::select! {
                n = read(self.pipes.stdout.as_mut(), &mut self.stdout) => Turn::Read(StreamKind::Stdout, n),
                n = read(self.pipes.stderr.as_mut(), &mut self.stderr) => Turn::Read(StreamKind::Stderr, n),
                status = self.process.child.wait(), if waiting => Turn::Exit(status),
                () = feed(&mut self.stdin), if feeding => Turn::Fed,
                () = until_instant(drain_until) => Turn::DrainOver,
            };
            match turn {
                Turn::Read(StreamKind::Stdout, 0) => self.pipes.stdout = None,
                Turn::Read(StreamKind::Stderr, 0) => self.pipes.stderr = None,
                Turn::Read(..) => self.check()?,
                Turn::Exit(Ok(status)) => {
                    self.process.status = Some(status);
                    drain_until = Some(Instant::now() + DRAIN);
                }
                Turn::Exit(Err(error)) => return Err(Stop::Lost(error)),
                Turn::Fed => self.stdin = None,
                Turn::DrainOver => {
                    if let Some(pipe) = self.pipes.stdout.take() {
                        self.stdout.extend_from_slice(&read_available(pipe.as_fd()));
                    }
                    if let Some(pipe) = self.pipes.stderr.take() {
                        self.stderr.extend_from_slice(&read_available(pipe.as_fd()));
                    }
                    self.check()?;
                }
            }
        }
    }

    fn check(&self) -> Result<(), Stop> {
        if self.stdout.len() > self.limit {
            Err(Stop::TooMuch(StreamKind::Stdout))
        } else if self.stderr.len() > self.limit {
            Err(Stop::TooMuch(StreamKind::Stderr))
        } else {
            Ok(())
        }
    }

    async fn end(&mut self, mode: TerminateMode) -> Termination {
        self.stdin = None;
        self.process.end(std::mem::take(&mut self.pipes), mode).await
    }

    async fn finish(mut self, status: ExitStatus) -> Result<ToolOutput, ToolError> {
        let end = match (status.code(), status.signal()) {
            (Some(code), _) => ToolEnd::Exited(code),
            (None, Some(signal)) => ToolEnd::Signalled(signal_name(signal)),
            (None, None) => {
                let reason = "the system gave neither exit status nor signal".to_owned();
                return Err(ToolError::Lost { program: self.program, reason });
            }
        };
        // Where nobody can look, nothing can be ended either; the answer is good all the same.
        if let Ok(false) = self.process.is_deserted().await {
            self.end(TerminateMode::Graceful { grace: GRACE }).await;
        }
        Ok(ToolOutput { end, stdout: self.stdout.freeze(), stderr: self.stderr.freeze() })
    }
}

/// Writes the input until all of it is taken or the tool reads no further.
async fn feed(stdin: &mut Option<(ChildStdin, Bytes)>) {
    if let Some((pipe, input)) = stdin {
        while pipe.write_buf(input).await.is_ok_and(|written| written > 0) {}
    }
}
