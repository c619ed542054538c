//! Port [`RunningTool`]: a tool of this machine that was started, read from while it works.

use async_trait::async_trait;
use bytes::Bytes;

use crate::outcome::Termination;
use crate::output::StreamKind;
use crate::ports::{TerminateMode, ToolEnd, ToolError};

/// A tool that was started. Dropping it kills its processes as well as it can be done without waiting; only
/// [`RunningTool::terminate`] tells how that went.
#[async_trait]
pub trait RunningTool: Send {
    /// The next thing that happens. Not calling it is backpressure: the tool's writes wait. The future may be dropped and
    /// called anew without loss. After `Ended` it returns the same `Ended` again; what the tool has left running in its
    /// session has been ended by then.
    async fn next(&mut self) -> ToolEvent;

    /// Ends all of its session, children that are left included, and looks whether it is gone. Bounded in time: the grace
    /// plus a few seconds. May be called after `Ended` and more than once; output that is still unread is discarded.
    async fn terminate(&mut self, mode: TerminateMode) -> Termination;
}

/// What happens while a tool works.
#[derive(Debug, Clone)]
pub enum ToolEvent {
    /// Output, in order within its stream.
    Output {
        /// Which stream.
        stream: StreamKind,
        /// The bytes; never empty.
        data: Bytes,
    },
    /// It is over, or its end is not known.
    Ended(Result<ToolEnd, ToolError>),
}
