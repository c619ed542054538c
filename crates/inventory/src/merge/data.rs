//! [`SourceData`]: what one source told, on its way into the merge.

use std::sync::Arc;

use pabawi_domain::ports::InventorySnapshot;

/// What one source told, and how far it is to be believed.
#[derive(Debug, Clone)]
pub struct SourceData {
    /// The source's name.
    pub name: String,
    /// Higher wins where two sources disagree.
    pub priority: i32,
    /// What it told. Shared, so that it stays readable after the merge for who asks where a value came from.
    pub snapshot: Arc<InventorySnapshot>,
}

impl From<(String, i32, InventorySnapshot)> for SourceData {
    fn from((name, priority, snapshot): (String, i32, InventorySnapshot)) -> Self {
        Self { name, priority, snapshot: Arc::new(snapshot) }
    }
}
