//! [`Model`]: hosts, groups and variables while the files of an Ansible inventory are read, after Ansible's
//! `InventoryData`.

use std::collections::{HashMap, HashSet};

use pabawi_domain::id::{GroupName, NodeId};
use serde_json::{Map, Value};

use crate::nodeset::MAX_NODES;

/// The most groups.
pub(super) const MAX_GROUPS: usize = 200_000;

/// Variables of a host or a group.
pub(crate) type Vars = Map<String, Value>;

/// What was read so far.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) groups: Vec<Group>,
    group_index: HashMap<GroupName, usize>,
    pub(super) hosts: Vec<Host>,
    host_index: HashMap<NodeId, usize>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: GroupName,
    /// Direct members, as places among the hosts.
    pub(super) hosts: Vec<usize>,
    members: HashSet<usize>,
    pub(super) children: Vec<usize>,
    pub(super) parents: Vec<usize>,
    pub(super) vars: Vars,
    /// `ansible_group_priority`: among groups of one depth the higher one wins.
    pub(super) priority: i64,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: NodeId,
    pub(super) vars: Vars,
}

/// The places of the two groups that are always there.
pub(super) const ALL: usize = 0;
pub(super) const UNGROUPED: usize = 1;

impl Model {
    /// The groups `all` and `ungrouped`.
    pub(super) fn new() -> Self {
        let mut model = Self {
            groups: Vec::new(),
            group_index: HashMap::new(),
            hosts: Vec::new(),
            host_index: HashMap::new(),
        };
        for name in ["all", "ungrouped"] {
            // Neither name can be refused, and both groups are far from the limit.
            let _ = model.add_group(name);
        }
        let _ = model.add_child(ALL, UNGROUPED);
        model
    }

    pub(super) fn group(&self, name: &str) -> Option<usize> {
        self.group_index.get(name).copied()
    }

    pub(super) fn has_host(&self, name: &str) -> bool {
        self.host_index.contains_key(name)
    }

    /// The group of that name, made when there is none.
    ///
    /// # Errors
    /// It cannot be a group's name, or there are too many.
    pub(super) fn add_group(&mut self, name: &str) -> Result<usize, String> {
        if let Some(at) = self.group(name) {
            return Ok(at);
        }
        if self.groups.len() >= MAX_GROUPS {
            return Err(format!("more than {MAX_GROUPS} groups"));
        }
        let name = GroupName::new(name).map_err(|error| error.to_string())?;
        self.group_index.insert(name.clone(), self.groups.len());
        self.groups.push(Group {
            name,
            hosts: Vec::new(),
            members: HashSet::new(),
            children: Vec::new(),
            parents: Vec::new(),
            vars: Vars::new(),
            priority: 1,
        });
        Ok(self.groups.len() - 1)
    }

    /// Puts a group below another.
    ///
    /// # Errors
    /// A group would contain itself.
    pub(super) fn add_child(&mut self, parent: usize, child: usize) -> Result<(), String> {
        let name = |at: usize| self.groups.get(at).map(|group| group.name.to_string()).unwrap_or_default();
        if parent == child {
            return Err(format!("group {} cannot be a child of itself", name(parent)));
        }
        if self.groups.get(parent).is_some_and(|group| group.children.contains(&child)) {
            return Ok(());
        }
        if self.ancestors(parent).contains(&child) {
            return Err(format!("group {} contains group {} already: a cycle", name(child), name(parent)));
        }
        if let Some(group) = self.groups.get_mut(parent) {
            group.children.push(child);
        }
        if let Some(group) = self.groups.get_mut(child) {
            group.parents.push(parent);
        }
        Ok(())
    }

    /// The host of that name, made when there is none, as a member of the group.
    ///
    /// # Errors
    /// It cannot be a node's name, or there are too many.
    pub(super) fn add_host(
        &mut self,
        name: &str,
        group: Option<usize>,
        port: Option<u64>,
    ) -> Result<usize, String> {
        let at = match self.host_index.get(name) {
            Some(at) => *at,
            None => {
                if self.hosts.len() as u64 >= MAX_NODES {
                    return Err(format!("more than {MAX_NODES} hosts"));
                }
                let name = NodeId::new(name).map_err(|error| error.to_string())?;
                let mut vars = Vars::new();
                if let Some(port) = port.filter(|port| *port > 0) {
                    vars.insert("ansible_port".to_owned(), port.into());
                }
                self.host_index.insert(name.clone(), self.hosts.len());
                self.hosts.push(Host { name, vars });
                self.hosts.len() - 1
            }
        };
        if let Some(group) = group.and_then(|group| self.groups.get_mut(group))
            && group.members.insert(at)
        {
            group.hosts.push(at);
        }
        Ok(at)
    }

