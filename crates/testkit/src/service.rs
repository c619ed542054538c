//! One program that runs in the background for a test, as an unprivileged user, in a directory of its own.
//!
//! Main type: [`Service`]. It knows nothing of what the program is. Everything ends with it, however the test ends: the
//! program lives below a [`Guard`].

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::fleet::FleetError;
use crate::fleet::keys::run;
use crate::guard::Guard;
use crate::process::ProcessInfo;
use crate::wait;

/// Lines of a log that an error shows.
const LOG_TAIL: usize = 25;
/// How long a program may take to end when it is told to: one that is killed leaves its children, and what they hold keeps it
/// from being started again.
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// A directory, a user to run as, and at most one program that runs.
#[derive(Debug)]
pub(crate) struct Service {
    // Dropped first: when the guard has ended, nothing uses the directory any more.
    guard: Guard,
    directory: TempDir,
    account: Option<Account>,
    program: &'static str,
    pid: i32,
}

/// Who the program runs as where the test is root.
#[derive(Debug, Clone)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Service {
    /// Makes the directory and chooses the user: the first of `accounts` that there is, or `nobody`, when the test is
    /// root; otherwise whoever runs the test.
    pub(crate) fn new(program: &'static str, accounts: &[&str]) -> Result<Self, FleetError> {
        let guard = Guard::start()?;
        let directory = tempfile::Builder::new()
            .prefix(&format!("pabawi-{program}-"))
            .tempdir()
            .map_err(FleetError::file(std::env::temp_dir()))?;
        guard.wipe(directory.path())?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711))
            .map_err(FleetError::file(directory.path()))?;
        let account = if rustix::process::geteuid().is_root() { Some(account(accounts)?) } else { None };
        Ok(Self { guard, directory, account, program, pid: 0 })
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a directory that only the program's user may enter.
    pub(crate) fn make_directory(&self, name: &str) -> Result<PathBuf, FleetError> {
        let path = self.path(name);
        fs::create_dir(&path).map_err(FleetError::file(&path))?;
        self.give(&path, 0o700)?;
        Ok(path)
    }

    /// Writes a file that only the program's user may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, FleetError> {
        let path = self.path(name);
        fs::write(&path, text).map_err(FleetError::file(&path))?;
        self.give(&path, 0o600)?;
        Ok(path)
    }

    /// Makes a path belong to the program's user.
    pub(crate) fn give(&self, path: &Path, mode: u32) -> Result<(), FleetError> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .and_then(|()| match &self.account {
                Some(account) => std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid)),
                None => Ok(()),
            })
            .map_err(FleetError::file(path))
    }

    /// Runs a command as the program's user, to its end.
    pub(crate) fn run(&self, command: &[&str], package: &'static str) -> Result<String, FleetError> {
        let words = self.as_account(command);
        let Some((program, arguments)) = words.split_first() else { return Ok(String::new()) };
        // The directory the test runs in may be closed to that user.
        run(Command::new(program).args(arguments).current_dir("/"), package)
    }

    /// Starts the program as its user, with its output in the log, and waits until `is_ready`.
    pub(crate) fn start(
        &mut self,
        command: &[&str],
        limit: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<(), FleetError> {
        let words = self.as_account(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let pid = self.guard.spawn(&self.path("log"), &words)?;
        self.pid = pid;
        let mut ended = false;
        let waited = wait::until(self.program, limit, || {
            ended = !runs(pid);
            ended || is_ready()
        });
        let reason = match waited {
            Ok(()) if !ended => return Ok(()),
            Ok(()) => "it has ended".to_owned(),
            Err(timeout) => timeout.to_string(),
        };
        Err(FleetError::NotReady { program: self.program, reason, log: self.log_tail() })
    }

    /// Has the program sent SIGQUIT and waited for before it is killed, however the test ends.
    pub(crate) fn quit_at_end(&self) -> Result<(), FleetError> {
        self.guard.quit(self.pid)
    }

    /// Sends the program a signal and waits for its end; kills it when that takes too long. Does nothing when it does
    /// not run.
    pub(crate) fn stop(&mut self, signal: Signal) {
        let pid = std::mem::take(&mut self.pid);
        let Some(target) = Pid::from_raw(pid) else { return };
        for signal in [signal, Signal::KILL] {
            // It has ended by itself when there is nothing to signal.
            let _ = rustix::process::kill_process(target, signal);
            if wait::until(self.program, STOP_LIMIT, || !runs(pid)).is_ok() {
                return;
            }
        }
    }

    /// The program's process id; 0 while none runs.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read(self.path("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default().join("\n")
    }

    /// The command with setpriv(1) before it where the test is root. It becomes the program, so its process id is too.
    fn as_account(&self, command: &[&str]) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(Account { uid, gid }) = &self.account {
            words.push("setpriv".to_owned());
            words.push(format!("--reuid={uid}"));
            words.push(format!("--regid={gid}"));
            words.extend(["--clear-groups", "--"].map(str::to_owned));
        }
        words.extend(command.iter().map(|word| (*word).to_owned()));
        words
    }
}

fn runs(pid: i32) -> bool {
    ProcessInfo::read(pid).is_some_and(|process| !process.is_zombie())
}

fn account(wanted: &[&str]) -> Result<Account, FleetError> {
    let passwd = fs::read_to_string("/etc/passwd").map_err(FleetError::file("/etc/passwd"))?;
    let find = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some(Account { uid: ids.next()?.ok()?, gid: ids.next()?.ok()? })
    };
    let mut names = wanted.iter().copied().chain(["nobody"]);
    names.find_map(find).ok_or_else(|| FleetError::Invalid("there is no user nobody".to_owned()))
}
