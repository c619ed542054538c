//! Facts of targets by the task `facts`, which comes with Bolt: [`BoltFacts`]. One run asks all nodes of a call. The task says
//! what Facter says where there is one, and a part of it otherwise; its names are the common ones already.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::ports::{ActionEnd, FactProvider, FactProviderError, NodeFacts};
use pabawi_domain::request::Caller;
use serde_json::Map;

use super::command_line::command_line;
use super::document::{Document, Form, Found};
use super::files::RunFiles;
use super::item::Item;
use super::kinds::{BoltError, of_run};
use super::known::{Known, KnownTargets};
use super::program::Program;
use super::report::{keep_head, nonsense};
use super::targets::{Targets, is_exact};
use super::work::{FACTS, Work};
use crate::tool::call::{Refused, blocking};
use crate::tool::private_files::PrivateRoot;

/// The most bytes that one run may print.
const MAX_OUTPUT: usize = 256 * 1024 * 1024;

/// The provider, for targets of the inventory.
pub(super) struct BoltFacts {
    pub(super) name: String,
    pub(super) priority: i32,
    pub(super) program: Program,
    pub(super) known: Arc<KnownTargets>,
    pub(super) root: PrivateRoot,
}

/// What one run said.
type Said = (HashMap<String, Item>, Option<Refused>);

impl BoltFacts {
    async fn ask(&self, targets: &Targets) -> Result<Said, Refused> {
        let (root, text) = (self.root.clone(), targets.text());
        let work = Work::Task(FACTS.to_owned(), Map::new());
        let written = blocking(move || {
            let files = RunFiles::write(&root, &work, &text, None)?;
            Ok::<_, std::io::Error>((work, files))
        })
        .await?;
        let (work, files) = written.map_err(|error| (ErrorCode::LocalFile, error.to_string()))?;
        let mut tool = command_line(&self.program.settings, &work, &files);
        tool.max_output_bytes = MAX_OUTPUT;
        let output = self.program.tools.run(tool).await;
        // Its files go with it.
        tokio::task::spawn_blocking(move || drop(files));
        let output = output.map_err(|error| (ErrorCode::Unavailable, error.to_string()))?;
        read(&output.stdout)
    }
}

/// Reads the results, and why there are no others.
fn read(printed: &[u8]) -> Result<Said, Refused> {
    let mut document = Document::new(Form::Printed);
    let mut found = Vec::new();
    let fault = document.push(printed, &mut found).and_then(|()| document.end(&mut found)).err();
    let (mut items, mut failed) = (HashMap::new(), None);
    for one in found {
        match one {
            Found::Item(item) => {
                let item = Item::of(item).map_err(|fault| (ErrorCode::PluginFault, fault))?;
                items.insert(item.target.clone(), item);
            }
            Found::Rest(rest) => {
                let whole = rest.get("items").is_none().then_some(&rest);
                let error = rest.get("_error").or(whole).and_then(BoltError::of);
                failed = error.map(|error| (of_run(&error, false).0, error.text()));
            }
            Found::Text { .. } | Found::TooLong(_) => {}
        }
    }
    if let Some(fault) = fault {
        let mut head = Vec::new();
        keep_head(&mut head, printed);
        let text = format!("what bolt printed cannot be understood: {}", nonsense(&fault, &head));
        failed = Some((ErrorCode::PluginFault, text));
    }
    Ok((items, failed))
}

/// Nodes of the inventory, under their names there.
fn asked(nodes: &[NodeId], known: &Known) -> Targets {
    let fits = |node: &&NodeId| known.target(node.as_str()).is_some_and(is_exact);
    let nodes: Vec<Target> =
        nodes.iter().filter(fits).map(|node| Target::new(node.clone(), Endpoint::default())).collect();
    Targets::of(&nodes, known).0
}

#[async_trait]
impl FactProvider for BoltFacts {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let error = |error: NodeError| FactProviderError { provider: self.name.clone(), error };
        let all = |(code, message): Refused| {
            let one = |node: &NodeId| Err(error(NodeError::new(node.clone(), code, message.clone())));
            nodes.iter().map(one).collect::<Vec<_>>()
        };
        let known = match self.known.now().await {
            Ok(known) => known,
            Err(message) => return all((ErrorCode::BadConfig, message)),
        };
        let targets = asked(nodes, &known);
        let said = if targets.names.is_empty() { Ok(Said::default()) } else { self.ask(&targets).await };
        let (mut items, failed) = match said {
            Ok(said) => said,
            Err(refused) => return all(refused),
        };
        let now = Timestamp::now();
        let mut answer = |node: &NodeId| {
            let fail =
                |code: ErrorCode, message: String| Err(error(NodeError::new(node.clone(), code, message)));
            let name = known.target(node.as_str()).unwrap_or_default();
            match items.remove(name).map(|item| (item.end(node), item)) {
                Some((ActionEnd::Exited { code: 0 }, Item { mut value, .. })) => {
                    // Texts for people, and a mark of what was left out.
                    for told in ["_output", "_sensitive"] {
                        value.remove(told);
                    }
                    Ok(NodeFacts {
                        node: node.clone(),
                        facts: value,
                        raw: None,
                        warnings: Vec::new(),
                        gathered_at: now,
                    })
                }
                Some((ActionEnd::Failed(failure), _)) => Err(error(failure.error)),
                Some((_, item)) => {
                    let why = item.error.map_or_else(|| "it said no more".to_owned(), |error| error.text());
                    fail(ErrorCode::ToolFailed, format!("the task facts failed: {why}"))
                }
                None if !targets.names.contains_key(name) => {
                    fail(ErrorCode::UnknownTarget, "is not in Bolt's inventory".to_owned())
                }
                None => match &failed {
                    Some((code, message)) => fail(*code, message.clone()),
                    None => fail(ErrorCode::PluginFault, "bolt said nothing of this node".to_owned()),
                },
            }
        };
        nodes.iter().map(&mut answer).collect()
    }
}
