//! [`Named`]: a source under a name of its own.

use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError};

/// A source under a name of its own.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) source: Arc<dyn InventorySource>,
}

#[async_trait]
impl InventorySource for Named {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.source.priority()
    }

    fn revision(&self) -> Option<u64> {
        self.source.revision()
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let mut snapshot = self
            .source
            .fetch()
            .await
            .map_err(|error| InventorySourceError { source_name: self.name.clone(), ..error })?;
        for node in &mut snapshot.nodes {
            node.source = None;
        }
        Ok(snapshot)
    }
}
