//! The guard process below which a whole fleet, or another service of a test, lives and dies. Main type: [`Guard`].
//!
//! It only starts programs and remembers paths; what the programs are is the business of whoever has them started.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::fleet::FleetError;
use crate::wait;

/// The guard itself: see the comment at its top.
const SCRIPT: &str = include_str!("guard.pl");

/// How long the end of a fleet may take; the guard itself gives up killing after 10 s.
const END_LIMIT: Duration = Duration::from_secs(20);

/// A process that reaps and in the end kills everything that is started through it.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
    pipes: Mutex<Option<Pipes>>,
}

#[derive(Debug)]
struct Pipes {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    /// Starts the guard, in a session of its own so that Ctrl-C reaches only the test.
    pub(crate) fn start() -> Result<Self, FleetError> {
        let mut command = Command::new("perl");
        command.args(["-e", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // SAFETY: between fork and exec only prctl(2) and setsid(2) are called, which are plain system
        // calls: they allocate nothing and take no lock.
        unsafe {
            command.pre_exec(|| {
                rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
                rustix::process::setsid()?;
                Ok(())
            });
        }
        let mut child = command.spawn().map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                FleetError::Missing { program: "perl".to_owned(), package: "perl-base" }
            } else {
                FleetError::Program { program: "perl".to_owned(), message: error.to_string() }
            }
        })?;
        let pipes = match (child.stdin.take(), child.stdout.take()) {
            (Some(requests), Some(answers)) => Pipes { requests, answers: BufReader::new(answers) },
            _ => return Err(FleetError::Guard("it has no pipes".to_owned())),
        };
        Ok(Self { child, pipes: Mutex::new(Some(pipes)) })
    }

    /// Process id of the guard: the ancestor of everything it started.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// Starts a program with its output appended to `log`, and returns its process id.
    pub(crate) fn spawn(&self, log: &Path, command: &[&str]) -> Result<i32, FleetError> {
        let log = log.display().to_string();
        let mut fields = vec!["start", &log];
        fields.extend_from_slice(command);
        let answer = self.ask(&fields)?;
        answer
            .strip_prefix("pid ")
            .and_then(|pid| pid.parse().ok())
            .ok_or_else(|| FleetError::Guard(format!("start {}: {answer}", command.join(" "))))
    }

    /// Has a path removed when the guard ends, however it ends.
    pub(crate) fn wipe(&self, path: &Path) -> Result<(), FleetError> {
        self.ask(&["wipe", &path.display().to_string()]).map(|_| ())
    }

    /// Has a program sent SIGQUIT and waited for before the guard ends, however it ends.
    pub(crate) fn quit(&self, pid: i32) -> Result<(), FleetError> {
        self.ask(&["quit", &pid.to_string()]).map(|_| ())
    }

    /// Takes [`Guard::wipe`] back.
    pub(crate) fn keep(&self, path: &Path) -> Result<(), FleetError> {
        self.ask(&["keep", &path.display().to_string()]).map(|_| ())
    }

    fn ask(&self, fields: &[&str]) -> Result<String, FleetError> {
        if fields.iter().any(|field| field.contains(['\t', '\n'])) {
            return Err(FleetError::Guard(format!("a tab or newline in {fields:?}")));
        }
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let pipes = pipes.as_mut().ok_or_else(|| FleetError::Guard("it has ended".to_owned()))?;
        let mut request = fields.join("\t");
        request.push('\n');
        let mut answer = String::new();
        pipes
            .requests
            .write_all(request.as_bytes())
            .and_then(|()| pipes.answers.read_line(&mut answer))
            .map_err(|error| FleetError::Guard(error.to_string()))?;
        let answer = answer.trim_end().to_owned();
        match answer.strip_prefix("error ") {
            Some(reason) => Err(FleetError::Guard(reason.to_owned())),
            None if answer.is_empty() => Err(FleetError::Guard("it has ended".to_owned())),
            None => Ok(answer),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing the pipe is the order to end everything.
        drop(self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        let ended = wait::until("the guard's end", END_LIMIT, || !matches!(self.child.try_wait(), Ok(None)));
        if ended.is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
