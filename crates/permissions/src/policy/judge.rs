//! What the rules say about a question: [`Policy::judge`]. A rule that denies goes before all that allow.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{AuthorizationQuery, FILTERED, Memberships};

use super::model::Policy;
use super::rule::{Conditions, Rule};
use crate::node_sets::NodeSets;

/// So many nodes are named in a reason.
const NAMED: usize = 10;

/// A question, and what is needed to answer it.
pub(crate) struct Question<'a> {
    pub(crate) query: &'a AuthorizationQuery<'a>,
    /// All names that the user goes by.
    pub(crate) names: &'a [&'a str],
    pub(crate) members: &'a Memberships,
    pub(crate) now: Timestamp,
    pub(crate) sets: &'a NodeSets,
}

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A rule allows it.
    Allowed,
    /// A rule denies it; with its reason.
    Denied(String),
    /// No rule allows it; with the reason.
    NotAllowed(String),
}

impl Policy {
    /// What the file itself says about a user: their groups and roles. `Err` has the reason why they may do nothing; `Ok` also
    /// whether they may do everything that no rule denies.
    pub(crate) fn member(&self, user: &str) -> Result<(Memberships, bool), String> {
        let member = self.users.get(user).ok_or_else(|| format!("the policy knows no user {user}"))?;
        if !member.is_active {
            return Err(format!("the user {user} is not active"));
        }
        let mut roles = member.roles.clone();
        for group in &member.groups {
            roles.extend(self.groups.get(group).into_iter().flatten().cloned());
        }
        let members = Memberships {
            groups: member.groups.iter().cloned().collect(),
            roles: roles.into_iter().collect(),
        };
        Ok((members, member.is_admin))
    }

    /// What the rules say.
    pub(crate) async fn judge(&self, question: &Question<'_>) -> Verdict {
        let groups: BTreeSet<String> = question.members.groups.iter().cloned().collect();
        let roles: BTreeSet<String> = question.members.roles.iter().cloned().collect();
        let for_all = self.deny.iter().filter(|rule| rule.who.is_about(question.names, &groups, &roles));
        let held = || roles.iter().filter_map(|role| self.roles.get(role));
        for rule in for_all.chain(held().flat_map(|role| &role.deny)) {
            if let Some(reason) = denies(rule, question).await {
                return Verdict::Denied(reason);
            }
        }
        allows(held().flat_map(|role| &role.allow), question).await
    }
}

/// Whether a rule denies; with the reason. Where nobody can tell whether its conditions hold, it does.
async fn denies(rule: &Rule, question: &Question<'_>) -> Option<String> {
    let Question { query, now, sets, .. } = question;
    if !rule.is_about(query, false) || rule.when.time.as_ref().is_some_and(|time| !time.holds_at(*now)) {
        return None;
    }
    let capability = query.capability;
    let said = |why: String| Some(format!("the rule {} denies {capability}{why}", rule.place));
    let mut concerned: Vec<&NodeId> = query.nodes.iter().collect();
    if let Some(nodes) = &rule.when.nodes {
        match sets.hit(nodes, query.nodes).await {
            Ok(hit) => concerned = hit,
            Err(_) if query.nodes.is_empty() => {}
            Err(why) => return said(format!(", since its nodes cannot be told: {why}")),
        }
        // What concerns no node of the rule is not what it is about.
        if concerned.is_empty() {
            return None;
        }
    }
    match &rule.unless {
        None => said(on(&concerned)),
        Some(unless) => excepts(unless, question, concerned).await.and_then(said),
    }
}

/// Why an exception does not hold for these nodes; `None` when it does.
async fn excepts(unless: &Conditions, question: &Question<'_>, concerned: Vec<&NodeId>) -> Option<String> {
    if unless.time.as_ref().is_some_and(|time| !time.holds_at(question.now)) {
        return Some(format!("{} at this time", on(&concerned)));
    }
    let nodes = unless.nodes.as_ref()?;
    let inside = match question.sets.inside(nodes, question.query.nodes).await {
        Ok(inside) => inside,
        Err(why) => return Some(format!(", since its nodes cannot be told: {why}")),
    };
    let outside: Vec<&NodeId> = concerned.into_iter().filter(|node| !inside.contains(node)).collect();
    (!outside.is_empty()).then(|| on(&outside))
}

/// Whether each node is in a rule that allows it; several rules may share them.
async fn allows<'a>(rules: impl Iterator<Item = &'a Rule>, question: &Question<'a>) -> Verdict {
    let Question { query, now, sets, .. } = question;
    let lists = query.nodes.is_empty() && FILTERED.contains(&query.capability);
    let mut left: Vec<&NodeId> = query.nodes.iter().collect();
    let (mut faults, mut too_late) = (Vec::new(), false);
    for rule in rules.filter(|rule| rule.is_about(query, true)) {
        if rule.when.time.as_ref().is_some_and(|time| !time.holds_at(*now)) {
            too_late = true;
            continue;
        }
        match &rule.when.nodes {
            None => return Verdict::Allowed,
            Some(_) if lists => return Verdict::Allowed,
            // What concerns no node is more than a rule about some nodes gives.
            Some(_) if query.nodes.is_empty() => {}
            Some(nodes) => match sets.inside(nodes, query.nodes).await {
                Ok(inside) => left.retain(|node| !inside.contains(node)),
                Err(why) => faults.push(format!("{}: {why}", rule.place)),
            },
        }
        if left.is_empty() && !query.nodes.is_empty() {
            return Verdict::Allowed;
        }
    }
    let mut reason = format!("no rule allows {}", query.capability);
    if let Some(plugin) = query.plugin {
        reason.push_str(&format!(" by {plugin}"));
    }
    reason.push_str(&on(&left));
    if too_late {
        reason.push_str(" at this time");
    }
    if !faults.is_empty() {
        reason.push_str(&format!("; rules that cannot be told: {}", faults.join("; ")));
    }
    Verdict::NotAllowed(reason)
}

/// On which nodes, where there are any.
fn on(nodes: &[&NodeId]) -> String {
    let some: Vec<&str> = nodes.iter().take(NAMED).map(|node| node.as_str()).collect();
    match nodes.len().saturating_sub(some.len()) {
        _ if some.is_empty() => String::new(),
        0 => format!(" on {}", some.join(", ")),
        more => format!(" on {} and {more} more", some.join(", ")),
    }
}
