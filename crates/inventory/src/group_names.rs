//! From the groups that nodes name to all groups they belong to: [`Memberships`].

use std::collections::{BTreeSet, HashMap};

use pabawi_domain::id::{GroupName, NodeId};

use crate::Inventory;

/// Which groups contain which, looked up once for each group however many nodes it has.
pub(crate) struct Memberships<'a> {
    inventory: &'a Inventory,
    parents: HashMap<&'a str, Vec<&'a GroupName>>,
    /// Groups that were asked for, with all that contain them.
    known: HashMap<&'a str, BTreeSet<&'a GroupName>>,
}

impl<'a> Memberships<'a> {
    pub(crate) fn of(inventory: &'a Inventory) -> Self {
        let mut parents: HashMap<&str, Vec<&GroupName>> = HashMap::new();
        for group in inventory.groups() {
            for child in &group.children {
                parents.entry(child.as_str()).or_default().push(&group.name);
            }
        }
        Self { inventory, parents, known: HashMap::new() }
    }

    /// The groups of a node and all that contain them, each once, in the order of their names.
    pub(crate) fn groups_of(&mut self, node: &NodeId) -> Vec<GroupName> {
        let inventory = self.inventory;
        let direct = inventory.node(node.as_str()).map(|node| node.groups.as_slice()).unwrap_or_default();
        let mut all = BTreeSet::new();
        for group in direct {
            let Self { parents, known, .. } = self;
            all.extend(known.entry(group.as_str()).or_insert_with(|| containing(group, parents)).iter());
        }
        all.into_iter().cloned().collect()
    }
}

/// The group itself and all that contain it. Two may contain each other.
fn containing<'a>(
    group: &'a GroupName,
    parents: &HashMap<&str, Vec<&'a GroupName>>,
) -> BTreeSet<&'a GroupName> {
    let mut all = BTreeSet::from([group]);
    let mut open = vec![group];
    // Each group is opened once, so this ends.
    while let Some(group) = open.pop() {
        let above = parents.get(group.as_str()).map(Vec::as_slice).unwrap_or_default();
        open.extend(above.iter().filter(|parent| all.insert(**parent)).copied());
    }
    all
}
