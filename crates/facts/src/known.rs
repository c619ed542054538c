//! Facts that are stored already: [`KnownFacts`]. They answer target expressions, for which nothing is collected.

use std::sync::{Arc, PoisonError, RwLock};

use pabawi_domain::condition::FactCondition;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactStore, StoreError, TargetError};
use pabawi_domain::validation::ValidationError;

use crate::condition::Condition;

/// Stored facts, and which provider counts. Cloning gives another handle. It holds no provider, so that whoever resolves
/// targets can have it before anything can be collected.
#[derive(Clone)]
pub struct KnownFacts {
    store: Arc<dyn FactStore>,
    /// Names of the providers, the one that wins first. The lock is held for a look only.
    ranks: Arc<RwLock<Vec<Arc<str>>>>,
}

impl KnownFacts {
    /// What this store has.
    pub fn new(store: Arc<dyn FactStore>) -> Self {
        Self { store, ranks: Arc::default() }
    }

    pub(crate) fn store(&self) -> &Arc<dyn FactStore> {
        &self.store
    }

    pub(crate) fn rank(&self, names: Vec<Arc<str>>) {
        *self.ranks.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// The nodes whose stored facts meet a condition, in the order of their names.
    ///
    /// # Errors
    /// [`TargetError::Invalid`] for a regular expression that is not understood; [`TargetError::Inventory`] when the
    /// store cannot be read.
    pub async fn matching(&self, condition: &FactCondition) -> Result<Vec<NodeId>, TargetError> {
        let condition = Condition::new(condition)
            .map_err(|error| TargetError::Invalid(ValidationError::of("targets", error.to_string())))?;
        let unreadable = |error: StoreError| TargetError::Inventory(format!("stored facts: {error}"));
        let values = self.store.values_at(condition.path()).await.map_err(unreadable)?;
        let ranks = self.ranks.read().unwrap_or_else(PoisonError::into_inner).clone();
        // A provider that is no longer there comes after those that are.
        let rank = |name: &str| ranks.iter().position(|one| **one == *name).unwrap_or(usize::MAX);
        let mut nodes: Vec<NodeId> = Vec::new();
        let mut values = values.into_iter().filter(|(_, _, value)| !value.is_null()).peekable();
        while let Some((node, provider, value)) = values.next() {
            let mut best = (rank(&provider), value);
            while let Some((_, provider, value)) = values.next_if(|(other, ..)| *other == node) {
                let rank = rank(&provider);
                if rank < best.0 {
                    best = (rank, value);
                }
            }
            if condition.holds_for(&best.1) {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }
}
