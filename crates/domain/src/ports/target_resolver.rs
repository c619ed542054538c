//! Port [`TargetResolver`]: from a target expression to nodes. The engine knows no inventory; this is how
//! one is put before it.

use async_trait::async_trait;

use crate::node::{Target, TargetExpression};
use crate::validation::ValidationError;

/// Resolves target expressions.
#[async_trait]
pub trait TargetResolver: Send + Sync + 'static {
    /// The targets in a stable order, each node once.
    ///
    /// # Errors
    /// [`TargetError`]; nothing is left out silently.
    async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, TargetError>;
}

/// Why an expression has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The expression is not understood, names unknown nodes or groups, or selects nothing.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// The inventory could not be read.
    #[error("failed to read the inventory: {0}")]
    Inventory(String),
    /// The history or the facts could not be read.
    #[error("failed to look up what is known of nodes: {0}")]
    Knowledge(String),
}
