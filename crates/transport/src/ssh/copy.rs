//! Copies files and directories to and from a node: [`start`].
//!
//! The connection is the copy's own, logged in and in blocking mode, and all calls on it are made where blocking
//! is allowed. When the [`RunningAction`] is dropped, the copy stops at the next block and removes what is
//! unfinished.

use std::sync::Arc;

use pabawi_domain::action::Action;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{CopyReport, RunningAction, TransportError};

use super::driver::BlockingSession;
use super::sftp::SftpEnd;
use crate::copy::{self, CopyFault, Job, LocalEnd};

/// Starts an [`Action::Upload`] or [`Action::Download`] on a connection of its own.
///
/// # Errors
/// [`TransportError`] before anything was written.
pub(crate) fn start(
    node: NodeId,
    session: BlockingSession,
    action: Arc<Action>,
) -> Result<Box<dyn RunningAction>, TransportError> {
    if !matches!(*action, Action::Upload(_) | Action::Download(_)) {
        let message = format!("{} is not a copy", action.kind());
        return Err(TransportError::before_start(&node, ErrorCode::Internal, message));
    }
    let name = node.clone();
    Ok(Box::new(copy::start(node, (), move |job| run(&name, &session, &action, job))))
}

fn run(
    node: &NodeId,
    session: &BlockingSession,
    action: &Action,
    job: &Job,
) -> Result<CopyReport, CopyFault> {
    let far = SftpEnd::open(session.session(), job)?;
    match action {
        Action::Upload(upload) => copy::upload(&LocalEnd::here(), &far, upload, job),
        Action::Download(download) => copy::download(&far, &LocalEnd::here(), download, node, job),
        _ => Err(CopyFault::Broken),
    }
}
