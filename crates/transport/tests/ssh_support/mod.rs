//! What the tests of the SSH transport share: a transport for a fleet, running a command to its end.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "every test binary uses another part of this, and a test that cannot go on has to fail"
)]

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, CommandAction, ProcessOptions, RunAs, RunAsMethod};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, ConnectRequest, RunningAction, Session, Transport, TransportError,
};
use pabawi_domain::secret::Secret;
use pabawi_testkit::fleet::Fleet;
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};

/// No step of a test takes longer, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Settings for a fleet's nodes.
pub fn settings(fleet: &Fleet) -> SshSettings {
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(fleet.ssh_config()).unwrap());
    settings
}

/// A transport for a fleet's nodes.
pub fn transport(fleet: &Fleet) -> SshTransport {
    SshTransport::new(settings(fleet))
}

/// A node of the fleet.
pub fn target(fleet: &Fleet, node: usize) -> Target {
    Target::new(NodeId::new(&fleet.node(node).unwrap().name).unwrap(), Endpoint::default())
}

/// The same with another login user.
pub fn target_as(fleet: &Fleet, node: usize, user: &str) -> Target {
    let mut target = target(fleet, node);
    target.endpoint.user = Some(user.to_owned());
    target
}

/// Whatever hangs is a failure.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(value) => value,
        Err(_) => panic!("{what} took longer than {LIMIT:?}"),
    }
}

pub async fn connect(transport: &SshTransport, target: &Target) -> Result<Box<dyn Session>, TransportError> {
    let request = ConnectRequest {
        target: target.clone(),
        timeout: Duration::from_secs(20),
        host_keys: None,
        execution: None,
    };
    within("connecting", transport.connect(&request)).await
}

pub fn command(text: &str, process: ProcessOptions) -> Action {
    Action::Command(CommandAction { command: text.to_owned(), process })
}

pub async fn start(
    transport: &SshTransport,
    target: &Target,
    action: Action,
) -> Result<Box<dyn RunningAction>, TransportError> {
    let session = connect(transport, target).await?;
    within("starting", session.start(Arc::new(action))).await
}

/// What an action printed and how it ended.
#[derive(Debug)]
pub struct Done {
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub end: ActionEnd,
}

impl Done {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    pub fn code(&self) -> Option<i32> {
        match self.end {
            ActionEnd::Exited { code } => Some(code),
            _ => None,
        }
    }

    pub fn error(&self) -> Option<&TransportError> {
        match &self.end {
            ActionEnd::Failed(error) => Some(error),
            _ => None,
        }
    }

    pub fn error_code(&self) -> Option<ErrorCode> {
        self.error().map(|error| error.error.code)
    }
}

/// Reads an action to its end.
pub async fn finish(running: &mut dyn RunningAction) -> Done {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        match within("waiting for the next event", running.next()).await {
            ActionEvent::Output { stream: StreamKind::Stdout, data } => out.extend_from_slice(&data),
            ActionEvent::Output { stream: StreamKind::Stderr, data } => err.extend_from_slice(&data),
            ActionEvent::Ended(end) => return Done { out, err, end },
            _ => {}
        }
    }
}

/// Runs an action to its end; a failed start is an end like any other.
pub async fn run_action(transport: &SshTransport, target: &Target, action: Action) -> Done {
    match start(transport, target, action).await {
        Ok(mut running) => finish(&mut *running).await,
        Err(error) => Done { out: Vec::new(), err: Vec::new(), end: ActionEnd::Failed(error) },
    }
}

pub async fn run(transport: &SshTransport, target: &Target, text: &str) -> Done {
    run_action(transport, target, command(text, ProcessOptions::default())).await
}

/// Options that change the user.
pub fn run_as(user: &str, method: RunAsMethod, password: Option<&str>) -> ProcessOptions {
    let run_as = RunAs { user: user.to_owned(), method, password: password.map(Secret::new) };
    ProcessOptions { run_as: Some(run_as), ..ProcessOptions::default() }
}
