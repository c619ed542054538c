//! Port [`TargetKnowledge`]: what is known of nodes beyond the inventory, for `fact(...)` and `last(...)` in target
//! expressions.

use async_trait::async_trait;

use crate::condition::{FactCondition, LastCondition};
use crate::id::NodeId;
use crate::ports::TargetError;

/// Answers which nodes meet a condition.
#[async_trait]
pub trait TargetKnowledge: Send + Sync + 'static {
    /// The nodes whose facts, as far as they are known, meet the condition. Nothing is gathered for it.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn by_fact(&self, condition: &FactCondition) -> Result<Vec<NodeId>, TargetError>;

    /// The nodes whose last run ended so.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn by_last(&self, condition: &LastCondition) -> Result<Vec<NodeId>, TargetError>;
}
