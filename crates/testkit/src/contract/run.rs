//! Running one action through a transport under test. Main types: [`TransportSubject`] and [`Finished`]. They
//! turn anything that hangs into a failure.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, CommandAction, ProcessOptions};
use pabawi_domain::node::Target;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, ConnectRequest, RunningAction, Session, Transport, TransportError,
};

/// No single action of a contract takes longer, even on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// A transport with a node that it reaches. The node has to be this machine, with a POSIX shell, so that a
/// contract can look at what it left there.
pub struct TransportSubject {
    /// The transport.
    pub transport: Arc<dyn Transport>,
    /// The node.
    pub target: Target,
    // A fleet or directory that has to live as long as the subject.
    _keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for TransportSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportSubject({} to {})", self.transport.name(), self.target.node)
    }
}

impl TransportSubject {
    /// A subject; `keep` is dropped after the transport.
    pub fn new(transport: Arc<dyn Transport>, target: Target, keep: impl Any + Send + Sync) -> Self {
        Self { transport, target, _keep: Box::new(keep) }
    }

    /// Connects.
    ///
    /// # Errors
    /// The transport's.
    pub async fn connect(&self) -> Result<Box<dyn Session>, TransportError> {
        let request = ConnectRequest {
            target: self.target.clone(),
            timeout: Duration::from_secs(30),
            host_keys: None,
            execution: None,
        };
        within("connect", self.transport.connect(&request)).await
    }

    /// Connects and starts.
    ///
    /// # Errors
    /// The transport's.
    pub async fn start(&self, action: Action) -> Result<Box<dyn RunningAction>, TransportError> {
        let session = self.connect().await?;
        within("start", session.start(Arc::new(action))).await
    }

    /// Runs an action to its end. A start that fails is an end like any other.
    pub async fn run(&self, action: Action) -> Finished {
        match self.start(action).await {
            Ok(mut running) => within("run", Finished::read(&mut *running)).await,
            Err(error) => Finished { stdout: Vec::new(), stderr: Vec::new(), end: ActionEnd::Failed(error) },
        }
    }

    /// Runs a command with default options.
    pub async fn command(&self, command: &str) -> Finished {
        self.run(command_with(command, ProcessOptions::default())).await
    }
}

/// What an action printed and how it ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// All of stdout.
    pub stdout: Vec<u8>,
    /// All of stderr.
    pub stderr: Vec<u8>,
    /// The end.
    pub end: ActionEnd,
}

impl Finished {
    /// Reads a running action to its end.
    pub async fn read(running: &mut dyn RunningAction) -> Self {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        // Ends with the action; callers put a limit around it.
        loop {
            match running.next().await {
                ActionEvent::Output { stream, data } => {
                    assert!(!data.is_empty(), "an output event is never empty");
                    match stream {
                        StreamKind::Stdout => stdout.extend_from_slice(&data),
                        StreamKind::Stderr => stderr.extend_from_slice(&data),
                    }
                }
                ActionEvent::Ended(end) => return Self { stdout, stderr, end },
                _ => {}
            }
        }
    }

    /// stdout as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The exit status, when there is one.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self.end {
            ActionEnd::Exited { code } => Some(code),
            _ => None,
        }
    }

    /// The transport's failure, when it ended by one.
    #[must_use]
    pub fn failure(&self) -> Option<&TransportError> {
        match &self.end {
            ActionEnd::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// A command with options.
pub(super) fn command_with(command: &str, process: ProcessOptions) -> Action {
    Action::Command(CommandAction { command: command.to_owned(), process })
}

/// Fails the test instead of hanging it.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(LIMIT, future).await;
    assert!(result.is_ok(), "{what} took longer than {LIMIT:?}");
    match result {
        Ok(value) => value,
        Err(_) => unreachable!("asserted above"),
    }
}
