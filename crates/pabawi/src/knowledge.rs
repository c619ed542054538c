//! [`Knowledge`]: the port [`TargetKnowledge`] over what this framework remembers.

use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::condition::{FactCondition, LastCondition};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, ExecutionStore, TargetError, TargetKnowledge};
use pabawi_domain::validation::ValidationError;

/// Answers `last(...)` from the history.
pub(crate) struct Knowledge {
    pub(crate) store: Arc<dyn ExecutionStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl TargetKnowledge for Knowledge {
    async fn by_fact(&self, condition: &FactCondition) -> Result<Vec<NodeId>, TargetError> {
        let message = format!("fact({}...) needs facts, and none are kept here", condition.path);
        Err(ValidationError::of("targets", message).into())
    }

    async fn by_last(&self, condition: &LastCondition) -> Result<Vec<NodeId>, TargetError> {
        let found = self.store.nodes_by_last(condition, self.clock.now()).await;
        found.map_err(|error| TargetError::Knowledge(error.to_string()))
    }
}
