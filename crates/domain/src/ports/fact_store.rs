//! Port [`FactStore`]: facts outlive the process that gathered them.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::condition::FactPath;
use crate::id::NodeId;
use crate::ports::{NodeFacts, StoreError};

/// Keeps the last facts of each node and provider.
#[async_trait]
pub trait FactStore: Send + Sync + 'static {
    /// Keeps them; what was kept of the same node and provider before is replaced. Callers give many at a time.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was changed.
    async fn put_facts(&self, facts: Vec<KeptFacts>) -> Result<(), StoreError>;

    /// What is kept of these nodes, of every provider, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn facts_of(&self, nodes: &[NodeId]) -> Result<Vec<KeptFacts>, StoreError>;

    /// What of the facts bears on a condition: `(node, provider, value at the condition's path)` of every node and
    /// provider that has a value there, ordered by node. Which provider counts is for the caller to say.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn values_at(&self, path: &FactPath) -> Result<Vec<(NodeId, String, Value)>, StoreError>;
}

/// Facts as they are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFacts {
    /// The provider's name.
    pub provider: String,
    /// When the provider was asked, UTC. What it said may be older, see [`NodeFacts::gathered_at`].
    pub collected_at: Timestamp,
    /// What it said.
    pub facts: NodeFacts,
}
