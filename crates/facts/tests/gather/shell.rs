//! Runs a provider's script by a shell of this machine: [`Shell`], for the port [`NodeCommands`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::Action;
use pabawi_domain::error::NodeError;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{CommandOutput, FactProvider as _, NodeCommand, NodeCommands, NodeFacts};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_facts::SshFacts;
use pabawi_testkit::clock::ManualClock;

/// A shell with the words before the script, and the only directories on its `PATH`.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) words: Vec<String>,
    pub(crate) path: Option<PathBuf>,
}

impl Shell {
    pub(crate) fn new(words: &str) -> Self {
        Self { words: words.split(' ').map(str::to_owned).collect(), path: None }
    }

    /// The provider on this shell, with facts of the site from that directory.
    pub(crate) fn provider(self, site: &Path) -> SshFacts {
        let provider = SshFacts::new(Arc::new(self), Arc::new(ManualClock::default()));
        provider.custom_facts(site.to_str().unwrap())
    }

    /// Facts without facts of the site.
    pub(crate) async fn facts(self) -> NodeFacts {
        collected(&self.provider(Path::new("/nonexistent"))).await
    }
}

/// What the provider says about a node.
pub(crate) async fn collected(provider: &SshFacts) -> NodeFacts {
    let caller = Caller { user: "ann".into(), entry_point: EntryPoint::Rust };
    let mut answers = provider.collect(&caller, &[NodeId::new("web1").unwrap()]).await;
    answers.pop().unwrap().unwrap()
}

#[async_trait]
impl NodeCommands for Shell {
    async fn run(
        &self,
        _: &Caller,
        command: NodeCommand,
        nodes: &[NodeId],
    ) -> Vec<Result<CommandOutput, NodeError>> {
        assert_eq!(nodes.len(), 1);
        let Action::Script(script) = command.action else { panic!("a script") };
        let mut content = String::from_utf8(script.content.0.to_vec()).unwrap();
        if let Some(path) = &self.path {
            // The script looks beyond PATH too, where the real programs of this machine are.
            let lines = content.lines().filter(|line| !line.starts_with("PATH="));
            content = lines.map(|line| format!("{line}\n")).collect();
            content.insert_str(0, &format!("PATH={}\n", path.display()));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let env: BTreeMap<&String, String> = script
            .process
            .env
            .iter()
            .map(|(name, value)| (name, String::from_utf8(value.expose().to_vec()).unwrap()))
            .collect();
        let mut shell = tokio::process::Command::new(&self.words[0]);
        shell.args(&self.words[1..]).arg(file.path()).envs(env).kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(120), shell.output()).await;
        let output = output.expect("the script ends in time").expect("the shell starts");
        vec![Ok(CommandOutput {
            code: output.status.code().unwrap(),
            stdout: output.stdout.into(),
            stderr: output.stderr.into(),
        })]
    }
}
