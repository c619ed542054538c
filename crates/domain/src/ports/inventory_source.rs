//! Port [`InventorySource`]: where nodes and groups come from.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::node::{Node, NodeGroup};

/// Lists nodes and groups.
#[async_trait]
pub trait InventorySource: Send + Sync + 'static {
    /// Its name, unique among the sources: `file:/etc/pabawi/nodes.yaml`, `puppetdb`.
    fn name(&self) -> &str;

    /// Higher wins where two sources disagree about a node.
    fn priority(&self) -> i32;

    /// Whether it is there now. One that is not is as if it had never been added: nobody asks it, and it is shown nowhere.
    /// Looked at whenever nodes are wanted, so it has to cost nothing.
    fn is_there(&self) -> bool {
        true
    }

    /// A mark that differs when what [`InventorySource::fetch`] would say may have changed, and is cheap to have (sizes
    /// and times of files). `None` where only asking tells.
    fn revision(&self) -> Option<u64> {
        None
    }

    /// Everything it knows now. Caching is not its business.
    ///
    /// # Errors
    /// [`InventorySourceError`]; other sources are not affected.
    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError>;
}

/// What a source knew at one time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InventorySnapshot {
    /// Its nodes, each id once.
    pub nodes: Vec<Node>,
    /// Its groups, each name once.
    pub groups: Vec<NodeGroup>,
    /// When it was asked, where the source can tell.
    pub fetched_at: Option<Timestamp>,
    /// What it had to leave out, and why: file, line, reason.
    pub warnings: Vec<String>,
}

/// Why a source has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("source {source_name}: {message}")]
pub struct InventorySourceError {
    /// The source's name.
    pub source_name: String,
    /// File, line and reason, where there are such.
    pub message: String,
    /// Whether asking again may help.
    pub retryable: bool,
}
