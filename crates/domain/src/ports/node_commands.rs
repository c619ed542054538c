//! Port [`NodeCommands`]: how a fact provider runs something on nodes. The facade puts the engine behind it, so that
//! gathering facts is authorized, limited and recorded like everything else that runs on a node.

use async_trait::async_trait;
use bytes::Bytes;

use crate::action::Action;
use crate::error::NodeError;
use crate::id::NodeId;
use crate::request::Caller;

/// Runs an action on nodes and hands back what it wrote.
#[async_trait]
pub trait NodeCommands: Send + Sync + 'static {
    /// Runs `action` on the nodes, one answer for each in their order. `tag` marks the execution in the history.
    async fn run(
        &self,
        caller: &Caller,
        action: Action,
        tag: &str,
        nodes: &[NodeId],
    ) -> Vec<Result<CommandOutput, NodeError>>;
}

/// What an action wrote on one node; it ended with an exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// Exit status.
    pub code: i32,
    /// Its standard output, whole.
    pub stdout: Bytes,
    /// Its standard error, whole or its end.
    pub stderr: Bytes,
}
