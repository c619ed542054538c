//! What a single term selects.

use std::rc::Rc;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::Node;

use crate::destination::node_of;
use crate::dialect::Found;
use crate::expression::ast::{GroupRef, Selector, Term};
use crate::expression::eval::{Evaluation, MAX_ERRORS, Nothing, UnknownNames};
use crate::expression::glob::{Glob, is_glob};
use crate::expression::selection::Selection;
use crate::expression::steps::comparing;
use crate::expression::universe::number;
use crate::nodeset::{Part, Pattern, fold};
use crate::similar::suggestion;

/// At most so many unknown names of one term are looked at to tell them.
const MAX_UNKNOWN: usize = 1_000;

impl Evaluation<'_> {
    /// Adds what the term selects to `out`.
    pub(super) fn term(&mut self, term: &Term, nothing: Nothing, out: &mut Selection) {
        if !self.takes(term, 1) {
            return;
        }
        match &term.selector {
            Selector::Names(pattern) => self.names(term, pattern, out),
            Selector::Destination(text) => match node_of(text) {
                Ok(node) => self.named(term, node, out),
                Err(error) => self.error(term, error.to_string()),
            },
            Selector::Glob(pattern) => self.globs(term, pattern, nothing, out),
            Selector::Regex(regex) => {
                self.matching(term, nothing, out, &format!("~{}~", regex.as_str()), |name| {
                    regex.is_match(name)
                });
            }
            Selector::Groups(group) => self.groups(term, group, nothing, out),
            Selector::GroupNamed(group)
                if group.source.is_none() && self.own_group(term, &group.name, nothing, out) => {}
            Selector::GroupNamed(group) => {
                self.group(term, group.source.as_deref(), &group.name, nothing, out);
            }
            Selector::All => self.all(term, nothing, out),
            Selector::Fact(condition) => match self.known.by_fact(condition) {
                Some(nodes) => self.known_nodes(term, nodes, out),
                None => self.error(term, "fact(...) needs facts, and none are kept here".to_owned()),
            },
            Selector::Last(condition) => match self.known.by_last(condition) {
                Some(nodes) => self.known_nodes(term, nodes, out),
                None => self.error(term, "last(...) needs a history, and none is kept here".to_owned()),
            },
            Selector::Foreign(dialect, text) => {
                match dialect.select(text, self.universe.inventory, &mut self.steps) {
                    Ok(found) => {
                        for found in found {
                            let number = match found {
                                Found::Known(index) => number(index),
                                Found::New(node) => self.universe.number_of(*node),
                            };
                            out.add(number);
                        }
                    }
                    Err(reason) => self.error(term, format!("{}(...): {reason}", dialect.as_str())),
                }
            }
            // What stands before it must not take part in what happens within the parentheses.
            Selector::Nested(inner) if out.len() == 0 => self.expression(inner, nothing, out),
            Selector::Nested(inner) => {
                let mut selection = self.empty();
                self.expression(inner, nothing, &mut selection);
                if self.takes(term, selection.len()) {
                    out.extend(selection.iter());
                }
                self.give_back(selection);
            }
        }
    }

    fn names(&mut self, term: &Term, pattern: &Pattern, out: &mut Selection) {
        let (mut unknown, mut beyond) = (Vec::new(), 0usize);
        let mut bad = Vec::new();
        let most = self.take_names(pattern);
        let expanded = pattern.each_name(most, |name| {
            if let Some(known) = self.universe.find(name) {
                out.add(known);
                return Ok(());
            }
            let made = match self.unknown {
                UnknownNames::AreNodes => {
                    node_of(name).map(|node| out.add(self.universe.number_of(node))).err()
                }
                UnknownNames::Refused if unknown.len() >= MAX_UNKNOWN => {
                    beyond += 1;
                    None
                }
                UnknownNames::Refused => NodeId::new(name).map(|id| unknown.push(id)).err(),
                UnknownNames::AreNothing => None,
            };
            bad.extend(made.filter(|_| bad.len() < MAX_ERRORS).map(|error| error.to_string()));
            Ok(())
        });
        if let Err(error) = expanded {
            self.error(term, error.to_string());
        }
        for message in bad {
            self.error(term, message);
        }
        self.unknown_nodes(term, &unknown, beyond);
    }

    /// A node whose way is known from the term itself.
    fn named(&mut self, term: &Term, node: Node, out: &mut Selection) {
        match (self.universe.find(node.id.as_str()), self.unknown) {
            (Some(known), _) => {
                out.add(known);
            }
            (None, UnknownNames::AreNodes) => {
                out.add(self.universe.number_of(node));
            }
            (None, UnknownNames::Refused) => self.unknown_nodes(term, &[node.id], 0),
            (None, UnknownNames::AreNothing) => {}
        }
    }

    fn unknown_nodes(&mut self, term: &Term, unknown: &[NodeId], beyond: usize) {
        let Some(first) = unknown.first() else { return };
        let inventory = self.universe.inventory;
        let mut shown: String = fold(unknown).chars().take(200).collect();
        if shown.len() >= 200 || beyond > 0 {
            shown.push('…');
        }
        let known = inventory.nodes().iter().map(|node| node.id.as_str());
        let hint = suggestion(first.as_str(), known);
        let what = if unknown.len() == 1 { "unknown node" } else { "unknown nodes" };
        let group = inventory.group(first.as_str()).map_or_else(String::new, |group| {
            format!("; there is a group of that name, written @{}", group.name)
        });
        let sources = inventory.sources();
        let sources = if sources.is_empty() { String::new() } else { format!(" ({})", sources.join(", ")) };
        self.error(term, format!("{what} {shown}: in no source{sources}{hint}{group}"));
    }

    fn globs(&mut self, term: &Term, pattern: &Pattern, nothing: Nothing, out: &mut Selection) {
        for text in self.expand(term, pattern) {
            match Glob::new(&text) {
                Ok(glob) => self.matching(term, nothing, out, &text, |name| glob.is_match(name)),
                Err(reason) => self.error(term, format!("{text} {reason}")),
            }
            if self.errors.fields.len() >= MAX_ERRORS {
                return;
            }
        }
    }

    fn matching(
        &mut self,
        term: &Term,
        nothing: Nothing,
        out: &mut Selection,
        shown: &str,
        matches: impl Fn(&str) -> bool,
    ) {
        let nodes = self.universe.inventory.nodes();
        if !self.takes(term, comparing(nodes.len())) {
            return;
        }
        let mut found = false;
        for (node, number) in nodes.iter().zip(0u32..) {
            if matches(node.id.as_str()) {
                found = true;
                out.add(number);
            }
        }
        if !found {
            self.nothing(term, nothing, || format!("{shown} matches no node of the inventory"), shown);
        }
    }

    fn groups(&mut self, term: &Term, group: &GroupRef<Pattern>, nothing: Nothing, out: &mut Selection) {
        let source = group.source.as_deref();
        // Own groups are meant by their plain names, which is what tells beforehand what they are made of.
        if let ([Part::Literal(name)], None) = (group.name.parts(), source)
            && self.own_group(term, name, nothing, out)
        {
            return;
        }
        for name in self.expand(term, &group.name) {
            if is_glob(&name) {
                self.group_glob(term, source, &name, nothing, out);
            } else {
                self.group(term, source, &name, nothing, out);
            }
            if self.errors.fields.len() >= MAX_ERRORS {
                return;
            }
        }
    }

    fn group_glob(
        &mut self,
        term: &Term,
        source: Option<&str>,
        text: &str,
        nothing: Nothing,
        out: &mut Selection,
    ) {
        if !self.has_source(term, source) {
            return;
        }
        let glob = match Glob::new(text) {
            Ok(glob) => glob,
            Err(reason) => return self.error(term, format!("@{text} {reason}")),
        };
        let groups = self.universe.inventory.groups();
        if !self.takes(term, comparing(groups.len())) {
            return;
        }
        let mut found = false;
        for (index, group) in groups.iter().enumerate() {
            let name = group.name.as_str();
            if glob.is_match(name) && self.members(term, source, index, name, out).is_some() {
                found = true;
            }
        }
        if !found {
            let shown = group_text(source, text);
            self.nothing(term, nothing, || format!("{shown} matches no group of the inventory"), &shown);
        }
    }

    fn group(
        &mut self,
        term: &Term,
        source: Option<&str>,
        name: &str,
        nothing: Nothing,
        out: &mut Selection,
    ) {
        let inventory = self.universe.inventory;
        if !self.has_source(term, source) {
            return;
        }
        let members =
            inventory.group_index(name).and_then(|index| self.members(term, source, index, name, out));
        let shown = group_text(source, name);
        match members {
            Some(0) => self.nothing(term, nothing, || format!("group {shown} has no members"), &shown),
            Some(_) => {}
            None if inventory.sources().is_empty() => {
                self.error(term, format!("unknown group {shown}: needs an inventory, and none was given"));
            }
            None => {
                let of_source = |group: &&pabawi_domain::node::NodeGroup| {
                    source.is_none_or(|source| group.sources.iter().any(|known| known == source))
                };
                let known = inventory.groups().iter().filter(of_source).map(|group| group.name.as_str());
                let hint = suggestion(name, known);
                let why = match source {
                    Some(_) => "that source does not have it",
                    None => "no source has it",
                };
                self.error(term, format!("unknown group {shown}: {why}{hint}"));
            }
        }
    }

    /// Adds what an own group of that name selects; `false` when there is none. It is evaluated once, however often it is
    /// named.
    fn own_group(&mut self, term: &Term, name: &str, nothing: Nothing, out: &mut Selection) -> bool {
        let known = self.known;
        let Some(expression) = known.groups().get(name) else { return false };
        let members = match self.own.get(name) {
            Some(members) => Rc::clone(members),
            None => {
                let mut selection = self.empty();
                // What is no error within the group is none for who names it.
                let before = self.errors.fields.len();
                let inside = match self.unknown {
                    UnknownNames::AreNothing => Nothing::IsFine,
                    _ => Nothing::IsRefused,
                };
                self.expression(expression, inside, &mut selection);
                for error in self.errors.fields.iter_mut().skip(before) {
                    error.message.push_str(&format!(", in the own group @{name}"));
                }
                let members: Rc<[u32]> = selection.iter().collect();
                self.give_back(selection);
                self.own.insert(name.to_owned(), Rc::clone(&members));
                members
            }
        };
        if members.is_empty() {
            let shown = group_text(None, name);
            self.nothing(term, nothing, || format!("group {shown} has no members"), &shown);
        } else if self.takes(term, members.len()) {
            out.extend(members.iter().copied());
        }
        true
    }

    /// Adds the members of a group and says how many it has, or `None` when the source has no such group.
    fn members(
        &mut self,
        term: &Term,
        source: Option<&str>,
        index: usize,
        name: &str,
        out: &mut Selection,
    ) -> Option<usize> {
        let inventory = self.universe.inventory;
        let members = match source {
            Some(source) => inventory.members_in_source(source, name)?,
            None => {
                let membership = inventory.membership();
                if !self.takes(term, membership.count(index)) {
                    return Some(1);
                }
                membership.all_of(index)
            }
        };
        if source.is_some() && !self.takes(term, members.len()) {
            return Some(1);
        }
        out.extend(members.iter().map(|index| number(*index)));
        Some(members.len())
    }

    fn has_source(&mut self, term: &Term, source: Option<&str>) -> bool {
        let Some(source) = source else { return true };
        let sources = self.universe.inventory.sources();
        if sources.iter().any(|known| known == source) {
            return true;
        }
        let message = if sources.is_empty() {
            format!("@{source}:... needs an inventory, and none was given")
        } else {
            format!("unknown source {source:?}; there are {}", sources.join(", "))
        };
        self.error(term, message);
        false
    }

    fn all(&mut self, term: &Term, nothing: Nothing, out: &mut Selection) {
        let count = self.universe.inventory.nodes().len();
        if count == 0 {
            let message = || "'all' selects nothing: the inventory has no nodes".to_owned();
            return self.nothing(term, nothing, message, "'all'");
        }
        if self.takes(term, count) {
            out.extend(0..number(count));
        }
    }

    /// Nodes that are named by facts or by the history: those of the inventory in its order, then others by name.
    fn known_nodes(&mut self, term: &Term, nodes: &[NodeId], out: &mut Selection) {
        if !self.takes(term, nodes.len()) {
            return;
        }
        let mut known = Vec::with_capacity(nodes.len());
        let mut others = Vec::new();
        for id in nodes {
            match self.universe.find(id.as_str()) {
                Some(number) => known.push(number),
                None if self.unknown == UnknownNames::AreNodes => others.push(id),
                // It has left the inventory since.
                None => {}
            }
        }
        known.sort_unstable();
        out.extend(known);
        others.sort_unstable();
        for id in others {
            // A name that spells no way to a node cannot be run on.
            if let Ok(node) = node_of(id.as_str()) {
                out.add(self.universe.number_of(node));
            }
        }
    }

    /// Something selects nothing.
    fn nothing(&mut self, term: &Term, nothing: Nothing, message: impl Fn() -> String, shown: &str) {
        if self.universe.inventory.sources().is_empty() {
            self.error(term, format!("{shown} needs an inventory, and none was given"));
        } else if nothing == Nothing::IsRefused {
            self.error(term, message());
        }
    }

    /// The names of a pattern, or an error and none.
    fn expand(&mut self, term: &Term, pattern: &Pattern) -> Vec<String> {
        let most = self.take_names(pattern);
        pattern.expand(most).map_err(|error| self.error(term, error.to_string())).unwrap_or_default()
    }

    /// How many names this pattern may have; the whole expression has room for no more than an inventory.
    fn take_names(&mut self, pattern: &Pattern) -> u64 {
        let most = self.names_left;
        self.names_left = most.saturating_sub(pattern.count().unwrap_or(u64::MAX));
        most
    }
}

fn group_text(source: Option<&str>, name: &str) -> String {
    source.map_or_else(|| format!("@{name}"), |source| format!("@{source}:{name}"))
}
