//! Facts in memory, for tests. Main type: [`MemoryFacts`], for the port [`FactStore`].

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use pabawi_domain::condition::FactPath;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactStore, KeptFacts, StoreError};
use serde_json::Value;

/// Keeps facts until it is dropped, and can be made to fail.
#[derive(Debug, Default)]
pub struct MemoryFacts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: BTreeMap<(NodeId, String), KeptFacts>,
    failing: Option<StoreError>,
}

impl MemoryFacts {
    /// From now on every call fails so, or with `None` no longer.
    pub fn fail(&self, error: Option<StoreError>) {
        self.state().failing = error;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn good(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        match &state.failing {
            Some(error) => Err(error.clone()),
            None => Ok(state),
        }
    }
}

#[async_trait]
impl FactStore for MemoryFacts {
    async fn put_facts(&self, facts: Vec<KeptFacts>) -> Result<(), StoreError> {
        let mut state = self.good()?;
        for kept in facts {
            state.kept.insert((kept.facts.node.clone(), kept.provider.clone()), kept);
        }
        Ok(())
    }

    async fn facts_of(&self, nodes: &[NodeId]) -> Result<Vec<KeptFacts>, StoreError> {
        let state = self.good()?;
        let nodes: HashSet<&NodeId> = nodes.iter().collect();
        Ok(state.kept.values().filter(|kept| nodes.contains(&kept.facts.node)).cloned().collect())
    }

    async fn values_at(&self, path: &FactPath) -> Result<Vec<(NodeId, String, Value)>, StoreError> {
        let state = self.good()?;
        let found = state.kept.iter().filter_map(|((node, provider), kept)| {
            Some((node.clone(), provider.clone(), path.find(&kept.facts.facts)?.clone()))
        });
        Ok(found.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn facts_are_kept() {
        crate::contract::fact_store::facts_are_kept(&MemoryFacts::default()).await;
    }
}
