//! Lists without what the caller may not see.

use std::collections::{BTreeMap, HashSet};
use std::slice;

use pabawi_domain::id::NodeId;
use pabawi_domain::journal::JournalEntry;
use pabawi_domain::node::Target;
use pabawi_domain::ports::AuthorizationQuery;
use pabawi_domain::request::Caller;
use pabawi_engine::Engine;
use pabawi_inventory::View;
use pabawi_plugins::host::{PluginStatus, ProvidedCapability};

use crate::FrameworkError;

/// Reading the journal.
pub(crate) const READ_JOURNAL: &str = "journal.read";
/// Seeing that nodes are there.
pub(crate) const LIST_NODES: &str = "inventory.list";
/// Seeing that plugins are there.
pub(crate) const LIST_PLUGINS: &str = "plugins.list";

/// The capabilities of which the caller has every permission.
pub(crate) async fn capabilities(
    engine: &Engine,
    caller: &Caller,
    all: Vec<ProvidedCapability>,
) -> Vec<ProvidedCapability> {
    let mut allowed = Vec::with_capacity(all.len());
    'all: for provided in all {
        let itself = slice::from_ref(&provided.capability.name);
        let permissions = match provided.capability.required_permissions.as_slice() {
            [] => itself,
            some => some,
        };
        for permission in permissions {
            let (risk, plugin) = (Some(provided.capability.risk), Some(&provided.plugin));
            let capability = permission.as_str();
            let query =
                AuthorizationQuery { risk, plugin, ..AuthorizationQuery::about(caller, capability, &[]) };
            if !engine.would_allow(&query).await {
                continue 'all;
            }
        }
        allowed.push(provided);
    }
    allowed
}

/// What the caller may list of an inventory.
pub(crate) async fn view(engine: &Engine, caller: &Caller, view: View) -> Result<View, FrameworkError> {
    let all: Vec<NodeId> = view.inventory.nodes().iter().map(|node| node.id.clone()).collect();
    let seen = engine.those_allowed(caller, LIST_NODES, &all).await?;
    if seen.len() == all.len() {
        return Ok(view);
    }
    let seen: HashSet<NodeId> = seen.into_iter().collect();
    Ok(view.only(|node| seen.contains(&node.id)))
}

/// The targets whose nodes the caller may list.
pub(crate) async fn targets(
    engine: &Engine,
    caller: &Caller,
    mut all: Vec<Target>,
) -> Result<Vec<Target>, FrameworkError> {
    let nodes: Vec<NodeId> = all.iter().map(|target| target.node.clone()).collect();
    let seen: HashSet<NodeId> = engine.those_allowed(caller, LIST_NODES, &nodes).await?.into_iter().collect();
    all.retain(|target| seen.contains(&target.node));
    Ok(all)
}

/// The plugins that the caller may see.
pub(crate) async fn plugins(engine: &Engine, caller: &Caller, all: Vec<PluginStatus>) -> Vec<PluginStatus> {
    let mut seen = Vec::with_capacity(all.len());
    for status in all {
        let plugin = Some(&status.metadata.name);
        let query = AuthorizationQuery { plugin, ..AuthorizationQuery::about(caller, LIST_PLUGINS, &[]) };
        if engine.would_allow(&query).await {
            seen.push(status);
        }
    }
    seen
}

/// The entries of nodes of which the caller may read.
pub(crate) async fn entries(engine: &Engine, caller: &Caller, all: Vec<JournalEntry>) -> Vec<JournalEntry> {
    if !engine.looks_at_nodes() {
        return all;
    }
    let mut known: BTreeMap<NodeId, bool> = BTreeMap::new();
    let mut allowed = Vec::with_capacity(all.len());
    for entry in all {
        let node = &entry.entry.node;
        let may = match known.get(node) {
            Some(may) => *may,
            None => {
                let query = AuthorizationQuery::about(caller, READ_JOURNAL, slice::from_ref(node));
                let may = engine.would_allow(&query).await;
                known.insert(node.clone(), may);
                may
            }
        };
        if may {
            allowed.push(entry);
        }
    }
    allowed
}
