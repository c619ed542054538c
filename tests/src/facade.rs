//! The same laboratory through the Rust facade: [`open`]. It only puts the fleet's files into its settings.

use std::sync::Arc;

use pabawi::ssh::{SshConfig, SshSettings};
use pabawi::{
    Action, AllowAll, Caller, CommandAction, EngineLimits, EntryPoint, ExecutionRequest, Framework,
    TargetExpression,
};

use crate::lab::Lab;

/// A framework on the laboratory's nodes and database. Names are those of the fleet's ssh_config.
///
/// # Panics
/// When it cannot be opened.
pub async fn open(
    lab: &Lab,
    limits: impl FnOnce(&mut EngineLimits),
    ssh: impl FnOnce(&mut SshSettings),
) -> Framework {
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(lab.fleet().ssh_config()).expect("the fleet's ssh_config"));
    ssh(&mut settings);
    let mut own = EngineLimits::default();
    limits(&mut own);
    let builder =
        Framework::builder().database(lab.database()).ssh(settings).authorizer(AllowAll).limits(own);
    builder.open().await.expect("the framework opens")
}

/// Who asks in these tests.
#[must_use]
pub fn caller() -> Caller {
    Caller { user: "tester".to_owned(), entry_point: EntryPoint::Rust }
}

/// A command with defaults for all the rest.
#[must_use]
pub fn command(targets: &str, command: &str) -> ExecutionRequest {
    ExecutionRequest::new(Action::Command(CommandAction::new(command)), TargetExpression::new(targets))
}
