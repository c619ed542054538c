//! [`Ended`]: a node whose end is known already, since nothing was started on it or the tool has told all of it.

use async_trait::async_trait;
use bytes::Bytes;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, TransportError};

/// A node on which nothing runs any more.
#[derive(Debug)]
pub struct Ended {
    stdout: Option<Bytes>,
    end: ActionEnd,
}

impl Ended {
    /// A node that is refused: nothing was started on it.
    pub fn refused(node: &NodeId, code: ErrorCode, message: impl Into<String>) -> Box<dyn RunningAction> {
        let end = ActionEnd::Failed(TransportError::before_start(node, code, message));
        Box::new(Self { stdout: None, end })
    }

    /// A node on which the tool has ended: what it printed there, and its exit status.
    pub fn printed(stdout: impl Into<Bytes>, code: i32) -> Box<dyn RunningAction> {
        Box::new(Self { stdout: Some(stdout.into()), end: ActionEnd::Exited { code } })
    }
}

#[async_trait]
impl RunningAction for Ended {
    async fn next(&mut self) -> ActionEvent {
        match self.stdout.take() {
            Some(data) => ActionEvent::Output { stream: StreamKind::Stdout, data },
            None => ActionEvent::Ended(self.end.clone()),
        }
    }

    async fn terminate(&mut self, _: TerminateMode) -> Termination {
        // There is no process that could be left.
        Termination::Confirmed
    }
}
