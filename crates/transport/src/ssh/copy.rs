//! Copies files and directories to and from a node: [`start`].
//!
//! The connection is the copy's own, logged in and in blocking mode; all calls on it belong into
//! `tokio::task::spawn_blocking`. When the [`RunningAction`] is dropped, the copy has to stop soon and remove
//! what is unfinished.

use std::sync::Arc;

use pabawi_domain::action::Action;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{RunningAction, TransportError};

use super::driver::BlockingSession;

/// Starts an [`Action::Upload`] or [`Action::Download`] on a connection of its own.
///
/// # Errors
/// [`TransportError`] before anything was written.
pub(crate) fn start(
    node: NodeId,
    session: BlockingSession,
    action: Arc<Action>,
) -> Result<Box<dyn RunningAction>, TransportError> {
    drop(session);
    Err(TransportError::before_start(
        &node,
        ErrorCode::Unsupported,
        format!("the SSH transport cannot do a {} yet", action.kind()),
    ))
}
