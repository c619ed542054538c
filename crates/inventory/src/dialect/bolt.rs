//! Targets of Bolt: `web*,db{1,2},ssh://root@10.0.0.1:22`, group names, `all`.
//!
//! This follows `Bolt::Inventory::Inventory#get_targets` with `ext_glob`, as the command line calls it
//! (`lib/bolt/inventory/inventory.rb` of Bolt 3.30 and OpenBolt 4): a name is a group's, a target's or an alias's; with a
//! wildcard in it, it is compared, letter case aside, with groups, targets and aliases, and it is an error when it
//! matches none; every other name becomes a target.

use std::collections::HashMap;

use pabawi_domain::id::PluginName;
use pabawi_domain::node::Node;

use crate::Inventory;
use crate::destination::{has_scheme, node_of};
use crate::dialect::Found;
use crate::dialect::globs::{Glob, Rules};
use crate::expression::steps::{Steps, comparing};

/// At most so many patterns are made of the braces of one.
const MAX_ALTERNATIVES: usize = 1_000;

/// The targets of a list in Bolt's order; one may come twice.
///
/// # Errors
/// A wildcard that matches nothing, and a name that no node can have.
pub(super) fn select(text: &str, inventory: &Inventory, steps: &mut Steps) -> Result<Vec<Found>, String> {
    let mut targets = Targets { inventory, steps, aliases: None, found: Vec::new() };
    for name in split(text) {
        targets.resolve(name)?;
    }
    Ok(targets.found)
}

/// At blanks and commas, where the next bracket or brace after them, if there is one, opens.
fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    // The end of the piece that is being read, walking from the end to the beginning.
    let mut end = text.len();
    let mut is_within = false;
    for (at, c) in text.char_indices().rev() {
        match c {
            ']' | '}' => is_within = true,
            '[' | '{' | '\n' => is_within = false,
            _ => {}
        }
        if (c == ',' || c.is_whitespace()) && !is_within {
            pieces.extend(text.get(at + c.len_utf8()..end));
            end = at;
        }
    }
    pieces.extend(text.get(..end));
    pieces.retain(|piece| !piece.is_empty());
    pieces.reverse();
    pieces
}

struct Targets<'a> {
    inventory: &'a Inventory,
    steps: &'a mut Steps,
    /// Made when one is first asked for.
    aliases: Option<HashMap<&'a str, usize>>,
    found: Vec<Found>,
}

