//! A policy in YAML or JSON: [`Policy::parse`]. Every fault is told at once, with its line and field.
//!
//! ```yaml
//! users:
//!   ann: {roles: [operator], groups: [web-team]}
//!   root: {admin: true}             # whatever no rule denies
//!   bob: {roles: [viewer], active: false}
//! groups:
//!   web-team: {roles: [web]}
//! roles:
//!   web:
//!     allow:
//!       - {capability: command.execute, plugin: ssh, nodes: "@web"}
//!       - capability: "*.list"
//!     deny:
//!       - {capability: "*", nodes: "web13"}
//! deny:                             # for everybody, or for those who are named
//!   - capability: "*"
//!     roles: [operator]
//!     nodes: "@production"
//!     unless:
//!       time: {days: [mon-fri], from: "08:00", to: "18:00", zone: Europe/Rome}
//! mapping:                          # beside Pabawi's tables: other permissions than the usual
//!   - {capability: command.execute, plugin: local, permission: ssh:admin}
//! ```

use std::collections::{BTreeMap, BTreeSet};

use pabawi_domain::document::{self, Data, DocumentLimits, Problem, Reader, Tree, join};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::PermissionName;

use super::model::{Member, Policy, Role};
use super::rule::{Conditions, Rule, Who};
use super::time_window::{TimeWindow, parse_days, parse_minute, parse_zone};
use crate::mapping::{Instead, PermissionMap, is_pattern};

const LIMITS: DocumentLimits =
    DocumentLimits { depth: 16, values: 200_000, aliases: 1_000, alias_values: 20_000 };
/// So many faults are told.
const MOST: usize = 100;

/// Why a text is no policy.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{name}: {}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct PolicyError {
    /// The file.
    pub name: String,
    /// Every fault in the order of the text, at most 100; never empty.
    pub problems: Vec<Problem>,
}

/// Says what is wrong with a target expression.
type CheckNodes<'a> = &'a dyn Fn(&str) -> Result<(), String>;

impl Policy {
    /// Reads a policy. `name` names it in messages, `check_nodes` says what is wrong with a target expression.
    ///
    /// # Errors
    /// [`PolicyError`] with every fault.
    pub fn parse(name: &str, text: &str, check_nodes: CheckNodes<'_>) -> Result<Self, PolicyError> {
        let invalid = |problems| PolicyError { name: name.to_owned(), problems };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let tree = document::parse(text, LIMITS).map_err(|problem| invalid(vec![problem]))?;
        let mut file = File { reader: Reader::telling(MOST), check_nodes };
        let policy = file.policy(&tree);
        let problems = file.reader.into_problems();
        if problems.is_empty() { Ok(policy) } else { Err(invalid(problems)) }
    }
}

struct File<'a> {
    reader: Reader,
    check_nodes: CheckNodes<'a>,
}

