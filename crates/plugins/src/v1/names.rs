//! Under which names a plugin knows its nodes: [`Names`]. The framework may call a node by another name than the plugin does,
//! when another source has it too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError, RwLock};

use pabawi_domain::id::NodeId;

/// The plugin's own ids by other names, as of the last inventory.
#[derive(Debug, Default)]
pub(super) struct Names(RwLock<Arc<HashMap<NodeId, NodeId>>>);

impl Names {
    /// The name under which the plugin is asked about a node.
    pub(super) fn own(&self, node: &NodeId) -> NodeId {
        let names = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        names.get(node).unwrap_or(node).clone()
    }

    /// Takes those of a new inventory.
    pub(super) fn set(&self, names: HashMap<NodeId, NodeId>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }
}

/// Collects other names of nodes. One of several nodes names none of them.
#[derive(Debug, Default)]
pub(super) struct Collected {
    names: HashMap<NodeId, Option<NodeId>>,
}

impl Collected {
    pub(super) fn add(&mut self, name: NodeId, own: &NodeId) {
        match self.names.entry(name) {
            Entry::Occupied(mut known) if known.get().as_ref() != Some(own) => drop(known.insert(None)),
            Entry::Occupied(_) => {}
            Entry::Vacant(free) => drop(free.insert(Some(own.clone()))),
        }
    }

    /// The names that are no ids themselves.
    pub(super) fn finish(self, is_id: impl Fn(&NodeId) -> bool) -> HashMap<NodeId, NodeId> {
        let named = self.names.into_iter().filter(|(name, _)| !is_id(name));
        named.filter_map(|(name, own)| Some((name, own?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    #[test]
    fn a_name_of_several_nodes_names_none() {
        let mut collected = Collected::default();
        for (name, own) in [("web1", "p:1"), ("web1", "p:1"), ("db", "p:2"), ("db", "p:3"), ("p:1", "p:4")] {
            collected.add(node(name), &node(own));
        }
        let names = Names::default();
        names.set(collected.finish(|name| name.as_str().starts_with("p:")));
        for (name, own) in [("web1", "p:1"), ("db", "db"), ("p:1", "p:1"), ("x", "x")] {
            assert_eq!(names.own(&node(name)), node(own), "{name}");
        }
    }
}
