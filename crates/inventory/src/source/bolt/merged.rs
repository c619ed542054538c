//! [`Merged`]: what is effective for each target, by Bolt's rules: a group inside says it better than the one around it,
//! of groups beside each other the first one, and the target itself best of all.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::data::Data;
use super::tree::Tree;

/// Looks up what is effective.
pub(super) struct Merged<'a> {
    tree: &'a Tree,
    /// The groups that name each target, in the order of the tree.
    groups_of: Vec<Vec<usize>>,
    /// What targets get that are named by the same groups.
    shared: HashMap<Vec<usize>, Rc<Data>>,
}

impl<'a> Merged<'a> {
    pub(super) fn of(tree: &'a Tree) -> Self {
        let mut groups_of = vec![Vec::new(); tree.targets.len()];
        for (at, group) in tree.groups.iter().enumerate() {
            for target in group.targets.keys() {
                if let Some(groups) = groups_of.get_mut(*target) {
                    groups.push(at);
                }
            }
        }
        Self { tree, groups_of, shared: HashMap::new() }
    }

    /// Everything that is said of a target.
    pub(super) fn data(&mut self, target: usize) -> Data {
        let direct = self.groups_of.get(target).cloned().unwrap_or_default();
        let tree = self.tree;
        let own: BTreeMap<usize, &Data> = direct
            .iter()
            .filter_map(|at| Some((*at, tree.groups.get(*at)?.targets.get(&target)?.as_ref()?)))
            .collect();
        let said = match own.len() {
            0 => Data::default(),
            1 => own.into_values().next().cloned().unwrap_or_default(),
            _ => self.collect(0, &|at| own.get(&at).copied()).unwrap_or_default(),
        };
        let shared = match self.shared.get(&direct) {
            Some(shared) => Rc::clone(shared),
            None => {
                let shared = Rc::new(self.group_data(0, &direct).unwrap_or_default());
                self.shared.insert(direct, Rc::clone(&shared));
                shared
            }
        };
        said.over(&shared)
    }

    /// What the groups below and including `at` say. The depth is that of the document, which is limited.
    fn collect(&self, at: usize, says: &dyn Fn(usize) -> Option<&'a Data>) -> Option<Data> {
        let mut inner: Option<Data> = None;
        for child in self.tree.groups.get(at).map(|group| group.groups.as_slice()).unwrap_or_default() {
            if let Some(more) = self.collect(*child, says) {
                inner = Some(match inner {
                    Some(first) => first.over(&more),
                    None => more,
                });
            }
        }
        match (inner, says(at)) {
            (Some(inner), Some(own)) => Some(inner.over(own)),
            (inner, own) => inner.or_else(|| own.cloned()),
        }
    }

    /// What the groups say to a target that is named by the groups of `direct`: also those around them.
    fn group_data(&self, at: usize, direct: &[usize]) -> Option<Data> {
        let group = self.tree.groups.get(at)?;
        let mut inner: Option<Data> = None;
        for child in &group.groups {
            if let Some(more) = self.group_data(*child, direct) {
                inner = Some(match inner {
                    Some(first) => first.over(&more),
                    None => more,
                });
            }
        }
        match inner {
            Some(inner) => Some(inner.over(&group.data)),
            None => direct.contains(&at).then(|| group.data.clone()),
        }
    }
}
