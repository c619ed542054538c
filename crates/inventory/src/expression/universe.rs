//! [`Universe`]: every node an expression speaks of, each with a number: those of the inventory, and those that are in
//! no source and are nodes all the same.

use std::collections::HashMap;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Node, Target};

use crate::Inventory;

pub(super) struct Universe<'a> {
    pub(super) inventory: &'a Inventory,
    /// Nodes that are in no source; their numbers follow those of the inventory.
    extra: Vec<Node>,
    extra_index: HashMap<NodeId, u32>,
}

impl<'a> Universe<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Self {
        Self { inventory, extra: Vec::new(), extra_index: HashMap::new() }
    }

    /// The number of a node that is known by that name.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        match self.inventory.node_index(name) {
            Some(index) => Some(number(index)),
            None => self.extra_index.get(name).copied(),
        }
    }

    /// The number of a node that may be in no source.
    pub(super) fn number_of(&mut self, node: Node) -> u32 {
        if let Some(known) = self.find(node.id.as_str()) {
            return known;
        }
        let new = number(self.inventory.nodes().len() + self.extra.len());
        self.extra_index.insert(node.id.clone(), new);
        self.extra.push(node);
        new
    }

    /// The node of that number.
    pub(super) fn node(&self, number: u32) -> Option<&Node> {
        let index = number as usize;
        let nodes = self.inventory.nodes();
        nodes.get(index).or_else(|| self.extra.get(index.checked_sub(nodes.len())?))
    }

    /// The name of the node of that number.
    pub(super) fn id(&self, number: u32) -> Option<&NodeId> {
        self.node(number).map(|node| &node.id)
    }

    /// The targets of these numbers.
    pub(super) fn targets(&self, numbers: impl Iterator<Item = u32>) -> Vec<Target> {
        numbers
            .filter_map(|number| self.node(number))
            .map(|node| Target::new(node.id.clone(), node.endpoint.clone()))
            .collect()
    }
}

/// The number of a place; inventories and expressions have at most a million nodes each.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
