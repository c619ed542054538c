//! What a policy file says: [`Policy`].

use std::collections::{BTreeMap, BTreeSet};

use super::rule::Rule;
use crate::mapping::PermissionMap;

/// Users, groups and roles with their rules. It is made of a file, see [`Policy::parse`].
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub(super) users: BTreeMap<String, Member>,
    /// The roles of each group.
    pub(super) groups: BTreeMap<String, BTreeSet<String>>,
    pub(super) roles: BTreeMap<String, Role>,
    /// Rules that hold for everybody, or for those they name.
    pub(super) deny: Vec<Rule>,
    /// What is said instead of the table of permissions.
    pub(super) mapping: PermissionMap,
}

/// A user.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) groups: BTreeSet<String>,
    pub(super) roles: BTreeSet<String>,
    pub(super) is_active: bool,
    pub(super) is_admin: bool,
}

/// What holders of a role may do and may not do.
#[derive(Debug, Clone, Default)]
pub(super) struct Role {
    pub(super) allow: Vec<Rule>,
    pub(super) deny: Vec<Rule>,
}

impl Policy {
    /// Whether a rule has a condition on nodes.
    pub fn looks_at_nodes(&self) -> bool {
        self.rules().any(Rule::looks_at_nodes)
    }

    /// Whether somebody has to know who belongs to which group and has which role.
    pub(crate) fn looks_at_members(&self) -> bool {
        !self.roles.is_empty() || self.deny.iter().any(|rule| rule.who.names_members())
    }

    /// Whether it says by itself what somebody may do, rather than what they may not.
    pub(crate) fn allows_something(&self) -> bool {
        !self.users.is_empty()
            || !self.groups.is_empty()
            || self.roles.values().any(|role| !role.allow.is_empty())
    }

    /// What it says instead of the table of permissions.
    pub(crate) fn mapping(&self) -> &PermissionMap {
        &self.mapping
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        let of_roles = self.roles.values().flat_map(|role| role.allow.iter().chain(&role.deny));
        of_roles.chain(&self.deny)
    }
}
