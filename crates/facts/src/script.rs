//! A script of ours on nodes, in one round trip: [`NodeScript`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::action::{Action, EnvValue, ProcessOptions, ScriptAction};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::{NodeId, Tag};
use pabawi_domain::output::OutputData;
use pabawi_domain::ports::{CommandOutput, FactProviderError, NodeCommand, NodeCommands};
use pabawi_domain::request::Caller;

/// The most bytes that a script may print.
pub(crate) const MAX_OUTPUT: usize = 8 * 1024 * 1024;

/// A script with its limits.
pub(crate) struct NodeScript {
    /// What executions of it are called in the history, and the tag by which they are found.
    pub(crate) name: &'static str,
    pub(crate) content: &'static str,
    pub(crate) env: BTreeMap<String, EnvValue>,
    pub(crate) timeout: Duration,
}

impl NodeScript {
    /// Runs it on the nodes and makes facts of what each printed.
    pub(crate) async fn collect<T>(
        &self,
        provider: &str,
        commands: &Arc<dyn NodeCommands>,
        caller: &Caller,
        nodes: &[NodeId],
        facts_of: impl Fn(&NodeId, &CommandOutput) -> Result<T, NodeError>,
    ) -> Vec<Result<T, FactProviderError>> {
        let failed = |error: NodeError| FactProviderError { provider: provider.to_owned(), error };
        let tag = match Tag::new(self.name) {
            Ok(tag) => tag,
            Err(error) => {
                let fault =
                    |node: &NodeId| NodeError::new(node.clone(), ErrorCode::Internal, error.to_string());
                return nodes.iter().map(|node| Err(failed(fault(node)))).collect();
            }
        };
        let process = ProcessOptions { env: self.env.clone(), ..ProcessOptions::default() };
        let action = Action::Script(ScriptAction {
            name: self.name.to_owned(),
            content: OutputData(Bytes::from_static(self.content.as_bytes())),
            interpreter: Some("/bin/sh".to_owned()),
            arguments: Vec::new(),
            process,
        });
        let command = NodeCommand { action, tag, timeout: self.timeout, max_output_bytes: MAX_OUTPUT };
        let outputs = commands.run(caller, command, nodes).await;
        let answer = |(node, output): (&NodeId, Result<CommandOutput, NodeError>)| {
            output.and_then(|output| facts_of(node, &output)).map_err(failed)
        };
        nodes.iter().zip(outputs).map(answer).collect()
    }
}

/// What a script said on its standard error, shortened, to be put behind a message.
pub(crate) fn said(output: &CommandOutput) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text: String = text.trim().chars().take(300).collect();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
