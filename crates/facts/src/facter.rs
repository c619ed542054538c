//! The provider `facter`: what Facter says on nodes that have it. Its names are the common ones already.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, CommandOutput, FactProvider, FactProviderError, NodeCommands, NodeFacts};
use pabawi_domain::request::Caller;
use serde_json::{Map, Value};

use crate::script::{NodeScript, said};

/// Facter of the operating system, or of Puppet's own packages. Where there is none, 127 says so, as a shell would.
const SCRIPT: &str = "\
PATH=$PATH:/opt/puppetlabs/bin:/usr/local/bin
command -v facter >/dev/null || exit 127
exec facter --json </dev/null
";

/// Facts of Facter. A node without it has none of this provider, which is no failure.
pub struct FacterFacts {
    commands: Arc<dyn NodeCommands>,
    clock: Arc<dyn Clock>,
    script: NodeScript,
}

impl FacterFacts {
    /// Its name.
    pub const NAME: &'static str = "facter";
    /// Its priority.
    pub const PRIORITY: i32 = 60;
    /// How long Facter may take on a node.
    pub const TIMEOUT: Duration = Duration::from_secs(120);

    /// A provider that runs Facter by `commands`.
    pub fn new(commands: Arc<dyn NodeCommands>, clock: Arc<dyn Clock>) -> Self {
        let script = NodeScript {
            name: "pabawi-facter",
            content: SCRIPT,
            env: BTreeMap::new(),
            timeout: Self::TIMEOUT,
        };
        Self { commands, clock, script }
    }
}

#[async_trait]
impl FactProvider for FacterFacts {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn priority(&self) -> i32 {
        Self::PRIORITY
    }

    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let facts = |node: &NodeId, output: &CommandOutput| facts_of(node, output, self.clock.now());
        self.script.collect(Self::NAME, &self.commands, caller, nodes, facts).await
    }
}

fn facts_of(node: &NodeId, output: &CommandOutput, now: Timestamp) -> Result<NodeFacts, NodeError> {
    let fault = |message: String| NodeError::new(node.clone(), ErrorCode::PluginFault, message);
    let facts = match output.code {
        0 => match serde_json::from_slice(&output.stdout) {
            Ok(Value::Object(facts)) => facts,
            Ok(_) => return Err(fault("facter printed JSON that is no mapping".to_owned())),
            Err(error) => {
                return Err(fault(format!("facter printed no valid JSON: {error}{}", said(output))));
            }
        },
        127 if output.stdout.is_empty() => Map::new(),
        code => return Err(fault(format!("facter ended with exit status {code}{}", said(output)))),
    };
    Ok(NodeFacts { node: node.clone(), facts, raw: None, warnings: Vec::new(), gathered_at: now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn facter_is_taken_at_its_word_and_may_be_missing() {
        let node = NodeId::new("web1").unwrap();
        let run = |code: i32, stdout: &'static str| {
            let stderr = Bytes::from_static(b"why\n");
            let output = CommandOutput { code, stdout: Bytes::from_static(stdout.as_bytes()), stderr };
            facts_of(&node, &output, Timestamp::UNIX_EPOCH).map_err(|error| error.message)
        };
        assert_eq!(run(0, "{\"os\": {\"family\": \"Debian\"}}").unwrap().facts["os"]["family"], "Debian");
        assert!(run(127, "").unwrap().facts.is_empty());
        assert_eq!(run(1, "").unwrap_err(), "facter ended with exit status 1: why");
        assert!(run(0, "{").unwrap_err().starts_with("facter printed no valid JSON: EOF"));
        assert!(run(0, "[]").unwrap_err().contains("no mapping"));
    }
}
