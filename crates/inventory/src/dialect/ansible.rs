//! Host patterns of Ansible: `web:&prod:!db*`, `~regex`, `group[0:2]`, `all`, `ungrouped`.
//!
//! This follows `ansible/inventory/manager.py` and `group.py` of ansible-core 2.14 step by step, oddities included: a
//! pattern that matches nothing is passed over with a warning, patterns are sorted into plain, `&` and `!` ones before they
//! are applied, `[0:2]` includes both ends, and a pattern that names a group is not looked for among the hosts unless
//! it holds a wildcard. Groups below groups are walked level by level.

use std::sync::LazyLock;

use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Node};
use regex::Regex;
use regex::bytes::Regex as BytesRegex;

use crate::Inventory;
use crate::dialect::Found;
use crate::dialect::address::is_one_address;
use crate::dialect::globs::{Glob, Rules};
use crate::expression::name_regex::compile;
use crate::expression::selection::Selection;
use crate::expression::steps::{Steps, comparing};

/// What Ansible makes a host of though no inventory has it.
const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

static SUBSCRIPT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\A(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]\z").ok());
static PIECE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:[^\s:\[\]]|\[[^\]]*\])+").ok());

/// The hosts of a pattern in Ansible's order.
///
/// # Errors
/// A regular expression or a subscript that Ansible would refuse, or one that goes back and forth in the text
/// (look-around, back references), which is not supported.
pub(super) fn select(text: &str, inventory: &Inventory, steps: &mut Steps) -> Result<Vec<Found>, String> {
    let mut hosts = Hosts { inventory, steps, implicit: None };
    let mut selection = Selection::default();
    for pattern in ordered(split(text)) {
        if let Some(index) = inventory.node_index(&pattern) {
            hosts.take(1)?;
            selection.add(place(index));
            continue;
        }
        let (sign, bare) = match pattern.strip_prefix(['!', '&']) {
            Some(bare) => (pattern.chars().next(), bare),
            None => (None, pattern.as_str()),
        };
        if bare.is_empty() {
            return Err(format!("{pattern:?} lacks a pattern"));
        }
        let found = hosts.matching(bare)?;
        match sign {
            Some('!') => found.into_iter().for_each(|host| {
                selection.remove(host);
            }),
            Some(_) => {
                let mut wanted = Selection::default();
                wanted.extend(found);
                selection.retain(|host| wanted.contains(host));
            }
            None => selection.extend(found),
        }
    }
    let (implicit, made_up) = (hosts.implicit, place(inventory.nodes().len()));
    Ok(selection
        .iter()
        .filter_map(|host| match host {
            host if host == made_up => implicit.clone().map(|node| Found::New(Box::new(node))),
            host => Some(Found::Known(host as usize)),
        })
        .collect())
}

/// The patterns of a limit (`--limit`), whose file references `@file` are read by `read`. What they select is
/// intersected with the hosts.
///
/// # Errors
/// What `read` says.
pub fn limit_of<E>(text: &str, mut read: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
    let mut patterns = Vec::new();
    for pattern in split(text) {
        match pattern.strip_prefix('@') {
            // A pattern a line.
            Some(file) => patterns.extend(read(file)?.lines().map(|line| line.trim().to_owned())),
            None => patterns.push(pattern),
        }
    }
    patterns.retain(|pattern| !pattern.is_empty());
    // With a comma at the end it is not taken for something that is split at colons.
    let mut joined = patterns.join(",");
    joined.push(',');
    Ok(joined)
}

