//! An SSH server that lets everybody in and misbehaves afterwards. Main type: [`HostileSsh`].
//!
//! Real `sshd` cannot be talked into most of this, so it is a small program on Python's paramiko (package
//! `python3-paramiko`), which must never be used for anything but being wrong.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::fleet::{FleetError, KeyFile, KeyType};

/// The server itself.
const SCRIPT: &str = include_str!("server.py");

/// Debian's interpreter, for which its packages are installed; another on `PATH` would not see them.
const PYTHON: &str = "/usr/bin/python3";

/// How a server misbehaves after the key exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HostileSshKind {
    /// Never answers a login attempt.
    AuthNeverAnswered,
    /// Refuses to open any channel (administratively prohibited).
    ChannelRefused,
    /// Never answers the request to open a channel.
    OpenNeverAnswered,
    /// Answers the request to open a channel with SSH_MSG_DISCONNECT.
    DisconnectsAtOpen,
    /// Answers an exec request with failure.
    ExecRefused,
    /// Never answers an exec request, nor anything after it.
    ExecNeverAnswered,
    /// Prints, then closes the channel without an exit status.
    NoExitStatus,
    /// Prints, sends exit status 7 and EOF, and never closes the channel.
    ChannelNeverClosed,
    /// Grants the exec request, then ignores EOF, signals and close.
    Deaf,
    /// Prints, then drops the TCP connection.
    DropsLink,
    /// Grants the exec request, then sends packets of a type that does not exist, without end.
    Floods,
    /// Tells exit status 0 in the middle of the output, then drops the TCP connection.
    DropsLinkAfterExit,
    /// Tells exit status 0 in the middle of the output, and sends the rest and EOF when a further command is asked
    /// for, before it answers that. No error, so not one of [`Self::ALL`].
    LateOutput,
    /// Tells exit status 0 in the middle of the output, and then answers nothing.
    SilentAfterExit,
    /// Tells exit status 0 before any output, and sends nothing more.
    NothingButExit,
}

impl HostileSshKind {
    /// Every kind that nobody can be served by, for a test that goes through all of them.
    pub const ALL: [Self; 14] = [
        Self::AuthNeverAnswered,
        Self::ChannelRefused,
        Self::OpenNeverAnswered,
        Self::DisconnectsAtOpen,
        Self::ExecRefused,
        Self::ExecNeverAnswered,
        Self::NoExitStatus,
        Self::ChannelNeverClosed,
        Self::Deaf,
        Self::DropsLink,
        Self::Floods,
        Self::DropsLinkAfterExit,
        Self::SilentAfterExit,
        Self::NothingButExit,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::AuthNeverAnswered => "auth-never-answered",
            Self::ChannelRefused => "channel-refused",
            Self::OpenNeverAnswered => "open-never-answered",
            Self::DisconnectsAtOpen => "disconnects-at-open",
            Self::ExecRefused => "exec-refused",
            Self::ExecNeverAnswered => "exec-never-answered",
            Self::NoExitStatus => "no-exit-status",
            Self::ChannelNeverClosed => "channel-never-closed",
            Self::Deaf => "deaf",
            Self::DropsLink => "drops-link",
            Self::Floods => "floods",
            Self::DropsLinkAfterExit => "drops-link-after-exit",
            Self::LateOutput => "late-output",
            Self::SilentAfterExit => "silent-after-exit",
            Self::NothingButExit => "nothing-but-exit",
        }
    }
}

/// A hostile SSH server on 127.0.0.1; any user, any ed25519 or RSA key and any password is let in. It ends
/// when this is dropped, and also when the test is killed: it watches a pipe.
#[derive(Debug)]
pub struct HostileSsh {
    child: Child,
    address: SocketAddrV4,
    host_key: KeyFile,
    fired: Arc<AtomicUsize>,
    // Holds the host key.
    _directory: TempDir,
}

impl HostileSsh {
    /// Starts the server and returns when it listens.
    ///
    /// # Errors
    /// [`FleetError::Missing`] without Python or paramiko, [`FleetError::Program`] when it does not come up.
    pub fn start(kind: HostileSshKind) -> Result<Self, FleetError> {
        let missing =
            || FleetError::Missing { program: format!("paramiko for {PYTHON}"), package: "python3-paramiko" };
        let failed = |message: String| FleetError::Program { program: PYTHON.to_owned(), message };
        let directory = TempDir::new().map_err(FleetError::file(std::env::temp_dir()))?;
        let host_key = KeyFile::generate(KeyType::Ed25519, &directory.path().join("host"), None)?;
        let mut child = Command::new(PYTHON)
            .args(["-c", SCRIPT, kind.name()])
            .arg(&host_key.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => missing(),
                _ => failed(error.to_string()),
            })?;
        let fired = Arc::new(AtomicUsize::new(0));
        let mut answers = BufReader::new(child.stdout.take().ok_or_else(|| failed("no pipe".to_owned()))?);
        let mut line = String::new();
        // From here on an error must end the child, which dropping the value does.
        let mut server = Self {
            child,
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
            host_key,
            fired,
            _directory: directory,
        };
        answers.read_line(&mut line).map_err(|error| failed(error.to_string()))?;
        let port = match line.trim().split_once(' ') {
            Some(("listening", port)) => port.parse().map_err(|_| failed(line.clone()))?,
            _ if line.trim() == "missing" => return Err(missing()),
            _ => return Err(failed(format!("it said {line:?} instead of where it listens"))),
        };
        server.address.set_port(port);
        let counter = Arc::clone(&server.fired);
        // Ends with the server, whose pipe it reads.
        std::thread::spawn(move || {
            for line in answers.lines().map_while(Result::ok) {
                if line == "fired" {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Its line for a known_hosts file.
    #[must_use]
    pub fn known_hosts_line(&self) -> String {
        format!("[{}]:{} {}\n", self.address.ip(), self.address.port(), self.host_key.public)
    }

    /// How often a client has met the fault so far.
    #[must_use]
    pub fn fired(&self) -> usize {
        self.fired.load(Ordering::SeqCst)
    }
}

impl Drop for HostileSsh {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
