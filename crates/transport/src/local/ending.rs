//! Ending what runs in a session of this machine and looking whether it is gone.
//!
//! Entry: [`SessionProcess::end`]. It signals the session and looks in `/proc` afterwards; what left the session on
//! purpose is named, not killed. Only what was seen is reported.

use std::io;
use std::time::Duration;

use pabawi_domain::outcome::{Survivor, Termination};
use pabawi_domain::ports::TerminateMode;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::launch::{Pipes, launch, nonce};
use super::processes::{Found, Process, Traces};
use super::session::SessionProcess;
use crate::shell::{self, Input, Program, RUN_VARIABLE, WrapSpec};

/// How long a process may take to go after SIGKILL: one in an uninterruptible wait does not go at all.
const KILL_WAIT: Duration = Duration::from_secs(3);
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the last look is taken again for processes that are on their way out.
const LEAVING_LOOKS: u32 = 25;
/// The most processes that are named.
const MAX_NAMED: usize = 64;
/// The limit for a look or a signal as another user.
const HELPER_LIMIT: Duration = Duration::from_secs(5);
/// Longest command line that such a look shows, in bytes.
const MAX_COMMAND: usize = 200;
/// The most that such a look may print.
const MAX_HELPER_OUTPUT: u64 = 64 * 1024;

impl SessionProcess {
    /// Ends the session and tells what is left of it. What comes out of `pipes` meanwhile is discarded.
    pub(super) async fn end(&mut self, pipes: Pipes, mode: TerminateMode) -> Termination {
        let mut traces = self.traces();
        if self.status.is_none() {
            let root = self.session.as_raw_nonzero().get();
            if let Err(error) = traces.remember_descendants(root) {
                return unseen(&error);
            }
        }
        // A command that is stuck in a write has to be able to end.
        // It logs nothing, so it needs no span.
        let discard = tokio::spawn(pipes.discard());
        let result = self.end_session(&traces, mode).await;
        discard.abort();
        match result {
            Err(error) => unseen(&error),
            Ok(()) => self.final_look(&traces).await,
        }
    }

