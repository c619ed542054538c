//! [`Tree`]: groups in groups and the targets they name.

use std::collections::{BTreeMap, HashMap};

use pabawi_domain::id::{GroupName, NodeId};

use super::data::Data;

/// A whole inventory. The group at place 0 is `all`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) groups: Vec<Group>,
    pub(super) targets: Vec<Target>,
    pub(super) index: HashMap<String, usize>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: GroupName,
    pub(super) data: Data,
    /// Its own targets, as places among the targets, and what each is said to be here.
    pub(super) targets: BTreeMap<usize, Option<Data>>,
    /// The same places in the order of the file.
    pub(super) order: Vec<usize>,
    /// The groups in it.
    pub(super) groups: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Target {
    /// Its name: that which it was given, else its URI without a password.
    pub(super) name: NodeId,
    pub(super) uri: Option<String>,
    pub(super) aliases: Vec<NodeId>,
}
