//! [`Groups`]: groups of one name are one group; members go both ways.

use std::collections::{BTreeMap, HashSet};

use foldhash::HashMap;
use pabawi_domain::id::GroupName;
use pabawi_domain::node::{Node, NodeGroup};

/// Groups while they are merged.
#[derive(Default)]
pub(super) struct Groups {
    list: Vec<Building>,
    index: HashMap<GroupName, usize>,
}

struct Building {
    group: NodeGroup,
    /// Places of the members, some of them more than once.
    members: Vec<u32>,
    children: HashSet<GroupName>,
}

impl Groups {
    fn entry(&mut self, name: &GroupName, source: &str) -> Option<&mut Building> {
        let at = match self.index.get(name) {
            Some(at) => *at,
            None => {
                let at = self.list.len();
                self.index.insert(name.clone(), at);
                self.list.push(Building {
                    group: NodeGroup {
                        name: name.clone(),
                        sources: Vec::new(),
                        nodes: Vec::new(),
                        children: Vec::new(),
                        metadata: BTreeMap::new(),
                    },
                    members: Vec::new(),
                    children: HashSet::new(),
                });
                at
            }
        };
        let building = self.list.get_mut(at)?;
        // Sources come one after the other, so a source that is known is the last one.
        if building.group.sources.last().is_none_or(|known| known != source) {
            building.group.sources.push(source.to_owned());
        }
        Some(building)
    }

    /// A node of the source is a member.
    pub(super) fn add_member(&mut self, name: &GroupName, source: &str, member: u32) {
        if let Some(building) = self.entry(name, source) {
            building.members.push(member);
        }
    }

    /// A group of the source without its members. What an earlier source says of it stands.
    pub(super) fn add(&mut self, group: &NodeGroup, source: &str) {
        if let Some(known) = self.entry(&group.name, source) {
            for child in &group.children {
                if known.children.insert(child.clone()) {
                    known.group.children.push(child.clone());
                }
            }
            for (key, value) in &group.metadata {
                if !known.group.metadata.contains_key(key) {
                    known.group.metadata.insert(key.clone(), value.clone());
                }
            }
        }
    }

    /// Writes memberships down with both sides, each once. Returns the groups and the places of their members.
    pub(super) fn finish(self, nodes: &mut [Node]) -> (Vec<NodeGroup>, Vec<Vec<usize>>) {
        nodes.iter_mut().for_each(|node| node.groups.clear());
        let mut groups = Vec::with_capacity(self.list.len());
        let mut members = Vec::with_capacity(self.list.len());
        // The number of the last group that counted a node: tells in one look whether it counts for this one.
        let mut counted = vec![0usize; nodes.len()];
        for (number, mut building) in (1usize..).zip(self.list) {
            building.members.retain(|member| match counted.get_mut(*member as usize) {
                Some(last) if *last != number => {
                    *last = number;
                    true
                }
                _ => false,
            });
            building.group.nodes.reserve_exact(building.members.len());
            for member in &building.members {
                if let Some(node) = nodes.get_mut(*member as usize) {
                    building.group.nodes.push(node.id.clone());
                    node.groups.push(building.group.name.clone());
                }
            }
            groups.push(building.group);
            members.push(building.members.iter().map(|member| *member as usize).collect());
        }
        (groups, members)
    }
}