impl File<'_> {
    fn policy(&mut self, tree: &Tree) -> Policy {
        let mut policy = Policy::default();
        let mut wanted = Vec::new();
        for (key, value) in self.reader.entries(tree, "", &["users", "groups", "roles", "deny", "mapping"]) {
            match key {
                "users" => policy.users = self.users(value, &mut wanted),
                "groups" => policy.groups = self.groups(value, &mut wanted),
                "roles" => policy.roles = self.roles(value),
                "deny" => policy.deny = self.rules(value, "deny", Place::ForAll),
                _ => policy.mapping = self.mapping(value),
            }
        }
        for Wanted { kind, name, tree, field } in wanted {
            let is_known = match kind {
                "role" => policy.roles.contains_key(&name),
                _ => policy.groups.contains_key(&name),
            };
            if !is_known {
                self.reader.fault(tree, &field, format!("there is no {kind} {name} in this policy"));
            }
        }
        policy
    }

    fn users<'t>(&mut self, tree: &'t Tree, wanted: &mut Vec<Wanted<'t>>) -> BTreeMap<String, Member> {
        let mut users = BTreeMap::new();
        for (key, value) in self.reader.mapping(tree, "users") {
            let field = join("users", &key.value);
            let mut member =
                Member { groups: BTreeSet::new(), roles: BTreeSet::new(), is_active: true, is_admin: false };
            for (key, value) in self.reader.entries(value, &field, &["groups", "roles", "active", "admin"]) {
                let field = join(&field, key);
                match key {
                    "groups" => member.groups = self.names(value, &field, "group", wanted),
                    "roles" => member.roles = self.names(value, &field, "role", wanted),
                    "active" => member.is_active = self.truth(value, &field),
                    _ => member.is_admin = self.truth(value, &field),
                }
            }
            users.insert(key.value.clone(), member);
        }
        users
    }

    fn groups<'t>(
        &mut self,
        tree: &'t Tree,
        wanted: &mut Vec<Wanted<'t>>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let mut groups = BTreeMap::new();
        for (key, value) in self.reader.mapping(tree, "groups") {
            let field = join("groups", &key.value);
            let mut roles = BTreeSet::new();
            for (name, value) in self.reader.entries(value, &field, &["roles"]) {
                roles = self.names(value, &join(&field, name), "role", wanted);
            }
            groups.insert(key.value.clone(), roles);
        }
        groups
    }

    fn roles(&mut self, tree: &Tree) -> BTreeMap<String, Role> {
        let mut roles = BTreeMap::new();
        for (key, value) in self.reader.mapping(tree, "roles") {
            let field = join("roles", &key.value);
            let mut role = Role::default();
            for (key, value) in self.reader.entries(value, &field, &["allow", "deny"]) {
                let field = join(&field, key);
                match key {
                    "allow" => role.allow = self.rules(value, &field, Place::Allow),
                    _ => role.deny = self.rules(value, &field, Place::Deny),
                }
            }
            roles.insert(key.value.clone(), role);
        }
        roles
    }

    fn rules(&mut self, tree: &Tree, field: &str, place: Place) -> Vec<Rule> {
        let Some(items) = self.list(tree, field) else { return Vec::new() };
        let rules = items.iter().enumerate();
        rules.filter_map(|(index, item)| self.rule(item, format!("{field}[{index}]"), place)).collect()
    }

    fn rule(&mut self, tree: &Tree, field: String, place: Place) -> Option<Rule> {
        let (mut capability, mut plugin, mut unless) = (None, None, None);
        let (mut when, mut who) = (Conditions::default(), Who::default());
        for (key, value) in self.reader.entries(tree, &field, place.keys()) {
            let field = join(&field, key);
            match key {
                "capability" => capability = self.pattern(value, &field),
                "plugin" => plugin = self.reader.text(value, &field),
                "nodes" => when.nodes = self.nodes(value, &field),
                "time" => when.time = self.time(value, &field),
                "unless" => unless = self.unless(value, &field),
                "users" => who.users = self.any_names(value, &field),
                "groups" => who.groups = self.any_names(value, &field),
                _ => who.roles = self.any_names(value, &field),
            }
        }
        if capability.is_none() && !has(tree, "capability") {
            self.reader.fault(tree, &join(&field, "capability"), "is missing; \"*\" means every capability");
        }
        Some(Rule { place: field, capability: capability?, plugin, when, unless, who })
    }

    fn unless(&mut self, tree: &Tree, field: &str) -> Option<Conditions> {
        let mut unless = Conditions::default();
        let entries = self.reader.entries(tree, field, &["nodes", "time"]);
        if entries.is_empty() {
            self.reader.fault(tree, field, "must have nodes, a time, or both");
        }
        for (key, value) in entries {
            let field = join(field, key);
            match key {
                "nodes" => unless.nodes = self.nodes(value, &field),
                _ => unless.time = self.time(value, &field),
            }
        }
        Some(unless)
    }

    fn pattern(&mut self, tree: &Tree, field: &str) -> Option<String> {
        let text = self.reader.text(tree, field)?;
        if is_pattern(&text) {
            return Some(text);
        }
        let text = format!("{text:?} is no capability: write command.execute, command.*, *.list or \"*\"");
        self.reader.fault(tree, field, text);
        None
    }

    fn nodes(&mut self, tree: &Tree, field: &str) -> Option<TargetExpression> {
        let text = self.reader.text(tree, field)?;
        match (self.check_nodes)(&text) {
            Ok(()) => Some(TargetExpression::new(text)),
            Err(why) => {
                self.reader.fault(tree, field, format!("is no target expression: {why}"));
                None
            }
        }
    }

    fn time(&mut self, tree: &Tree, field: &str) -> Option<TimeWindow> {
        let (mut days, mut from, mut to, mut zone) = (Vec::new(), Some(0), Some(24 * 60), None);
        for (key, value) in self.reader.entries(tree, field, &["days", "from", "to", "zone"]) {
            let field = join(field, key);
            match key {
                "days" => days = self.days(value, &field),
                "from" => from = self.minute(value, &field),
                "to" => to = self.minute(value, &field),
                _ => zone = self.zone(value, &field),
            }
        }
        if !has(tree, "zone") {
            self.reader.fault(tree, &join(field, "zone"), "is missing; write UTC, Europe/Rome or +02:00");
        }
        if days.is_empty() && !has(tree, "days") {
            days = parse_days("mon-sun").unwrap_or_default();
        }
        let (from, to, zone) = (from?, to?, zone?);
        if from == to {
            self.reader.fault(tree, &join(field, "to"), "is the same as from, so the time never holds");
            return None;
        }
        Some(TimeWindow { days, from, to, zone })
    }

    fn days(&mut self, tree: &Tree, field: &str) -> Vec<jiff::civil::Weekday> {
        let mut days = Vec::new();
        for (item, text) in self.reader.texts(tree, field) {
            match parse_days(&text) {
                Some(some) => days.extend(some),
                None => {
                    self.reader.fault(item, field, format!("{text:?} is no day: write mon, tue or mon-fri"));
                }
            }
        }
        if matches!(&tree.value, Data::List(items) if items.is_empty()) {
            self.reader.fault(tree, field, "is empty, so the time never holds");
        }
        days
    }

    fn minute(&mut self, tree: &Tree, field: &str) -> Option<u16> {
        let text = self.reader.text(tree, field)?;
        let minute = parse_minute(&text);
        if minute.is_none() {
            self.reader.fault(tree, field, format!("{text:?} is no time of day: write \"08:00\", in quotes"));
        }
        minute
    }

    fn zone(&mut self, tree: &Tree, field: &str) -> Option<jiff::tz::TimeZone> {
        let text = self.reader.text(tree, field)?;
        parse_zone(&text).map_err(|why| self.reader.fault(tree, field, why)).ok()
    }

    fn mapping(&mut self, tree: &Tree) -> PermissionMap {
        let Some(items) = self.list(tree, "mapping") else { return PermissionMap::default() };
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let field = format!("mapping[{index}]");
            let (mut capability, mut plugin, mut any_of) = (None, None, Vec::new());
            for (key, value) in self.reader.entries(item, &field, &["capability", "plugin", "permission"]) {
                let field = join(&field, key);
                match key {
                    "capability" => capability = self.pattern(value, &field),
                    "plugin" => plugin = self.reader.text(value, &field),
                    _ => any_of = self.permissions(value, &field),
                }
            }
            for key in ["capability", "permission"] {
                if !has(item, key) {
                    self.reader.fault(item, &join(&field, key), "is missing");
                }
            }
            all.extend(capability.map(|capability| Instead { capability, plugin, any_of }));
        }
        PermissionMap::with(all)
    }

    fn permissions(&mut self, tree: &Tree, field: &str) -> Vec<PermissionName> {
        let mut all = Vec::new();
        for (item, text) in self.reader.texts(tree, field) {
            match PermissionName::parse(&text) {
                Some(permission) => all.push(permission),
                None => {
                    let text =
                        format!("{text:?} is no permission: write resource:action, such as bolt:execute");
                    self.reader.fault(item, field, text);
                }
            }
        }
        all
    }

    /// Names that have to be in this policy.
    fn names<'t>(
        &mut self,
        tree: &'t Tree,
        field: &str,
        kind: &'static str,
        wanted: &mut Vec<Wanted<'t>>,
    ) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (item, name) in self.reader.texts(tree, field) {
            wanted.push(Wanted { kind, name: name.clone(), tree: item, field: field.to_owned() });
            names.insert(name);
        }
        names
    }

    /// Names that may be of Pabawi's tables.
    fn any_names(&mut self, tree: &Tree, field: &str) -> BTreeSet<String> {
        let names: BTreeSet<String> =
            self.reader.texts(tree, field).into_iter().map(|(_, name)| name).collect();
        // A rule for nobody would read as one for everybody.
        if names.is_empty() {
            self.reader.fault(tree, field, "names nobody; leave it out where everybody is meant");
        }
        names
    }

    fn truth(&mut self, tree: &Tree, field: &str) -> bool {
        if let Data::Bool(truth) = tree.value {
            return truth;
        }
        self.reader.fault(tree, field, "must be true or false");
        false
    }

    fn list<'t>(&mut self, tree: &'t Tree, field: &str) -> Option<&'t [Tree]> {
        match &tree.value {
            Data::List(items) => Some(items),
            Data::Null => None,
            other => {
                self.reader.fault(tree, field, format!("must be a list, found {}", other.kind()));
                None
            }
        }
    }
}

/// A role or group that a user or group names.
struct Wanted<'t> {
    kind: &'static str,
    name: String,
    tree: &'t Tree,
    field: String,
}

/// Where a rule stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Allow,
    Deny,
    ForAll,
}

impl Place {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Allow => &["capability", "plugin", "nodes", "time"],
            Self::Deny => &["capability", "plugin", "nodes", "time", "unless"],
            Self::ForAll => &["capability", "plugin", "nodes", "time", "unless", "users", "groups", "roles"],
        }
    }
}

fn has(tree: &Tree, key: &str) -> bool {
    matches!(&tree.value, Data::Map(entries) if entries.iter().any(|(known, _)| known.value == key))
}
