//! Port [`FactProvider`]: where facts of nodes come from.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::NodeError;
use crate::id::NodeId;
use crate::request::Caller;

/// Collects facts.
#[async_trait]
pub trait FactProvider: Send + Sync + 'static {
    /// Its name, unique among the providers.
    fn name(&self) -> &str;

    /// Higher wins where two providers give the same key (R4.7).
    fn priority(&self) -> i32;

    /// Whether it is there now. One that is not is as if it had never been added. Looked at whenever facts are wanted, so it
    /// has to cost nothing.
    fn is_there(&self) -> bool {
        true
    }

    /// When it became another one, where it has: what was collected before that no longer holds. Each time later than the
    /// one before.
    fn renewed_at(&self) -> Option<Timestamp> {
        None
    }

    /// Facts of these nodes, now: one answer for each, in their order. Many nodes come in one call, so that a tool is
    /// run once for all of them. Caching and merging are not its business.
    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>>;
}

/// Facts of one node from one provider. A value that could not be found is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// The node.
    pub node: NodeId,
    /// Structured facts under Facter's names (`os.family`, `networking.ip`).
    pub facts: Map<String, Value>,
    /// What the provider's tool said, as it said it, where that differs from `facts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
    /// What could not be found, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// When they were gathered, UTC.
    pub gathered_at: Timestamp,
}

/// Why a provider has no facts of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("provider {provider}: {error}")]
pub struct FactProviderError {
    /// The provider's name.
    pub provider: String,
    /// Node, code and reason.
    #[source]
    pub error: NodeError,
}
