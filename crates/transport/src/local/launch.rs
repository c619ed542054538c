//! Starting the wrapper on this machine and the conversation up to its header, the change of user included.
//!
//! Main function: [`launch`]. Whatever goes wrong here has started no command.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use pabawi_domain::action::RunAs;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::TransportError;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::shell;

/// What may come before the header: a lecture of sudo, messages of PAM.
const MAX_CONVERSATION: usize = 64 * 1024;
/// How much of it is shown to a person.
const MAX_SHOWN: usize = 300;
/// What a command gets of this process's environment. Everything else may be a secret of the host.
const INHERITED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// A wrapper that has told its process group and waits for the preamble.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) child: Child,
    /// The child's session, which is its process id; all of it is ours.
    pub(super) session: Pid,
    /// The process group of the command, the same as the session unless another program stands between.
    pub(super) group: Pid,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
    /// What was read of stderr behind the header.
    pub(super) stderr_begin: BytesMut,
    guard: GroupGuard,
}

impl Launched {
    /// The process is in other hands now.
    pub(super) fn disarm(&mut self) {
        self.guard.0 = None;
    }
}

/// What a process writes; each pipe until its end or until nobody wants it any more.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl Pipes {
    /// Reads both to their ends and keeps nothing.
    pub(super) async fn discard(self) {
        let out = async {
            if let Some(mut pipe) = self.stdout {
                let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
            }
        };
        let err = async {
            if let Some(mut pipe) = self.stderr {
                let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
            }
        };
        tokio::join!(out, err);
    }
}

/// Ends a session's process group when the conversation fails or is given up.
#[derive(Debug)]
struct GroupGuard(Option<Pid>);

impl Drop for GroupGuard {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may be gone already, or belong to another user: then closing its stdin has to do.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

/// Letters and digits that nobody can guess.
///
/// # Errors
/// When the system has no randomness to give.
pub(super) fn nonce() -> io::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Starts the command line of a wrapped command and waits for its header.
///
/// # Errors
/// The program cannot be started, the change of user is refused, or there is no header within `limit`.
pub(super) async fn launch(
    node: &NodeId,
    wrapped: &shell::Wrapped,
    nonce: &str,
    run_as: Option<&RunAs>,
    limit: Duration,
) -> Result<Launched, TransportError> {
    let command_line = shell::command_line(wrapped, nonce, run_as);
    let launched = spawn_shell(&command_line).map_err(|error| {
        TransportError::before_start(node, ErrorCode::NoShell, "/bin/sh cannot be started").caused_by(&error)
    })?;
    match tokio::time::timeout(limit, converse(node, launched, nonce, run_as)).await {
        Ok(result) => result,
        Err(_) => {
            let message = format!("the command was not started within {} s", limit.as_secs());
            Err(TransportError::before_start(node, ErrorCode::ProtocolViolation, message))
        }
    }
}

fn spawn_shell(command_line: &str) -> io::Result<Launched> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", command_line]).env_clear();
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    spawn(&mut command)
}

/// Starts a program in a session of its own, with three pipes.
///
/// # Errors
/// What the system says.
pub(super) fn spawn(command: &mut Command) -> io::Result<Launched> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: the closure runs between fork and exec and only makes one system call, which is safe there.
    unsafe {
        // A session of its own: no terminal, and everything that does not leave it can be found and ended.
        command.pre_exec(|| rustix::process::setsid().map(|_| ()).map_err(io::Error::from));
    }
    let mut child = command.spawn()?;
    let missing = || io::Error::other("the system gave no pipe");
    let session = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).ok_or_else(missing)?;
    Ok(Launched {
        stdin: child.stdin.take().ok_or_else(missing)?,
        stdout: child.stdout.take().ok_or_else(missing)?,
        stderr: child.stderr.take().ok_or_else(missing)?,
        child,
        session,
        group: session,
        stderr_begin: BytesMut::new(),
        guard: GroupGuard(Some(session)),
    })
}

