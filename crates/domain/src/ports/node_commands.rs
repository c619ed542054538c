//! Port [`NodeCommands`]: how a fact provider runs something on nodes. The facade puts the engine behind it, so that
//! gathering facts is authorized, limited and recorded like everything else that runs on a node.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::action::Action;
use crate::error::NodeError;
use crate::id::{NodeId, Tag};
use crate::request::Caller;

/// Runs an action on nodes and hands back what it wrote.
#[async_trait]
pub trait NodeCommands: Send + Sync + 'static {
    /// Runs it on the nodes, one answer for each in their order.
    async fn run(
        &self,
        caller: &Caller,
        command: NodeCommand,
        nodes: &[NodeId],
    ) -> Vec<Result<CommandOutput, NodeError>>;
}

/// What is run, and within which limits.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeCommand {
    /// What is run.
    pub action: Action,
    /// Marks the execution in the history.
    pub tag: Tag,
    /// After this time the action is ended on its node.
    pub timeout: Duration,
    /// The most bytes of standard output that are taken; more is an error of that node.
    pub max_output_bytes: usize,
}

/// What an action wrote on one node; it ended with an exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// Exit status.
    pub code: i32,
    /// Its standard output, whole.
    pub stdout: Bytes,
    /// Its standard error, whole or its beginning.
    pub stderr: Bytes,
}