impl Targets<'_> {
    fn take(&mut self, steps: usize) -> Result<(), String> {
        self.steps.take(steps).map_err(|error| error.to_string())
    }

    /// `resolve_name`.
    fn resolve(&mut self, name: &str) -> Result<(), String> {
        self.take(1)?;
        let inventory = self.inventory;
        if let Some(group) = inventory.group_index(name) {
            return self.members(group);
        }
        if name == "all" {
            return self.all();
        }
        if let Some(index) = inventory.node_index(name).or_else(|| self.alias(name)) {
            self.found.push(Found::Known(index));
            return Ok(());
        }
        // An address of version 6 in a URI has brackets that are no wildcard.
        let is_glob = name.contains(['*', '?', '[', ']', '{', '}']) && !has_scheme(name);
        if is_glob { self.globbed(name) } else { self.made(name) }
    }

    /// Bolt makes a target of every name.
    fn made(&mut self, name: &str) -> Result<(), String> {
        let mut node = node_of(name).map_err(|error| error.to_string())?;
        if name == "localhost" {
            node.endpoint.transport = PluginName::new("local").ok();
        }
        self.found.push(Found::New(Box::new(node)));
        Ok(())
    }

    fn globbed(&mut self, name: &str) -> Result<(), String> {
        let globs: Vec<Glob> =
            alternatives(name)?.iter().map(|text| Glob::new(text, Rules::Ruby)).collect::<Result<_, _>>()?;
        let inventory = self.inventory;
        let (groups, nodes) = (inventory.groups(), inventory.nodes());
        self.take(globs.len().saturating_mul(comparing(groups.len() + 2 * nodes.len())))?;
        let matches = |name: &str| globs.iter().any(|glob| glob.is_match(name));
        let before = self.found.len();
        if matches("all") && inventory.group_index("all").is_none() {
            self.all()?;
        }
        for (index, group) in groups.iter().enumerate() {
            if matches(group.name.as_str()) {
                self.members(index)?;
            }
        }
        let by = |wanted: &dyn Fn(&Node) -> bool| -> Vec<Found> {
            let nodes = nodes.iter().enumerate().filter(|(_, node)| wanted(node));
            nodes.map(|(index, _)| Found::Known(index)).collect()
        };
        self.found.extend(by(&|node| matches(node.id.as_str())));
        self.found.extend(by(&|node| node.aliases.iter().any(|alias| matches(alias.as_str()))));
        if self.found.len() == before {
            return Err(format!("found 0 targets matching wildcard pattern {name}"));
        }
        Ok(())
    }

    fn all(&mut self) -> Result<(), String> {
        let count = self.inventory.nodes().len();
        self.take(count)?;
        self.found.extend((0..count).map(Found::Known));
        Ok(())
    }

    /// The members of a group: its own, then those of the groups below it one after the other.
    fn members(&mut self, group: usize) -> Result<(), String> {
        let membership = self.inventory.membership();
        self.take(membership.count(group))?;
        self.found.extend(membership.all_of(group).into_iter().map(Found::Known));
        Ok(())
    }

    fn alias(&mut self, name: &str) -> Option<usize> {
        let inventory = self.inventory;
        let aliases = self.aliases.get_or_insert_with(|| {
            let nodes = inventory.nodes().iter().enumerate();
            nodes
                .flat_map(|(index, node)| node.aliases.iter().map(move |alias| (alias.as_str(), index)))
                .collect()
        });
        aliases.get(name).copied()
    }
}

/// The patterns that `{a,b}` stands for, as `File.fnmatch` with `FNM_EXTGLOB` makes them: braces may stand within each
/// other; a pattern whose braces do not match stands for none.
fn alternatives(pattern: &str) -> Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.chars().collect::<Vec<char>>()];
    // Each turn takes away a pair of braces.
    while let Some(pattern) = open.pop() {
        if open.len() + done.len() > MAX_ALTERNATIVES {
            return Err(format!("stands for more than {MAX_ALTERNATIVES} patterns"));
        }
        match braces(&pattern) {
            Braces::None => done.push(pattern.into_iter().collect()),
            Braces::Unbalanced => {}
            Braces::Pair { first, last } => {
                let (before, rest) = pattern.split_at(first);
                let inside = rest.get(1..last - first).unwrap_or_default();
                let after = pattern.get(last + 1..).unwrap_or_default();
                // Taken from the end, so that the first alternative is looked at first.
                for part in split_alternatives(inside).into_iter().rev() {
                    open.push(before.iter().chain(part).chain(after).copied().collect());
                }
            }
        }
    }
    Ok(done)
}

enum Braces {
    None,
    Unbalanced,
    Pair { first: usize, last: usize },
}

/// The first pair of braces that is not within others.
fn braces(pattern: &[char]) -> Braces {
    let (mut nesting, mut first) = (0usize, None);
    let mut chars = pattern.iter().enumerate();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '{' => {
                if nesting == 0 {
                    first = Some(at);
                }
                nesting += 1;
            }
            '}' => {
                nesting = nesting.saturating_sub(1);
                if let (0, Some(first)) = (nesting, first) {
                    return Braces::Pair { first, last: at };
                }
            }
            _ => {}
        }
    }
    if first.is_some() { Braces::Unbalanced } else { Braces::None }
}

/// At commas that are not within further braces.
fn split_alternatives(inside: &[char]) -> Vec<&[char]> {
    let (mut parts, mut start, mut nesting) = (Vec::new(), 0, 0usize);
    let mut chars = inside.iter().enumerate();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '{' => nesting += 1,
            '}' => nesting = nesting.saturating_sub(1),
            ',' if nesting == 0 => {
                parts.extend(inside.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(inside.get(start..));
    parts
}

#[cfg(test)]
#[path = "bolt_tests.rs"]
mod tests;
