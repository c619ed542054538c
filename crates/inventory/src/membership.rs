//! [`Membership`]: who belongs to which group, by places in the lists of an [`Inventory`](crate::Inventory) instead of by names, so that
//! a group of a hundred thousand nodes is walked without looking up as many names.

use std::collections::VecDeque;

use foldhash::HashMap;
use pabawi_domain::id::GroupName;
use pabawi_domain::node::NodeGroup;

/// Direct members and children of each group, in the inventory's order of groups.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    nodes: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

impl Membership {
    /// Of the direct members of each group, by their places.
    pub(crate) fn of(
        groups: &[NodeGroup],
        members: Vec<Vec<usize>>,
        group_index: &HashMap<GroupName, usize>,
    ) -> Self {
        let children = groups
            .iter()
            .map(|group| group.children.iter().filter_map(|name| group_index.get(name).copied()).collect())
            .collect();
        Self { nodes: members, children }
    }

    /// Direct members.
    pub(crate) fn nodes_of(&self, group: usize) -> &[usize] {
        self.nodes.get(group).map_or(&[], Vec::as_slice)
    }

    /// Groups whose members belong to it too.
    pub(crate) fn children_of(&self, group: usize) -> &[usize] {
        self.children.get(group).map_or(&[], Vec::as_slice)
    }

    /// The members of a group and of the groups below it, own members first; a node may come several times. A group that
    /// contains itself by way of two sources is entered once.
    pub(crate) fn all_of(&self, group: usize) -> Vec<usize> {
        let mut members = Vec::new();
        self.each_below(group, |group| members.extend_from_slice(self.nodes_of(group)));
        members
    }

    /// How many members that are, counting a node as often as it comes.
    pub(crate) fn count(&self, group: usize) -> usize {
        let mut count = 0;
        self.each_below(group, |group| count += self.nodes_of(group).len() + 1);
        count
    }

    /// The group and those below it, each once: a child and all below it before the next child.
    fn each_below(&self, group: usize, mut take: impl FnMut(usize)) {
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![group];
        // Each group is opened once, so this ends.
        while let Some(group) = open.pop() {
            match seen.get_mut(group) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            take(group);
            open.extend(self.children_of(group).iter().rev());
        }
    }

    /// These groups and those below them, each once, level by level.
    pub(crate) fn by_level(&self, groups: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut seen = vec![false; self.nodes.len()];
        let mut open: VecDeque<usize> = groups.into_iter().collect();
        let mut ordered = Vec::new();
        // Each group is opened once, so this ends.
        while let Some(group) = open.pop_front() {
            match seen.get_mut(group) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            ordered.push(group);
            open.extend(self.children_of(group));
        }
        ordered
    }

    /// Groups that stand below no other.
    pub(crate) fn tops(&self) -> Vec<usize> {
        let mut is_top = vec![true; self.nodes.len()];
        for child in self.children.iter().flatten() {
            if let Some(top) = is_top.get_mut(*child) {
                *top = false;
            }
        }
        is_top.iter().enumerate().filter(|(_, top)| **top).map(|(group, _)| group).collect()
    }
}
