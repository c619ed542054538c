//! [`to_common`]: our own JSON.

use serde_json::{Value, json};

use crate::Inventory;

/// `{"nodes": [...], "groups": [...], "sources": [...], "warnings": [...]}` with
/// [`Node`](pabawi_domain::node::Node) and [`NodeGroup`](pabawi_domain::node::NodeGroup) as they serialise. A program
/// that prints this is a source (`CommandInventory`).
pub fn to_common(inventory: &Inventory) -> Value {
    json!({
        "nodes": inventory.nodes(),
        "groups": inventory.groups(),
        "sources": inventory.sources(),
        "warnings": inventory.warnings(),
    })
}
