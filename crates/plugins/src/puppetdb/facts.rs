//! [`PuppetDbFacts`]: PuppetDB as a provider of facts.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProvider, FactProviderError, NodeFacts};
use pabawi_domain::request::Caller;
use serde_json::{Map, Value};

use super::certnames;
use super::client::PuppetDbClient;
use super::error::{PuppetDbError, PuppetDbFault};
use super::fact_path::{FactPath, insert};
use super::pages::certname;
use super::reply::Row;

/// Facts as the nodes' last runs reported them: Facter's own names and structure.
#[derive(Debug, Clone)]
pub struct PuppetDbFacts {
    client: PuppetDbClient,
}

pub(super) type Answer = Result<NodeFacts, NodeError>;

impl PuppetDbFacts {
    /// The provider behind a client.
    pub fn new(client: PuppetDbClient) -> Self {
        Self { client }
    }

    /// What is known of each node, in their order: all facts, or only those at `paths`. Also why PuppetDB failed, when it did.
    pub(super) async fn read(
        &self,
        nodes: &[NodeId],
        paths: Option<&[FactPath]>,
    ) -> (Vec<Answer>, Option<PuppetDbError>) {
        let mut left: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
        let mut names = Vec::with_capacity(nodes.len());
        for node in nodes {
            let count = left.entry(node.as_str()).or_default();
            if *count == 0 {
                names.push(node.as_str());
            }
            *count += 1;
        }
        let (mut answers, failure) = self.ask(&names, paths).await;
        let answer = |node: &NodeId| {
            let count = left.get_mut(node.as_str());
            // Facts are large: only those of a node that is named more than once are copied.
            let is_last = count.is_none_or(|count| {
                *count -= 1;
                *count == 0
            });
            let known =
                if is_last { answers.remove(node.as_str()) } else { answers.get(node.as_str()).cloned() };
            known.unwrap_or_else(|| {
                Err(match &failure {
                    Some(error) => node_error(node.clone(), error),
                    None => NodeError::new(
                        node.clone(),
                        ErrorCode::NotFound,
                        "PuppetDB has no facts of a node of that certname; it may never have reported, or be \
                         deactivated or expired",
                    ),
                })
            })
        };
        let answers = nodes.iter().map(answer).collect();
        (answers, failure)
    }

    /// What is known of each name. When PuppetDB fails, the rest is not asked for: each question could take its whole
    /// time.
    async fn ask(
        &self,
        names: &[&str],
        paths: Option<&[FactPath]>,
    ) -> (HashMap<String, Answer>, Option<PuppetDbError>) {
        let mut fields = ["certname", "timestamp"].map(str::to_owned).to_vec();
        match paths {
            None => fields.push("facts".to_owned()),
            Some(paths) => fields.extend(paths.iter().map(FactPath::field)),
        }
        let mut answers = HashMap::with_capacity(names.len());
        let chunk = usize::try_from(self.client.settings().facts_chunk).unwrap_or(1).max(1);
        for part in names.chunks(chunk) {
            let found = match certnames::ask(&self.client, &fields, part).await {
                Ok(found) => found,
                Err(error) => return (answers, Some(error)),
            };
            for row in found.rows {
                if let Some((id, name)) =
                    certname(&row).and_then(|name| Some((NodeId::new(name).ok()?, name.to_owned())))
                {
                    answers.insert(name, self.facts(id, row, paths));
                }
            }
            for (name, fault) in found.failed {
                if let Ok(id) = NodeId::new(&name) {
                    answers.insert(name, Err(node_error(id, &self.client.error(fault))));
                }
            }
        }
        (answers, None)
    }

    fn facts(&self, node: NodeId, mut row: Row, paths: Option<&[FactPath]>) -> Answer {
        let nonsense = |what: String| {
            let error = self.client.error(PuppetDbFault::Nonsense(what));
            node_error(node.clone(), &error)
        };
        let facts: Map<String, Value> = match paths {
            Some(paths) => named(&mut row, paths),
            None => match row.remove("facts") {
                Some(Value::Object(facts)) => facts,
                other => return Err(nonsense(format!("facts are {}", kind(other.as_ref())))),
            },
        };
        let timestamp = row.get("timestamp").and_then(Value::as_str).unwrap_or_default();
        let gathered_at: Timestamp = timestamp
            .parse()
            .map_err(|error| nonsense(format!("timestamp {timestamp:?} is no time: {error}")))?;
        Ok(NodeFacts { node, facts, raw: None, warnings: Vec::new(), gathered_at })
    }
}

/// Facts that came by their paths. One that the node does not have is absent, as PuppetDB gives `null` for it.
fn named(row: &mut Row, paths: &[FactPath]) -> Map<String, Value> {
    let mut facts = Map::new();
    for path in paths {
        if let Some(value) = row.remove(&path.field()).filter(|value| !value.is_null()) {
            insert(&mut facts, path.as_str(), value);
        }
    }
    facts
}

fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None => "missing",
        Some(Value::Null) => "null",
        Some(_) => "no object",
    }
}

fn node_error(node: NodeId, error: &PuppetDbError) -> NodeError {
    NodeError::new(node, error.fault.code(), error.to_string())
}

#[async_trait]
impl FactProvider for PuppetDbFacts {
    fn name(&self) -> &str {
        &self.client.settings().name
    }

    fn priority(&self) -> i32 {
        self.client.settings().priority
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let (answers, _) = self.read(nodes, None).await;
        let provider = &self.client.settings().name;
        let named =
            |answer: Answer| answer.map_err(|error| FactProviderError { provider: provider.clone(), error });
        answers.into_iter().map(named).collect()
    }
}
