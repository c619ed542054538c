//! One rule: [`Rule`], what it is about and under which conditions.

use std::collections::BTreeSet;

use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::{AuthorizationQuery, FILTERED};

use super::time_window::TimeWindow;
use crate::mapping::matches;

/// A rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Where it stands in its file, for reasons.
    pub(super) place: String,
    /// A capability, `category.*`, `*.verb` or `*`.
    pub(super) capability: String,
    /// Only when this plugin or transport is to do it.
    pub(super) plugin: Option<String>,
    pub(super) when: Conditions,
    /// A rule that denies does not hold where all of this does.
    pub(super) unless: Option<Conditions>,
    /// Whom it is about, where it does not stand with a role.
    pub(super) who: Who,
}

/// On which nodes, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    pub(super) nodes: Option<TargetExpression>,
    pub(super) time: Option<TimeWindow>,
}

/// Whom a rule is about: everybody, or any of these.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    pub(super) users: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
    pub(super) roles: BTreeSet<String>,
}

impl Who {
    pub(super) fn names_members(&self) -> bool {
        !self.groups.is_empty() || !self.roles.is_empty()
    }

    /// `names` are those the user goes by.
    pub(super) fn is_about(
        &self,
        names: &[&str],
        groups: &BTreeSet<String>,
        roles: &BTreeSet<String>,
    ) -> bool {
        let is_everybody = self.users.is_empty() && self.groups.is_empty() && self.roles.is_empty();
        is_everybody
            || names.iter().any(|name| self.users.contains(*name))
            || !self.groups.is_disjoint(groups)
            || !self.roles.is_disjoint(roles)
    }
}

impl Rule {
    pub(super) fn looks_at_nodes(&self) -> bool {
        self.when.nodes.is_some() || self.unless.as_ref().is_some_and(|unless| unless.nodes.is_some())
    }

    /// Whether it is about what is asked. A list that is filtered entry by entry may be asked for by whoever may see some
    /// entries: a rule about one plugin is then about the list as well, where `lists` says so.
    pub(super) fn is_about(&self, query: &AuthorizationQuery<'_>, lists: bool) -> bool {
        let is_plugin = match (&self.plugin, query.plugin) {
            (None, _) => true,
            (Some(wanted), Some(plugin)) => wanted == plugin.as_str(),
            (Some(_), None) => lists && FILTERED.contains(&query.capability),
        };
        is_plugin && matches(&self.capability, query.capability)
    }
}
