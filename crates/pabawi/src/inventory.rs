//! Node sets, target expressions and sources of nodes.

pub use pabawi_inventory::destination::node_of;
pub use pabawi_inventory::export::{to_ansible, to_bolt, to_common, to_yaml};
pub use pabawi_inventory::expression::{Expression, SyntaxError, SyntaxErrors, UnknownNames, evaluate};
pub use pabawi_inventory::nodeset::{MAX_NODES, NodeSetError, expand, fold, fold_terms};
pub use pabawi_inventory::source::{
    AnsibleInventory, CommandInventory, FileInventory, Problem, SourceError, StaticInventory, hosts_file,
    hosts_list, inventory_file, names,
};
pub use pabawi_inventory::{
    Catalog, CatalogWatch, ConfiguredSource, Explanation, FieldExplanation, Freshness, Inventory, Resolver,
    Said, SourceData, SourceReport, SourceSettings, SourceState, View,
};
pub use pabawi_transport::local::LocalTools;
