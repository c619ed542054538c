//! Port [`FactStore`]: facts outlive the process that gathered them.

use async_trait::async_trait;
use serde_json::Value;

use crate::condition::FactPath;
use crate::id::NodeId;
use crate::ports::{NodeFacts, StoreError};

/// Keeps the last facts of each node and provider.
#[async_trait]
pub trait FactStore: Send + Sync + 'static {
    /// Keeps them; what was kept of the same node and provider before is replaced.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was changed.
    async fn put_facts(&self, provider: &str, facts: Vec<NodeFacts>) -> Result<(), StoreError>;

    /// What is kept of a node: `(provider, facts)` of each provider.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn facts_of(&self, node: &NodeId) -> Result<Vec<(String, NodeFacts)>, StoreError>;

    /// What of the facts bears on a condition: `(node, provider, value at the condition's path)` of every node and
    /// provider that has a value there. Which provider counts is for the caller to say.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn values_at(&self, path: &FactPath) -> Result<Vec<(NodeId, String, Value)>, StoreError>;
}
