//! Port [`NodeSelection`]: which nodes of the inventory an expression means. For conditions, where a resolver is for what is
//! to be done: that nothing is selected is an answer here and no fault, and a name that no source has means nothing.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::id::NodeId;
use crate::node::TargetExpression;
use crate::ports::TargetError;

/// Answers which nodes an expression means.
#[async_trait]
pub trait NodeSelection: Send + Sync + 'static {
    /// The nodes of the inventory that the expression selects now; nothing is run for it.
    ///
    /// # Errors
    /// [`TargetError`] when it cannot be told, since a source could not be asked or the expression is bad.
    async fn select(&self, expression: &TargetExpression) -> Result<Arc<HashSet<NodeId>>, TargetError>;
}
