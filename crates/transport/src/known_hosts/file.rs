//! One list of known hosts in memory, with an index by name.
//!
//! Main type: [`KnownFile`]. Immutable: a changed file becomes a new value.

use std::collections::HashMap;

use super::line::{Entry, Hosts, parse_line};

/// A parsed list.
#[derive(Debug, Default)]
pub(super) struct KnownFile {
    entries: Vec<Entry>,
    /// Entries that can only be found by their plain names.
    by_name: HashMap<String, Vec<usize>>,
    /// Entries with wildcards, negation or hashed names, which have to be tried one by one.
    others: Vec<usize>,
    /// Line and fault of what could not be read.
    pub(super) broken: Vec<(u32, &'static str)>,
}

impl KnownFile {
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut file = Self::default();
        for (number, raw) in (1_u32..).zip(text.split(|byte| *byte == b'\n')) {
            match parse_line(number, &String::from_utf8_lossy(raw)) {
                Ok(None) => {}
                Ok(Some(entry)) => file.push(entry),
                Err(fault) => file.broken.push((number, fault)),
            }
        }
        file
    }

    fn push(&mut self, entry: Entry) {
        let number = self.entries.len();
        match &entry.hosts {
            Hosts::Names(names) => {
                for name in names {
                    self.by_name.entry(name.clone()).or_default().push(number);
                }
            }
            Hosts::Patterns(_) | Hosts::Hashed(_) => self.others.push(number),
        }
        self.entries.push(entry);
    }

    /// All entries for `name` (in lower case), in file order.
    pub(super) fn entries_for(&self, name: &str) -> Vec<&Entry> {
        let named = self.by_name.get(name).into_iter().flatten();
        let mut numbers: Vec<usize> = named.copied().collect();
        numbers.extend(
            self.others
                .iter()
                .filter(|number| self.entries.get(**number).is_some_and(|entry| entry.hosts.matches(name))),
        );
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().filter_map(|number| self.entries.get(number)).collect()
    }
}
