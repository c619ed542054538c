//! Which nodes the expressions of rules mean: [`NodeSets`]. Each is asked for once in a moment, however many runs start.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::NodeSelection;

/// How long an answer is taken for what holds now: as long as it takes to start some nodes.
const FRESH: Duration = Duration::from_secs(2);
/// Expressions in memory; a policy has fewer.
const KEPT: u64 = 1_000;
/// Every node of the inventory.
const ALL: &str = "all";

/// Which nodes expressions mean.
pub(crate) struct NodeSets {
    selection: Arc<dyn NodeSelection>,
    known: Cache<String, Arc<HashSet<NodeId>>>,
}

impl NodeSets {
    pub(crate) fn new(selection: Arc<dyn NodeSelection>) -> Self {
        Self { selection, known: Cache::builder().max_capacity(KEPT).time_to_live(FRESH).build() }
    }

    /// Those of the nodes that the expression means. Names that the inventory does not know are not among them.
    ///
    /// # Errors
    /// Why nobody can tell.
    pub(crate) async fn inside<'a>(
        &self,
        expression: &TargetExpression,
        nodes: &'a [NodeId],
    ) -> Result<HashSet<&'a NodeId>, String> {
        let set = self.of(expression.as_str()).await?;
        Ok(nodes.iter().filter(|node| set.contains(*node)).collect())
    }

    /// Those of the nodes that the expression means, or may mean: of a name that the inventory does not know, nobody can say
    /// that it is not one of those nodes.
    ///
    /// # Errors
    /// Why nobody can tell.
    pub(crate) async fn hit<'a>(
        &self,
        expression: &TargetExpression,
        nodes: &'a [NodeId],
    ) -> Result<Vec<&'a NodeId>, String> {
        let (set, all) = (self.of(expression.as_str()).await?, self.of(ALL).await?);
        Ok(nodes.iter().filter(|node| set.contains(*node) || !all.contains(*node)).collect())
    }

    async fn of(&self, expression: &str) -> Result<Arc<HashSet<NodeId>>, String> {
        let wanted = TargetExpression::new(expression);
        let asked = async { self.selection.select(&wanted).await.map_err(|error| error.to_string()) };
        let set = self.known.try_get_with_by_ref(expression, asked);
        set.await.map_err(|error| (*error).clone())
    }
}