async fn converse(
    node: &NodeId,
    mut launched: Launched,
    nonce: &str,
    run_as: Option<&RunAs>,
) -> Result<Launched, TransportError> {
    let mark = shell::mark(nonce);
    let mut text = BytesMut::with_capacity(4_096);
    let mut answered = 0;
    let mut asked = false;
    // Every turn reads at least one byte, and their number is limited.
    loop {
        if let Some((length, group)) = header(&text, &mark) {
            launched.group = group;
            text.advance(length);
            launched.stderr_begin = text;
            return Ok(launched);
        }
        if let Some(run_as) = run_as
            && shell::prompts(&text, answered, nonce, run_as.method)
        {
            let program = shell::program(run_as.method);
            let Some(password) = &run_as.password else {
                let message = format!("{program} asks for a password to become {}; give one", run_as.user);
                return Err(TransportError::before_start(node, ErrorCode::RunAsPasswordNeeded, message));
            };
            if asked {
                let message = format!("{program} does not accept the password to become {}", run_as.user);
                return Err(TransportError::before_start(node, ErrorCode::RunAsDenied, message));
            }
            asked = true;
            answered = text.len();
            // If it is gone meanwhile, the end of its output tells.
            let _ = launched.stdin.write_all(password.expose()).await;
            let _ = launched.stdin.write_all(b"\n").await;
            let _ = launched.stdin.flush().await;
        }
        let read = launched.stderr.read_buf(&mut text).await;
        if text.len() > MAX_CONVERSATION {
            let message = "the command was not started, and much else was printed";
            return Err(TransportError::before_start(node, ErrorCode::ProtocolViolation, message));
        }
        if !matches!(read, Ok(n) if n > 0) {
            let status = launched.child.wait().await.ok();
            return Err(ended_early(node, &text, status, run_as));
        }
    }
}

/// Finds `MARK <group>\n` and how much of the text it ends.
fn header(text: &[u8], mark: &str) -> Option<(usize, Pid)> {
    let start = text.windows(mark.len()).position(|window| window == mark.as_bytes())? + mark.len();
    let rest = text.get(start..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let number = std::str::from_utf8(rest.get(..end)?).ok()?.trim().parse().ok()?;
    Some((start + end + 1, Pid::from_raw(number)?))
}

fn ended_early(
    node: &NodeId,
    text: &[u8],
    status: Option<ExitStatus>,
    run_as: Option<&RunAs>,
) -> TransportError {
    let said: String = String::from_utf8_lossy(text).trim().chars().take(MAX_SHOWN).collect();
    let Some(run_as) = run_as else {
        let how = status.map_or_else(String::new, |status| match (status.code(), status.signal()) {
            (Some(code), _) => format!(" with status {code}"),
            (_, Some(signal)) => format!(" by signal {signal}"),
            _ => String::new(),
        });
        let message = format!("/bin/sh ended{how} before the command was started: {said}");
        return TransportError::before_start(node, ErrorCode::NoShell, message);
    };
    let program = shell::program(run_as.method);
    // sudo's and doas' own words for "I would have to ask" contain this in English, which is what they speak
    // unless LANG says otherwise; in another language it is a refusal like any other, with their words shown.
    let needs_password = run_as.password.is_none() && said.contains("password");
    let (code, why) = if needs_password {
        (ErrorCode::RunAsPasswordNeeded, "needs a password")
    } else {
        (ErrorCode::RunAsDenied, "refuses")
    };
    TransportError::before_start(node, code, format!("{program} {why} to become {}: {said}", run_as.user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_found_behind_other_text() {
        let found =
            |text: &[u8]| header(text, "PABAWI-n").map(|(length, pid)| (length, pid.as_raw_nonzero().get()));
        assert_eq!(found(b"PABAWI-n 42\nrest"), Some((12, 42)));
        assert_eq!(found(b"lecture\nPABAWI-PASSWORD-n:PABAWI-n 7\n"), Some((37, 7)));
        assert_eq!(found(b"PABAWI-n 42"), None);
        assert_eq!(found(b"PABAWI-x 42\n"), None);
    }
}
