//! The provider itself: [`SshFacts`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::action::EnvValue;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, CommandOutput, FactProvider, FactProviderError, NodeCommands, NodeFacts};
use pabawi_domain::request::Caller;

use super::sections::{MAX_BYTES, Sections};
use super::{custom, parse};
use crate::script::{NodeScript, said};

/// The script. It needs nothing but POSIX sh.
const GATHER: &str = include_str!("gather.sh");

/// Facts without an agent: a script in POSIX sh, in one round trip. It goes to each node by the node's own transport.
pub struct SshFacts {
    commands: Arc<dyn NodeCommands>,
    clock: Arc<dyn Clock>,
    script: NodeScript,
}

impl SshFacts {
    /// Its name.
    pub const NAME: &'static str = "ssh";
    /// Its priority.
    pub const PRIORITY: i32 = 50;
    /// How long the script may take on a node.
    pub const TIMEOUT: Duration = Duration::from_secs(120);

    /// A provider that runs the script by `commands`.
    pub fn new(commands: Arc<dyn NodeCommands>, clock: Arc<dyn Clock>) -> Self {
        let script = NodeScript {
            name: "pabawi-facts",
            content: GATHER,
            env: BTreeMap::new(),
            timeout: Self::TIMEOUT,
        };
        Self { commands, clock, script }
    }

    /// Another directory for the facts of the site than `/etc/pabawi/facts.d`.
    #[must_use]
    pub fn custom_facts(mut self, directory: impl Into<String>) -> Self {
        self.script.env.insert("PABAWI_FACTS_DIR".to_owned(), EnvValue::Plain(directory.into()));
        self
    }

    /// Another limit for each program among them than 10 s; in whole seconds, at least one.
    #[must_use]
    pub fn custom_fact_timeout(mut self, limit: Duration) -> Self {
        let seconds = limit.as_secs().max(1).to_string();
        self.script.env.insert("PABAWI_FACTS_TIMEOUT".to_owned(), EnvValue::Plain(seconds));
        self
    }
}

#[async_trait]
impl FactProvider for SshFacts {
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
    let bytes = output.stdout.get(..MAX_BYTES).unwrap_or(&output.stdout);
    let text = String::from_utf8_lossy(bytes);
    let sections = Sections::of(&text);
    if sections.value("kernel").is_none() {
        let message = format!("the script gathered nothing (exit status {}){}", output.code, said(output));
        return Err(NodeError::new(node.clone(), ErrorCode::PluginFault, message));
    }
    let mut warnings = Vec::new();
    if !sections.ended() {
        warnings.push(format!(
            "the script did not come to its end (exit status {}){}",
            output.code,
            said(output)
        ));
    }
    if matches!(text, std::borrow::Cow::Owned(_)) {
        warnings.push("some values are not UTF-8; what is not was replaced by U+FFFD".to_owned());
    }
    let mut tree = parse::facts(&sections);
    custom::put(&sections, &mut tree, &mut warnings);
    Ok(NodeFacts { node: node.clone(), facts: tree.into_map(), raw: None, warnings, gathered_at: now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    const NAMES: [&str; 44] = [
        "kernel",
        "kernelrelease",
        "kernelversion",
        "hardware",
        "isa",
        "hostname",
        "fqdn",
        "timezone",
        "now",
        "resolv_conf",
        "os_release",
        "debian_version",
        "redhat_release",
        "links",
        "ip_addr",
        "ifconfig",
        "route",
        "ipv6_route",
        "route_get",
        "route_get6",
        "cpuinfo",
        "meminfo",
        "uptime",
        "loadavg",
        "mounts",
        "mount",
        "disks",
        "dmi",
        "detect_virt",
        "container",
        "process_1",
        "df",
        "who",
        "geom",
        "swapinfo",
        "vm_stat",
        "swapusage",
        "boottime",
        "cpu_count",
        "cpu_model",
        "custom",
        "custom_json",
        "custom_output",
        "custom_status",
    ];

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ \\t]?\\PC{0,40}",
            "(inet|inet6|ether|mtu|processor|MemTotal|Pages free|page size of|total)[ :=\t]{0,3}[0-9a-fx./:%]{0,24}",
            "[0-9. ]{0,30}",
            "(/[a-z\\\\0-9]{0,6} ){0,3}[0-9]{1,22} [0-9]{1,22} [0-9]{1,22} [0-9]{1,3}% /[a-z ]{0,5}",
            "[a-z0-9]{1,4} [0-9A-F]{8} [0-9A-F]{8} [0-9 ]{4,9} 00000000",
            "\\{\"a\":\\PC{0,20}",
        ]
    }

    fn output() -> impl Strategy<Value = String> {
        let section = (proptest::sample::select(&NAMES[..]), proptest::collection::vec(line(), 0..4));
        proptest::collection::vec(section, 0..30).prop_map(|sections| {
            let mut text = "@kernel\n Linux\n".to_owned();
            for (name, lines) in sections {
                text += &format!("@{name}\n");
                for line in lines {
                    text += &format!(" {line}\n");
                }
            }
            text + "@end\n"
        })
    }

    fn parsed(kernel: &str, text: &str) {
        let node = NodeId::new("web1").unwrap();
        let text = text.replacen("Linux", kernel, 1);
        let output = CommandOutput { code: 0, stdout: text.into_bytes().into(), stderr: Bytes::new() };
        let facts = facts_of(&node, &output, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(facts.facts["kernel"], kernel);
    }

    proptest! {
        #[test]
        fn hostile_output_never_panics(text in output()) {
            for kernel in ["Linux", "FreeBSD", "Darwin"] {
                parsed(kernel, &text);
            }
        }

        #[test]
        fn bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let node = NodeId::new("web1").unwrap();
            let mut stdout = b"@kernel\n Linux\n@links\n".to_vec();
            stdout.extend(&bytes);
            let output = CommandOutput { code: 0, stdout: stdout.into(), stderr: Bytes::new() };
            prop_assert!(facts_of(&node, &output, Timestamp::UNIX_EPOCH).is_ok());
            let output = CommandOutput { code: 1, stdout: bytes.into(), stderr: Bytes::from_static(b"why") };
            let _ = facts_of(&node, &output, Timestamp::UNIX_EPOCH);
        }
    }

    #[test]
    fn output_that_is_cut_off_or_missing_is_told() {
        let node = NodeId::new("web1").unwrap();
        let output = |stdout: &'static [u8]| CommandOutput {
            code: 126,
            stdout: Bytes::from_static(stdout),
            stderr: Bytes::from_static(b"sh: cannot\n"),
        };
        let error = facts_of(&node, &output(b"Welcome\n"), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.to_string(), "web1: the script gathered nothing (exit status 126): sh: cannot");
        let facts =
            facts_of(&node, &output(b"@kernel\n Linux\n@who\n \xff\n"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(facts.warnings.len(), 2);
        assert!(facts.warnings[0].contains("did not come to its end (exit status 126): sh: cannot"));
    }
}
