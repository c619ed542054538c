//! A call of `pab` that is going on: [`Running`]. Dropping it kills the program.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pabawi_testkit::wait;
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::lab::LIMIT;
use crate::pab::Ran;

/// Lines that are held for a test that reads them slowly; then the program has to wait.
const LINES: usize = 1_024;

/// A call that has not ended yet.
#[derive(Debug)]
pub struct Running {
    child: Child,
    call: String,
    stdout: Option<Stdout>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

#[derive(Debug)]
struct Stdout {
    lines: Receiver<Vec<u8>>,
}

impl Running {
    pub(crate) fn new(mut child: Child, call: String) -> Self {
        let stdout = child.stdout.take().expect("piped");
        let mut stderr = child.stderr.take().expect("piped");
        let (sender, lines) = sync_channel(LINES);
        std::thread::spawn(move || pass_lines(BufReader::new(stdout), &sender));
        let stderr = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = stderr.read_to_end(&mut all);
            all
        });
        Self { child, call, stdout: Some(Stdout { lines }), stderr: Some(stderr) }
    }

    /// Process id of the program.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of stdout, without its end; `None` after the last one.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn line(&mut self) -> Option<String> {
        self.line_within(LIMIT)
    }

    /// As [`Running::line`], with another limit.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn line_within(&mut self, limit: Duration) -> Option<String> {
        let stdout = self.stdout.as_ref().expect("lines are read before the end");
        match stdout.lines.recv_timeout(limit) {
            Ok(mut line) => {
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                Some(String::from_utf8(line).expect("UTF-8"))
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                let error = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
                let error = String::from_utf8_lossy(&error).into_owned();
                panic!("no line within {limit:?} from {}\nstderr: {error}", self.call)
            }
        }
    }

    /// The next event of `--format ndjson`; `None` after the last one.
    ///
    /// # Panics
    /// When none comes in time, or it is no JSON.
    pub fn event(&mut self) -> Option<Value> {
        let line = self.line()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("no JSON ({error}): {line:?}")))
    }

    /// Reads events until one is as wanted, and returns all that were read, that one last.
    ///
    /// # Panics
    /// When the program ends before.
    pub fn events_until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        // Ends with the program, or with the limit for one line.
        while let Some(event) = self.event() {
            let found = wanted(&event);
            events.push(event);
            if found {
                return events;
            }
        }
        panic!("the end came before {what}: {events:#?}")
    }

    /// Sends a signal to the program alone.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Kills the program with SIGKILL and waits until it is gone. What it had printed can still be read.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether the program has ended.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_some()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not come in time; the program is killed then.
    #[must_use]
    pub fn end(self) -> Ran {
        self.end_within(LIMIT)
    }

    /// As [`Running::end`], with another limit.
    ///
    /// # Panics
    /// When it does not come in time; the program is killed then.
    #[must_use]
    pub fn end_within(mut self, limit: Duration) -> Ran {
        let (stdout, in_time) = self.read_rest(limit);
        let status = self.wait(if in_time { limit } else { Duration::ZERO });
        if status.is_none() {
            self.kill();
        }
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let ran =
            Ran { status: status.unwrap_or_default(), stdout, stderr, call: std::mem::take(&mut self.call) };
        assert!(status.is_some(), "it did not end within {limit:?} and was killed\n{ran}");
        ran
    }

    /// What is left of stdout, and whether its end came in time.
    fn read_rest(&mut self, limit: Duration) -> (Vec<u8>, bool) {
        let stdout = self.stdout.take().expect("ended once");
        let start = Instant::now();
        let mut rest = Vec::new();
        // Ends with the program's output, or with the limit.
        loop {
            match stdout.lines.recv_timeout(limit.saturating_sub(start.elapsed())) {
                Ok(line) => rest.extend(line),
                Err(RecvTimeoutError::Disconnected) => return (rest, true),
                Err(RecvTimeoutError::Timeout) => return (rest, false),
            }
        }
    }

    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let mut status = None;
        let _ = wait::until("the end of pab", limit, || {
            status = self.child.try_wait().expect("it can be waited for");
            status.is_some()
        });
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Passes lines with their ends on, so that bytes stay as they are.
fn pass_lines(mut stdout: BufReader<ChildStdout>, lines: &SyncSender<Vec<u8>>) {
    // Ends with the program's output, or when nobody listens any more.
    loop {
        let mut line = Vec::new();
        match stdout.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if lines.send(line).is_err() => return,
            Ok(_) => {}
        }
    }
}
