//! From [`Expression`] to targets: [`evaluate`] looks the names up in an [`Inventory`].

use std::collections::HashSet;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Node, NodeGroup, Target};
use pabawi_domain::validation::ValidationError;

use crate::Inventory;
use crate::destination::node_of;
use crate::expression::ast::{Expression, Selector, Term};
use crate::expression::glob::{is_glob, matches};
use crate::nodeset::{MAX_NODES, Pattern, fold};
use crate::similar::suggestion;

/// At most so many errors are told, and so many unknown names of one term are looked at for close ones.
const MAX_ERRORS: usize = 20;

/// What a name means that is in no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownNames {
    /// It is an error.
    Refused,
    /// It is a node, reached under that name or as the destination that it spells.
    AreNodes,
}

/// The targets of an expression, each node once, in the order of first appearance.
///
/// # Errors
/// [`ValidationError`] on the field `targets`, with every unknown node and group, every glob and group that
/// selects nothing, and every name that is not allowed.
pub fn evaluate(
    expression: &Expression,
    inventory: &Inventory,
    unknown: UnknownNames,
) -> Result<Vec<Target>, ValidationError> {
    let mut evaluation = Evaluation {
        inventory,
        unknown,
        targets: Vec::new(),
        seen: HashSet::new(),
        errors: ValidationError::default(),
    };
    let terms = std::iter::once(&expression.first).chain(expression.rest.iter().map(|(_, term)| term));
    for term in terms {
        evaluation.term(term);
        if evaluation.errors.fields.len() >= MAX_ERRORS {
            break;
        }
    }
    evaluation.errors.into_result()?;
    Ok(evaluation.targets)
}

struct Evaluation<'a> {
    inventory: &'a Inventory,
    unknown: UnknownNames,
    targets: Vec<Target>,
    seen: HashSet<NodeId>,
    errors: ValidationError,
}

