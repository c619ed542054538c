//! Port [`FactProvider`]: where facts of nodes come from.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::NodeError;
use crate::id::NodeId;

/// Collects facts.
#[async_trait]
pub trait FactProvider: Send + Sync + 'static {
    /// Its name, unique among the providers.
    fn name(&self) -> &str;

    /// Higher wins where two providers give the same key (R4.7).
    fn priority(&self) -> i32;

    /// Facts of one node, now. Caching and merging are not its business.
    ///
    /// # Errors
    /// [`FactProviderError`]; other providers' facts are not affected.
    async fn collect(&self, node: &NodeId) -> Result<NodeFacts, FactProviderError>;
}

/// Facts of one node from one provider. A value that could not be found is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// The node.
    pub node: NodeId,
    /// Structured facts under Facter's names (`os.family`, `networking.ip`).
    pub facts: Map<String, Value>,
    /// When they were gathered.
    pub gathered_at: Timestamp,
}

/// Why a provider has no facts.
#[derive(Debug, Clone, thiserror::Error)]
#[error("provider {provider}: {error}")]
pub struct FactProviderError {
    /// The provider's name.
    pub provider: String,
    /// Node, code and reason.
    #[source]
    pub error: NodeError,
}
