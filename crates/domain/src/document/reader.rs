//! [`Reader`]: takes typed fields out of a [`Tree`] and notes every fault with its place and field.

use std::collections::HashSet;

use super::{Data, Key, Problem, Tree};

/// So many faults are told, where nothing else is said.
const USUAL_MOST: usize = 20;

/// Notes faults.
#[derive(Debug)]
pub struct Reader {
    problems: Vec<Problem>,
    most: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self::telling(USUAL_MOST)
    }
}

impl Reader {
    /// Tells at most so many faults.
    pub fn telling(most: usize) -> Self {
        Self { problems: Vec::new(), most }
    }

    /// Notes a fault of a value.
    pub fn fault(&mut self, tree: &Tree, field: &str, message: impl Into<String>) {
        self.at(tree.referenced.line(), tree.referenced.column(), field, message);
    }

    /// Notes a fault of a key.
    pub fn key_fault(&mut self, key: &Key, field: &str, message: impl Into<String>) {
        self.at(key.referenced.line(), key.referenced.column(), field, message);
    }

    fn at(&mut self, line: u64, column: u64, field: &str, message: impl Into<String>) {
        if self.problems.len() < self.most {
            self.problems.push(Problem { line, column, field: field.to_owned(), message: message.into() });
        }
    }

    /// The faults in the order of the document.
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems
    }

    /// The entries of a mapping; an unknown key is a fault that lists the known ones. Nothing counts as an
    /// empty mapping.
    pub fn entries<'a>(&mut self, tree: &'a Tree, field: &str, known: &[&str]) -> Vec<(&'a str, &'a Tree)> {
        let mut entries = Vec::new();
        for (key, value) in self.mapping(tree, field) {
            if known.contains(&key.value.as_str()) {
                entries.push((key.value.as_str(), value));
            } else {
                self.key_fault(
                    key,
                    &join(field, &key.value),
                    format!("unknown key; known are {}", known.join(", ")),
                );
            }
        }
        entries
    }

    /// The entries of a mapping with any keys, each once.
    pub fn mapping<'a>(&mut self, tree: &'a Tree, field: &str) -> Vec<(&'a Key, &'a Tree)> {
        match &tree.value {
            Data::Null => Vec::new(),
            Data::Map(entries) => {
                let mut seen = HashSet::new();
                let mut once = Vec::new();
                for (key, value) in entries {
                    // The reader of YAML refuses doubles; one that comes with a merge key is caught here.
                    if seen.insert(key.value.as_str()) {
                        once.push((key, value));
                    } else {
                        self.key_fault(key, &join(field, &key.value), "given twice");
                    }
                }
                once
            }
            other => {
                self.fault(tree, field, format!("must be a mapping, found {}", other.kind()));
                Vec::new()
            }
        }
    }

    /// A text that is not empty.
    pub fn text(&mut self, tree: &Tree, field: &str) -> Option<String> {
        match &tree.value {
            Data::Text(text) if !text.is_empty() => Some(text.clone()),
            Data::Text(_) => {
                self.fault(tree, field, "must not be empty");
                None
            }
            // A host or a user may look like a number to YAML: `name: 1001`.
            Data::Number(number) => Some(number.to_string()),
            other => {
                self.fault(tree, field, format!("must be a text, found {}", other.kind()));
                None
            }
        }
    }

    /// A text, or a list of texts, with the place of each.
    pub fn texts<'a>(&mut self, tree: &'a Tree, field: &str) -> Vec<(&'a Tree, String)> {
        match &tree.value {
            Data::Null => Vec::new(),
            Data::List(items) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| Some((item, self.text(item, &format!("{field}[{index}]"))?)))
                .collect(),
            _ => self.text(tree, field).map(|text| (tree, text)).into_iter().collect(),
        }
    }

    /// A TCP port.
    pub fn port(&mut self, tree: &Tree, field: &str) -> Option<u16> {
        let port = match &tree.value {
            Data::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            Data::Text(text) => text.parse().ok(),
            _ => None,
        };
        let port = port.filter(|port| *port > 0);
        if port.is_none() {
            self.fault(tree, field, "must be a port from 1 to 65535");
        }
        port
    }
}

/// The field below another.
pub fn join(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}