/// `split_host_pattern`: at commas where there are any; else, unless it is one address, at colons outside of brackets.
fn split(text: &str) -> Vec<String> {
    let pieces: Vec<&str> = if text.contains(',') {
        text.split(',').collect()
    } else if is_one_address(text) {
        vec![text]
    } else {
        PIECE
            .as_ref()
            .map(|piece| piece.find_iter(text).map(|found| found.as_str()).collect())
            .unwrap_or_default()
    };
    pieces.into_iter().map(str::trim).filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

/// `order_patterns`: plain ones first, then those with `&`, then those with `!`.
fn ordered(patterns: Vec<String>) -> Vec<String> {
    let is = |sign: char| move |pattern: &String| pattern.starts_with(sign);
    let (excluded, rest): (Vec<_>, Vec<_>) = patterns.into_iter().partition(is('!'));
    let (common, mut plain): (Vec<_>, Vec<_>) = rest.into_iter().partition(is('&'));
    if plain.is_empty() {
        plain.push("all".to_owned());
    }
    plain.extend(common);
    plain.extend(excluded);
    plain
}

struct Hosts<'a> {
    inventory: &'a Inventory,
    steps: &'a mut Steps,
    /// The host that Ansible makes up for `localhost`, named as it was first asked for.
    implicit: Option<Node>,
}

impl Hosts<'_> {
    fn take(&mut self, steps: usize) -> Result<(), String> {
        self.steps.take(steps).map_err(|error| error.to_string())
    }

    /// `_match_one_pattern`: the hosts of a pattern without its sign; one may come twice.
    fn matching(&mut self, pattern: &str) -> Result<Vec<u32>, String> {
        let (pattern, subscript) = with_subscript(pattern);
        let mut found = self.enumerate(pattern)?;
        if found.is_empty() {
            return Ok(found);
        }
        let Some((start, end)) = subscript else { return Ok(found) };
        let length = i64::try_from(found.len()).unwrap_or(i64::MAX);
        // As in Python, an end of 0 counts as none, and a negative place counts from the end.
        match end {
            Some(end) if end != 0 => {
                let end = if end == -1 { length } else { end.saturating_add(1).min(length) };
                let start = start.clamp(0, length);
                let keep = usize::try_from(end - start).unwrap_or(0);
                found = found.into_iter().skip(usize::try_from(start).unwrap_or(0)).take(keep).collect();
            }
            _ => {
                let index = if start < 0 { start.saturating_add(length) } else { start };
                let one = usize::try_from(index).ok().and_then(|index| found.get(index).copied());
                found = vec![one.ok_or_else(|| {
                    format!("no hosts matched the subscripted pattern: {pattern:?} has {length} hosts")
                })?];
            }
        }
        Ok(found)
    }

    /// `_enumerate_matches`: groups whose name matches, and hosts where no group does or the pattern has wildcards.
    fn enumerate(&mut self, pattern: &str) -> Result<Vec<u32>, String> {
        let matcher = Matcher::new(pattern)?;
        let inventory = self.inventory;
        self.take(comparing(inventory.groups().len()))?;
        let mut found = Vec::new();
        let mut is_group = false;
        if matcher.matches("all") {
            is_group = true;
            found.extend(self.all()?);
        }
        if matcher.matches("ungrouped") {
            is_group = true;
            found.extend(self.ungrouped()?);
        }
        for (index, group) in inventory.groups().iter().enumerate() {
            let name = group.name.as_str();
            if !is_built_in(name) && matcher.matches(name) {
                is_group = true;
                let groups = inventory.membership().by_level([index]);
                found.extend(self.members(&groups)?);
            }
        }
        if !is_group || pattern.starts_with('~') || pattern.contains(['.', '?', '*', '[']) {
            self.take(comparing(inventory.nodes().len()))?;
            let hosts = inventory.nodes().iter().zip(0u32..);
            found.extend(hosts.filter(|(node, _)| matcher.matches(node.id.as_str())).map(|(_, host)| host));
        }
        if found.is_empty() && LOCALHOST.contains(&pattern) {
            if self.implicit.is_none() {
                self.implicit = Some(localhost(pattern)?);
            }
            // Its number follows those of the inventory.
            found.push(place(inventory.nodes().len()));
        }
        if found.is_empty() && !is_group && pattern != "all" {
            tracing::warn!(pattern, "could not match supplied host pattern, ignoring it");
        }
        Ok(found)
    }

    /// The group `all`: hosts without a group, then groups below no other, level by level.
    fn all(&mut self) -> Result<Vec<u32>, String> {
        let membership = self.inventory.membership();
        let mut found = Selection::default();
        found.extend(self.ungrouped()?);
        let groups = membership.by_level(membership.tops());
        found.extend(self.members(&groups)?);
        // Hosts of groups that contain each other, which Ansible refuses and several sources together may have.
        self.take(self.inventory.nodes().len())?;
        found.extend(0..place(self.inventory.nodes().len()));
        Ok(found.iter().collect())
    }

    /// The group `ungrouped`: hosts that are in no other group.
    fn ungrouped(&mut self) -> Result<Vec<u32>, String> {
        let inventory = self.inventory;
        self.take(inventory.nodes().len())?;
        let is_alone = |node: &Node| node.groups.iter().all(|group| is_built_in(group.as_str()));
        Ok(inventory
            .nodes()
            .iter()
            .zip(0u32..)
            .filter(|(node, _)| is_alone(node))
            .map(|(_, host)| host)
            .collect())
    }

    /// `get_hosts`: the hosts of these groups, each once.
    fn members(&mut self, groups: &[usize]) -> Result<Vec<u32>, String> {
        let mut found = Selection::default();
        for group in groups {
            let nodes = self.inventory.membership().nodes_of(*group);
            self.take(nodes.len() + 1)?;
            found.extend(nodes.iter().map(|index| place(*index)));
        }
        Ok(found.iter().collect())
    }
}

