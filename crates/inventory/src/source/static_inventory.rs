//! [`StaticInventory`]: a source whose content is known already.

use async_trait::async_trait;
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError};

/// A source that always tells the same.
#[derive(Debug, Clone)]
pub struct StaticInventory {
    name: String,
    priority: i32,
    snapshot: InventorySnapshot,
}

impl StaticInventory {
    /// A source of that name, unique among the sources.
    pub fn new(name: impl Into<String>, priority: i32, snapshot: InventorySnapshot) -> Self {
        Self { name: name.into(), priority, snapshot }
    }

    /// What it tells.
    pub fn snapshot(&self) -> &InventorySnapshot {
        &self.snapshot
    }
}

#[async_trait]
impl InventorySource for StaticInventory {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        Ok(self.snapshot.clone())
    }
}
