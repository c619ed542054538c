//! Lists without what the caller may not see.

use std::collections::BTreeMap;
use std::slice;

use pabawi_domain::id::NodeId;
use pabawi_domain::journal::JournalEntry;
use pabawi_domain::ports::AuthorizationQuery;
use pabawi_domain::request::Caller;
use pabawi_engine::Engine;
use pabawi_plugins::host::ProvidedCapability;

/// Reading the journal.
pub(crate) const READ_JOURNAL: &str = "journal.read";

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
            let query = AuthorizationQuery { caller, capability, action: None, risk, plugin, nodes: &[] };
            if !engine.would_allow(&query).await {
                continue 'all;
            }
        }
        allowed.push(provided);
    }
    allowed
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
                let (capability, nodes) = (READ_JOURNAL, slice::from_ref(node));
                let query =
                    AuthorizationQuery { caller, capability, action: None, risk: None, plugin: None, nodes };
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
