//! [`Knowledge`]: the port [`TargetKnowledge`] over what this framework remembers.

use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::condition::{FactCondition, LastCondition};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, ExecutionStore, TargetError, TargetKnowledge};
use pabawi_facts::KnownFacts;

/// Answers `fact(...)` from the facts that are stored and `last(...)` from the history.
pub(crate) struct Knowledge {
    pub(crate) store: Arc<dyn ExecutionStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) facts: KnownFacts,
}

#[async_trait]
impl TargetKnowledge for Knowledge {
    async fn by_fact(&self, condition: &FactCondition) -> Result<Vec<NodeId>, TargetError> {
        self.facts.matching(condition).await
    }

    async fn by_last(&self, condition: &LastCondition) -> Result<Vec<NodeId>, TargetError> {
        let found = self.store.nodes_by_last(condition, self.clock.now()).await;
        found.map_err(|error| TargetError::Knowledge(error.to_string()))
    }
}