impl Evaluation<'_> {
    fn term(&mut self, term: &Term) {
        match &term.selector {
            Selector::Names(pattern) => self.names(term, pattern),
            Selector::Destination(text) => match node_of(text) {
                Ok(node) => self.named(term, node),
                Err(error) => self.error(term, error.to_string()),
            },
            Selector::Glob(pattern) => self.globs(term, pattern),
            Selector::Groups(pattern) => self.groups(term, pattern),
            Selector::GroupNamed(name) => self.group(term, name),
            Selector::All => self.all(term),
        }
    }

    fn names(&mut self, term: &Term, pattern: &Pattern) {
        let Some(names) = self.expand(term, pattern) else { return };
        let mut unknown = Vec::new();
        for name in names {
            if let Some(node) = self.inventory.node(&name) {
                self.select(node);
                continue;
            }
            match self.unknown {
                UnknownNames::AreNodes => match node_of(&name) {
                    Ok(node) => self.select(&node),
                    Err(error) => self.error(term, error.to_string()),
                },
                UnknownNames::Refused => match NodeId::new(&name) {
                    Ok(id) => unknown.push(id),
                    Err(error) => self.error(term, error.to_string()),
                },
            }
            if self.errors.fields.len() >= MAX_ERRORS {
                return;
            }
        }
        self.unknown_nodes(term, &unknown);
    }

    /// A node whose way is known from the term itself.
    fn named(&mut self, term: &Term, node: Node) {
        match (self.inventory.node(node.id.as_str()), self.unknown) {
            (Some(known), _) => self.select(known),
            (None, UnknownNames::AreNodes) => self.select(&node),
            (None, UnknownNames::Refused) => self.unknown_nodes(term, &[node.id]),
        }
    }

    fn unknown_nodes(&mut self, term: &Term, unknown: &[NodeId]) {
        let Some(first) = unknown.first() else { return };
        let mut shown: String = fold(unknown).chars().take(200).collect();
        if shown.len() >= 200 {
            shown.push('…');
        }
        let known = self.inventory.nodes().iter().map(|node| node.id.as_str());
        let hint = suggestion(first.as_str(), known);
        let what = if unknown.len() == 1 { "unknown node" } else { "unknown nodes" };
        let group = self.inventory.group(first.as_str()).map_or_else(String::new, |group| {
            format!("; there is a group of that name, written @{}", group.name)
        });
        self.error(term, format!("{what} {shown}: in no source{}{hint}{group}", self.source_names()));
    }

    fn source_names(&self) -> String {
        let sources = self.inventory.sources();
        if sources.is_empty() { String::new() } else { format!(" ({})", sources.join(", ")) }
    }

    fn globs(&mut self, term: &Term, pattern: &Pattern) {
        for glob in self.expand(term, pattern).unwrap_or_default() {
            let mut found = false;
            for node in self.inventory.nodes() {
                if matches(&glob, node.id.as_str()) {
                    found = true;
                    self.select(node);
                }
            }
            if !found {
                let why = self.without_inventory().unwrap_or("matches no node of the inventory");
                self.error(term, format!("{glob} {why}"));
            }
        }
    }

    fn groups(&mut self, term: &Term, pattern: &Pattern) {
        for name in self.expand(term, pattern).unwrap_or_default() {
            if !is_glob(&name) {
                self.group(term, &name);
                continue;
            }
            let inventory = self.inventory;
            let found: Vec<&NodeGroup> =
                inventory.groups().iter().filter(|group| matches(&name, group.name.as_str())).collect();
            if found.is_empty() {
                let why = self.without_inventory().unwrap_or("matches no group of the inventory");
                self.error(term, format!("@{name} {why}"));
            }
            for group in found {
                self.members(group);
            }
        }
    }

    fn group(&mut self, term: &Term, name: &str) {
        let inventory = self.inventory;
        match inventory.group(name) {
            Some(group) if !self.members(group) => self.error(term, format!("group @{name} has no members")),
            Some(_) => {}
            None => {
                let known = inventory.groups().iter().map(|group| group.name.as_str());
                let hint = suggestion(name, known);
                let why = self.without_inventory().unwrap_or("no source has it");
                self.error(term, format!("unknown group @{name}: {why}{hint}"));
            }
        }
    }

    /// Selects the members; `false` when there are none.
    fn members(&mut self, group: &NodeGroup) -> bool {
        let members = self.inventory.members(group);
        for node in &members {
            self.select(node);
        }
        !members.is_empty()
    }

    fn all(&mut self, term: &Term) {
        let inventory = self.inventory;
        for node in inventory.nodes() {
            self.select(node);
        }
        if inventory.nodes().is_empty() {
            let why = self.without_inventory().unwrap_or("selects nothing: the inventory has no nodes");
            self.error(term, format!("'all' {why}"));
        }
    }

    fn without_inventory(&self) -> Option<&'static str> {
        self.inventory.sources().is_empty().then_some("needs an inventory, and none was given")
    }

    fn expand(&mut self, term: &Term, pattern: &Pattern) -> Option<Vec<String>> {
        let left = MAX_NODES.saturating_sub(self.targets.len() as u64);
        pattern.expand(left).map_err(|error| self.error(term, error.to_string())).ok()
    }

    fn select(&mut self, node: &Node) {
        if self.seen.insert(node.id.clone()) {
            self.targets.push(Target::new(node.id.clone(), node.endpoint.clone()));
        }
    }

    fn error(&mut self, term: &Term, message: String) {
        self.errors.push("targets", format!("{message} (at column {})", term.column));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pabawi_domain::id::GroupName;
    use pabawi_domain::ports::InventorySnapshot;
    use proptest::prelude::*;

    use super::*;

    fn inventory() -> Inventory {
        let ids = |names: &[&str]| names.iter().map(|name| NodeId::new(name).unwrap()).collect::<Vec<_>>();
        let group = |name: &str, nodes: &[&str], children: &[&str]| NodeGroup {
            name: GroupName::new(name).unwrap(),
            sources: vec![],
            nodes: ids(nodes),
            children: children.iter().map(|name| GroupName::new(name).unwrap()).collect(),
            metadata: BTreeMap::new(),
        };
        let nodes = ids(&["web01", "web02", "web03", "db1", "db2"]).into_iter().map(Node::named).collect();
        let groups = vec![
            group("web", &["web01", "web02", "web03"], &[]),
            group("db", &["db1", "db2"], &[]),
            group("site, all of it", &[], &["db", "web"]),
            group("empty", &[], &[]),
        ];
        let snapshot = InventorySnapshot { nodes, groups, ..InventorySnapshot::default() };
        Inventory::merge(vec![("test".into(), 0, snapshot)])
    }

    fn select(text: &str) -> Result<Vec<String>, ValidationError> {
        let expression = Expression::parse(text).unwrap();
        evaluate(&expression, &inventory(), UnknownNames::Refused)
            .map(|targets| targets.iter().map(|target| target.node.to_string()).collect())
    }

    #[test]
    fn every_kind_of_term_selects_in_the_order_of_first_appearance() {
        assert_eq!(select("db2,web[02-03],db2").unwrap(), ["db2", "web02", "web03"]);
        assert_eq!(select("web*,db?").unwrap(), ["web01", "web02", "web03", "db1", "db2"]);
        assert_eq!(select("@db,web01").unwrap(), ["db1", "db2", "web01"]);
        assert_eq!(select("@[web,db]").unwrap(), ["web01", "web02", "web03", "db1", "db2"]);
        assert_eq!(select("@d*").unwrap(), ["db1", "db2"]);
        assert_eq!(select("@\"site, all of it\"").unwrap(), ["db1", "db2", "web01", "web02", "web03"]);
        assert_eq!(select("all").unwrap(), select("*").unwrap());
        assert_eq!(select("\"web01\"").unwrap(), ["web01"]);
    }

    #[test]
    fn what_selects_nothing_is_an_error_and_all_are_told() {
        let error = select("wev01,web[01-05],@bd,@empty,x*,@web").unwrap_err();
        let messages: Vec<&str> = error.fields.iter().map(|field| field.message.as_str()).collect();
        assert_eq!(messages.len(), 5, "{messages:#?}");
        for (message, part) in messages.iter().zip([
            "unknown node wev01: in no source (test); did you mean web01 or web02 or web03? (at column 1)",
            "unknown nodes web[04-05]",
            "unknown group @bd: no source has it; did you mean db?",
            "group @empty has no members",
            "x* matches no node",
        ]) {
            assert!(message.contains(part), "{message} lacks {part}");
        }
        assert!(select("web").unwrap_err().to_string().contains("written @web"));
    }

    #[test]
    fn without_sources_names_are_nodes_and_the_rest_says_what_is_missing() {
        let none = Inventory::default();
        let run = |text: &str| evaluate(&Expression::parse(text).unwrap(), &none, UnknownNames::AreNodes);
        let targets = run("n[1-2],root@n3:2222,[::1]:22").unwrap();
        assert_eq!(targets.len(), 4);
        assert_eq!(targets[0].endpoint, Default::default());
        assert_eq!(targets[2].endpoint.port, Some(2222));
        assert_eq!(targets[3].node.as_str(), "::1/22");
        let error = run("all,@web,w*").unwrap_err();
        assert_eq!(error.fields.len(), 3);
        assert!(error.fields.iter().all(|field| field.message.contains("needs an inventory")), "{error}");
    }

    #[test]
    fn bad_names_are_refused_with_the_reason() {
        let none = Inventory::default();
        for (text, part) in [
            ("-oProxyCommand=x", "start with '-'"),
            ("\"a\nb\"", "line break"),
            ("\"a\u{0}b\"", "NUL"),
            ("a;b", "only letters"),
            ("n[1-999999999]", "at most 1000000"),
        ] {
            let expression = Expression::parse(text).unwrap();
            let error = evaluate(&expression, &none, UnknownNames::AreNodes).unwrap_err();
            assert!(error.to_string().contains(part), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_union_is_the_union(picks in proptest::collection::vec(0usize..7, 1..6)) {
            const TERMS: [&str; 7] = ["web01", "web[01-02]", "@db", "all", "db?", "@web", "\"db2\""];
            let text = picks.iter().map(|pick| TERMS[*pick]).collect::<Vec<_>>().join(",");
            let whole = select(&text).unwrap();
            let mut expected: Vec<String> = Vec::new();
            for pick in &picks {
                for node in select(TERMS[*pick]).unwrap() {
                    if !expected.contains(&node) {
                        expected.push(node);
                    }
                }
            }
            prop_assert_eq!(whole, expected);
        }
    }
}
