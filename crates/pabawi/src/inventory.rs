//! Node sets, target expressions and sources of nodes.

pub use pabawi_inventory::destination::node_of;
pub use pabawi_inventory::dialect::{Dialect, ansible_limit};
pub use pabawi_inventory::export::{to_ansible, to_bolt, to_common, to_yaml};
pub use pabawi_inventory::expression::{
    Effect, Explanation, Expression, Known, NodeExplanation, NodeStep, OwnGroups, SyntaxError, SyntaxErrors,
    TermExplanation, UnknownNames, evaluate, evaluate_with, explain, fold_expression,
};
pub use pabawi_inventory::nodeset::{MAX_NODES, NodeSetError, expand, fold, fold_terms};
pub use pabawi_inventory::source::{
    AnsibleInventory, BoltInventory, CommandInventory, Detected, FileInventory, OpensshInventory, Problem,
    SourceError, SourceKind, SourceSpec, SourcesFile, StaticInventory, detect, hosts_file, hosts_list,
    inventory_file, read_tool_yaml,
};
pub use pabawi_inventory::{
    Catalog, CatalogWatch, ConfiguredSource, FieldProvenance, Freshness, Inventory, Provenance, Resolver,
    Said, SourceData, SourceReport, SourceSettings, SourceState, View,
};
pub use pabawi_transport::local::LocalTools;

pub use crate::sources::{MadeSource, source_of};