fn is_built_in(group: &str) -> bool {
    group == "all" || group == "ungrouped"
}

/// `_split_subscript`: the pattern, and the first and last place of its `[...]`.
fn with_subscript(pattern: &str) -> (&str, Option<(i64, Option<i64>)>) {
    let is_regex = pattern.starts_with('~');
    let parts = SUBSCRIPT.as_ref().filter(|_| !is_regex).and_then(|regex| regex.captures(pattern));
    let Some(parts) = parts else { return (pattern, None) };
    let bare = parts.get(1).map_or(pattern, |bare| bare.as_str());
    // A number too large for 64 bits is past the end of every list.
    let number = |text: &str| text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX });
    let subscript = match (parts.get(2), parts.get(3), parts.get(4)) {
        (Some(index), ..) => Some((number(index.as_str()), None)),
        (None, Some(start), end) => {
            let end = end.map_or("", |end| end.as_str());
            Some((number(start.as_str()), Some(if end.is_empty() { -1 } else { number(end) })))
        }
        _ => None,
    };
    (bare, subscript)
}

/// What names are compared with.
enum Matcher {
    Regex(BytesRegex),
    Glob(Glob),
}

impl Matcher {
    /// `_match_list`: `~` begins a regular expression that has to match from the beginning; else it is a glob.
    fn new(pattern: &str) -> Result<Self, String> {
        let compiled = match pattern.strip_prefix('~') {
            Some(text) => compile(&format!(r"\A(?:{})", from_python(text))).map(Self::Regex),
            None => Glob::new(pattern, Rules::Python).map(Self::Glob),
        };
        compiled.map_err(|reason| format!("invalid host list pattern {pattern:?}: {reason}"))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(name.as_bytes()),
            Self::Glob(glob) => glob.is_match(name),
        }
    }
}

/// What Python's `re` writes in another way: `\Z` is the end of the text.
fn from_python(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\' {
            out.extend(chars.next().map(|escaped| if escaped == 'Z' { 'z' } else { escaped }));
        }
    }
    out
}

/// The host that Ansible makes up, reached without a network.
fn localhost(name: &str) -> Result<Node, String> {
    let id = NodeId::new(name).map_err(|error| error.to_string())?;
    let transport = PluginName::new("local").map_err(|error| error.to_string())?;
    let endpoint = Endpoint { transport: Some(transport), ..Endpoint::default() };
    Ok(Node { endpoint, ..Node::named(id) })
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "ansible_tests.rs"]
mod tests;