    /// How many more hosts there may be.
    pub(super) fn hosts_left(&self) -> u64 {
        MAX_NODES.saturating_sub(self.hosts.len() as u64)
    }

    /// Sets a variable of a group.
    ///
    /// # Errors
    /// A priority that is no number.
    pub(super) fn set_group_var(&mut self, group: usize, key: String, value: Value) -> Result<(), String> {
        let Some(group) = self.groups.get_mut(group) else { return Ok(()) };
        if key == "ansible_group_priority" {
            group.priority = match &value {
                Value::Number(number) => number.as_i64(),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            }
            .ok_or("ansible_group_priority must be a number")?;
        } else {
            group.vars.insert(key, value);
        }
        Ok(())
    }

    pub(super) fn set_host_var(&mut self, host: usize, key: String, value: Value) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.vars.insert(key, value);
        }
    }

    /// All groups above one.
    fn ancestors(&self, group: usize) -> HashSet<usize> {
        let mut above = HashSet::new();
        let mut open = vec![group];
        // Each group is opened once, so this ends.
        while let Some(at) = open.pop() {
            for parent in self.groups.get(at).map(|group| group.parents.as_slice()).unwrap_or_default() {
                if above.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        above
    }

    /// What Ansible does when all files are read: every group is below `all`, and `ungrouped` has exactly the hosts that
    /// are in no other group. Returns the direct groups of each host.
    pub(super) fn reconcile(&mut self) -> Vec<Vec<usize>> {
        for at in 0..self.groups.len() {
            if at != ALL && self.groups.get(at).is_some_and(|group| group.parents.is_empty()) {
                // `all` is above nothing that could be above it.
                let _ = self.add_child(ALL, at);
            }
        }
        let mut groups_of: Vec<Vec<usize>> = vec![Vec::new(); self.hosts.len()];
        for (at, group) in self.groups.iter().enumerate() {
            for host in &group.hosts {
                if let Some(groups) = groups_of.get_mut(*host) {
                    groups.push(at);
                }
            }
        }
        let mut ungrouped = Vec::new();
        for (host, groups) in groups_of.iter_mut().enumerate() {
            if groups.iter().any(|group| *group > UNGROUPED) {
                groups.retain(|group| *group != UNGROUPED);
            } else {
                if !groups.contains(&UNGROUPED) {
                    groups.push(UNGROUPED);
                }
                ungrouped.push(host);
            }
        }
        if let Some(group) = self.groups.get_mut(UNGROUPED) {
            // Those that were listed so keep their order, the others follow.
            let is_ungrouped: HashSet<usize> = ungrouped.iter().copied().collect();
            group.hosts.retain(|host| is_ungrouped.contains(host));
            group.hosts.extend(ungrouped.into_iter().filter(|host| !group.members.contains(host)));
        }
        groups_of
    }

    /// How far each group is below `all`, by the longest way.
    pub(super) fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0; self.groups.len()];
        let mut waiting: Vec<usize> = self.groups.iter().map(|group| group.parents.len()).collect();
        let mut ready: Vec<usize> =
            waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
        // Each group is ready once, when all of its parents were.
        while let Some(at) = ready.pop() {
            let below = depths.get(at).copied().unwrap_or(0) + 1;
            for child in self.groups.get(at).map(|group| group.children.as_slice()).unwrap_or_default() {
                if let (Some(depth), Some(count)) = (depths.get_mut(*child), waiting.get_mut(*child)) {
                    *depth = below.max(*depth);
                    *count -= 1;
                    if *count == 0 {
                        ready.push(*child);
                    }
                }
            }
        }
        depths
    }

    /// All groups that a host with these direct groups belongs to, in the order in which their variables are taken:
    /// by depth, priority and name, later ones win (Ansible's `sort_groups`). `all` is first.
    pub(super) fn line_of(&self, direct: &[usize], depths: &[usize]) -> Vec<usize> {
        let mut line: HashSet<usize> = direct.iter().copied().collect();
        for group in direct {
            line.extend(self.ancestors(*group));
        }
        let mut line: Vec<usize> = line.into_iter().collect();
        line.sort_by_key(|at| {
            self.groups
                .get(*at)
                .map(|group| (depths.get(*at).copied().unwrap_or(0), group.priority, group.name.clone()))
        });
        // Ansible takes the variables of `all` apart from the others, whatever its priority says.
        line.sort_by_key(|at| *at != ALL);
        line
    }
}
