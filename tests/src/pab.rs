//! One call of `pab`: what is given to it ([`Pab`]) and what came out of it ([`Ran`]).

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::binary::{pab_directory, pab_path};
use crate::events::parse_lines;
use crate::lab::LIMIT;
use crate::running::Running;

/// A call of the program that is to be made.
#[derive(Debug)]
pub struct Pab {
    command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Pab {
    /// A call in a clean environment: nothing of the tester's own settings, keys or terminal reaches it.
    #[must_use]
    pub fn new(home: &Path) -> Self {
        Self::of(Command::new(pab_path()), home)
    }

    /// A call of another program that is `pab` with something compiled in.
    #[must_use]
    pub fn program(path: &Path, home: &Path) -> Self {
        Self::of(Command::new(path), home)
    }

    /// A shell command line in the same environment, with `pab` on its `PATH`.
    #[must_use]
    pub fn shell(home: &Path, line: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]);
        Self::of(shell, home)
    }

    fn of(mut command: Command, home: &Path) -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", pab_directory().display()))
            .env("HOME", home)
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .current_dir(home);
        // Coverage tools and sanitizers find their files by these.
        for name in ["LLVM_PROFILE_FILE", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Its own process group, so that what a test sends to it reaches nobody else.
        command.process_group(0);
        Self { command, stdin: Vec::new(), limit: LIMIT }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in another folder than the home folder.
    #[must_use]
    pub fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// What it reads from its standard input; without this, nothing.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The arguments so far, for a call through another program.
    #[must_use]
    pub fn command_line(&self) -> String {
        let quote = |word: &OsStr| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"));
        let program = quote(self.command.get_program());
        self.command.get_args().map(quote).fold(program, |line, word| line + " " + &word)
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end in time; it is killed then.
    #[must_use]
    pub fn ran(self) -> Ran {
        let limit = self.limit;
        self.spawn().end_within(limit)
    }

    /// Runs it to its end, which must be this exit status.
    ///
    /// # Panics
    /// When it ends otherwise.
    #[must_use]
    pub fn exits(self, code: i32) -> Ran {
        let ran = self.ran();
        assert_eq!(ran.code(), Some(code), "{ran}");
        ran
    }

    /// Runs it to its end, which must be exit status 0.
    ///
    /// # Panics
    /// When it ends otherwise.
    #[must_use]
    pub fn succeeds(self) -> Ran {
        self.exits(0)
    }

    /// Starts it. Its output is collected; lines of stdout can be read as they come.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let shown = self.command_line();
        self.command.stdin(if self.stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        if let Some(mut input) = child.stdin.take() {
            // A thread of its own: the program may print before it has read everything. It ends with the pipe.
            std::thread::spawn(move || {
                let _ = input.write_all(&self.stdin);
            });
        }
        Running::new(child, shown)
    }
}

/// What became of a call.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed, without what was already read line by line.
    pub stdout: Vec<u8>,
    /// What it printed to stderr.
    pub stderr: Vec<u8>,
    /// The call itself.
    pub call: String,
}

impl Ran {
    /// Exit status; `None` when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// stdout as text.
    #[must_use]
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// stderr as text.
    #[must_use]
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// stdout as one JSON document.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error})\n{self}"))
    }

    /// stdout as one JSON document a line.
    ///
    /// # Panics
    /// When a line is none.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        parse_lines(&self.out())
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8_000;
        let shown = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let cut: String = text.chars().take(SHOWN).collect();
            if cut.len() < text.len() { format!("{cut}… ({} bytes)", bytes.len()) } else { cut }
        };
        let signal = self.status.signal().map(|signal| format!(" by signal {signal}")).unwrap_or_default();
        writeln!(f, "call: {}", shown(self.call.as_bytes()))?;
        writeln!(f, "end: {:?}{signal}", self.status.code())?;
        writeln!(f, "stdout:\n{}", shown(&self.stdout))?;
        write!(f, "stderr:\n{}", shown(&self.stderr))
    }
}