    /// Whether anything but the command itself is left in its session.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub(super) async fn is_deserted(&self) -> io::Result<bool> {
        Ok(look(&self.traces()).await?.members.is_empty())
    }

    fn traces(&self) -> Traces {
        Traces {
            ids: vec![self.session.as_raw_nonzero().get(), self.group.as_raw_nonzero().get()],
            variable: format!("{RUN_VARIABLE}={}", self.nonce).into_bytes(),
            wrapper_mark: shell::mark(&self.nonce).into_bytes(),
            descendants: Vec::new(),
        }
    }

    /// TERM, the grace, KILL. Ends early when nothing is left.
    async fn end_session(&mut self, traces: &Traces, mode: TerminateMode) -> io::Result<()> {
        if let TerminateMode::Graceful { grace } = mode {
            self.signal(traces, Signal::TERM).await?;
            if self.wait_until_gone(traces, grace).await? {
                return self.signal(traces, Signal::KILL).await;
            }
        }
        let deadline = Instant::now() + KILL_WAIT;
        // What forks while it is being killed is met again; bounded by the deadline.
        loop {
            self.signal(traces, Signal::KILL).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if self.wait_until_gone(traces, left.min(Duration::from_millis(200))).await? || left.is_zero() {
                return Ok(());
            }
        }
    }

    /// Waits until the command is reaped and nothing but the wrapper's watcher is left of the session.
    async fn wait_until_gone(&mut self, traces: &Traces, limit: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            if self.status.is_none() {
                self.status = self.child.try_wait()?;
            }
            if self.status.is_some() && look(traces).await?.members.is_empty() {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_EVERY)).await;
        }
    }

    /// Signals every process of the session; SIGKILL goes to the wrapper's watcher as well.
    async fn signal(&mut self, traces: &Traces, signal: Signal) -> io::Result<()> {
        let mut refused = false;
        if self.status.is_none() {
            // Not reaped yet, so the id cannot have been given to another group.
            for group in [self.session, self.group] {
                refused |= rustix::process::kill_process_group(group, signal) == Err(rustix::io::Errno::PERM);
            }
        }
        let found = look(traces).await?;
        // The group has had the signal; only what made a group of its own within the session has not.
        let own = [self.session, self.group].map(|id| id.as_raw_nonzero().get());
        let grouped = |group: i32| self.status.is_none() && own.contains(&group);
        let wrappers = if signal == Signal::KILL { found.wrappers } else { Vec::new() };
        for process in found.members.into_iter().filter(|member| !grouped(member.group())).chain(wrappers) {
            if let Some(pid) = Pid::from_raw(process.pid)
                && process.is_same()
            {
                refused |= rustix::process::kill_process(pid, signal) == Err(rustix::io::Errno::PERM);
            }
        }
        if refused && self.run_as.is_some() {
            let number = signal.as_raw();
            let group = self.group.as_raw_nonzero();
            // Whether it helped is seen by looking.
            let _ = self.as_user(&format!("kill -{number} -{group} || kill -{number} {group}")).await;
        }
        Ok(())
    }

    async fn final_look(&mut self, traces: &Traces) -> Termination {
        let mut found = match look(traces).await {
            Ok(found) => found,
            Err(error) => return unseen(&error),
        };
        for _ in 0..LEAVING_LOOKS {
            if !found.members.iter().chain(&found.daemons).any(Process::is_leaving) {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            found = match look(traces).await {
                Ok(found) => found,
                Err(error) => return unseen(&error),
            };
        }
        let mut left: Vec<Survivor> = found
            .members
            .iter()
            .chain(&found.daemons)
            .take(MAX_NAMED)
            .map(|process| process.survivor())
            .collect();
        // The environment of another user's processes cannot be read, so that user has to look.
        if self.run_as.is_some() && !rustix::process::geteuid().is_root() {
            match self.look_as_user(traces).await {
                Ok(more) => {
                    for survivor in more {
                        if !left.iter().any(|known| known.pid == survivor.pid) {
                            left.push(survivor);
                        }
                    }
                }
                Err(why) if left.is_empty() => return Termination::Unconfirmed { why },
                Err(_) => {}
            }
        }
        if left.is_empty() { Termination::Confirmed } else { Termination::Survivors { processes: left } }
    }

    async fn look_as_user(&self, traces: &Traces) -> Result<Vec<Survivor>, String> {
        let variable = String::from_utf8_lossy(&traces.variable);
        // One search through all: a program started for each process would take seconds on a busy machine.
        let script = format!(
            "grep -ls {variable} /proc/[0-9]*/environ | while IFS=/ read -r n n p n; do \
             echo $p $(tr '\\0' ' ' </proc/$p/cmdline | head -c {MAX_COMMAND}); done; echo end"
        );
        let text =
            self.as_user(&script).await.map_err(|why| format!("nobody could look as that user: {why}"))?;
        let Some(text) = text.strip_suffix("end\n") else {
            return Err("the look as that user broke off".to_owned());
        };
        Ok(text
            .lines()
            .filter_map(|line| {
                let (pid, command) = line.split_once(' ').unwrap_or((line, ""));
                Some(Survivor { pid: pid.parse().ok()?, command: command.to_owned() })
            })
            .take(MAX_NAMED)
            .collect())
    }

    /// Runs a line of ours as the user of the command and returns what it prints.
    async fn as_user(&self, script: &str) -> Result<String, String> {
        let nonce = nonce().map_err(|error| error.to_string())?;
        let wrapped = shell::wrap(&WrapSpec {
            nonce: &nonce,
            program: Program::Own(script),
            input: Input::Nothing,
            env: &[],
            cwd: None,
            umask: None,
        });
        let Some((node, run_as)) = &self.run_as else { return Err("there is no other user".to_owned()) };
        let mut launched = launch(node, &wrapped, &nonce, Some(run_as), HELPER_LIMIT)
            .await
            .map_err(|error| error.error.message)?;
        let talk = async {
            launched.stdin.write_all(&wrapped.preamble).await?;
            launched.stdin.shutdown().await?;
            let mut text = Vec::new();
            (&mut launched.stdout).take(MAX_HELPER_OUTPUT).read_to_end(&mut text).await?;
            launched.child.wait().await?;
            Ok::<_, io::Error>(text)
        };
        match tokio::time::timeout(HELPER_LIMIT, talk).await {
            Ok(Ok(text)) => {
                launched.disarm();
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

fn unseen(error: &io::Error) -> Termination {
    Termination::Unconfirmed { why: format!("the processes of this machine cannot be seen: {error}") }
}

/// Reading `/proc` of a busy machine takes milliseconds, too long for a runtime's worker.
async fn look(traces: &Traces) -> io::Result<Found> {
    let traces = traces.clone();
    tokio::task::spawn_blocking(move || traces.look()).await.map_err(io::Error::other)?
}
