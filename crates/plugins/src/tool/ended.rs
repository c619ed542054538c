//! [`Ended`]: a node whose end is known before anything was started, such as one that a tool cannot be asked about.

use async_trait::async_trait;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, TransportError};

/// A node on which nothing was started.
#[derive(Debug)]
pub struct Ended(ActionEnd);

impl Ended {
    /// A node that is refused.
    pub fn refused(node: &NodeId, code: ErrorCode, message: impl Into<String>) -> Box<dyn RunningAction> {
        Box::new(Self(ActionEnd::Failed(TransportError::before_start(node, code, message))))
    }
}

#[async_trait]
impl RunningAction for Ended {
    async fn next(&mut self) -> ActionEvent {
        ActionEvent::Ended(self.0.clone())
    }

    async fn terminate(&mut self, _: TerminateMode) -> Termination {
        Termination::Confirmed
    }
}
