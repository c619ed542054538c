//! Lists of hosts: [`hosts_list`], one text with commas, and [`hosts_file`], one such list a line.

use std::collections::HashSet;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::Node;
use pabawi_domain::ports::InventorySnapshot;

use crate::destination::{is_bracketed_address, node_of};
use crate::nodeset::{MAX_NODES, NodeSetError, Pattern, fold, split_terms};
use crate::source::{Problem, SourceError};

/// At most so many faults are told.
const MAX_PROBLEMS: usize = 20;

/// Nodes of a comma list of names, ranges and destinations `[user@]host[:port]`. A comma at the end is
/// allowed. A node that is named twice comes once, with a warning.
///
/// # Errors
/// [`SourceError::Invalid`] with every fault, under the source's `name`.
pub fn hosts_list(name: &str, text: &str) -> Result<InventorySnapshot, SourceError> {
    let mut hosts = Hosts::default();
    hosts.line(0, text);
    hosts.finish(name)
}

/// Nodes of a file: each line is a list as for [`hosts_list`]. `#` starts a comment, empty lines are
/// passed over; a byte order mark and CRLF are understood.
///
/// # Errors
/// As for [`hosts_list`], with the lines.
pub fn hosts_file(name: &str, text: &str) -> Result<InventorySnapshot, SourceError> {
    let mut hosts = Hosts::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, number) in text.lines().zip(1u64..) {
        let content = line.split('#').next().unwrap_or_default();
        if !content.trim().is_empty() {
            hosts.line(number, content);
        }
    }
    hosts.finish(name)
}

#[derive(Default)]
struct Hosts {
    nodes: Vec<Node>,
    seen: HashSet<NodeId>,
    twice: Vec<NodeId>,
    problems: Vec<Problem>,
}

impl Hosts {
    /// Takes one list. `line` is 0 where there are no lines.
    fn line(&mut self, line: u64, text: &str) {
        let terms = split_terms(text);
        let count = terms.len();
        for (index, (column, term)) in terms.into_iter().enumerate() {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            let is_end = index + 1 == count && count > 1;
            if let Err(message) = self.term(term, column, is_end) {
                let column = u64::try_from(column).unwrap_or_default();
                self.problems.push(Problem { line, column, field: String::new(), message });
            }
        }
    }

    fn term(&mut self, term: &str, column: usize, is_end: bool) -> Result<(), String> {
        if term.is_empty() {
            return if is_end { Ok(()) } else { Err("a host name is missing".to_owned()) };
        }
        if is_bracketed_address(term) {
            self.add(node_of(term).map_err(|error| error.to_string())?);
            return Ok(());
        }
        let pattern = Pattern::parse(term).map_err(|error| error.shifted(column - 1).to_string())?;
        let left = MAX_NODES.saturating_sub(self.nodes.len() as u64);
        let names = pattern.expand(left).map_err(|error: NodeSetError| error.to_string())?;
        for name in names {
            self.add(node_of(&name).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn add(&mut self, node: Node) {
        if self.seen.insert(node.id.clone()) {
            self.nodes.push(node);
        } else {
            self.twice.push(node.id);
        }
    }

    fn finish(mut self, name: &str) -> Result<InventorySnapshot, SourceError> {
        if self.problems.is_empty() && self.nodes.is_empty() {
            self.problems.push(Problem {
                line: 0,
                column: 0,
                field: String::new(),
                message: "names no host".to_owned(),
            });
        }
        if !self.problems.is_empty() {
            return Err(SourceError::Invalid { name: name.to_owned(), problems: self.problems });
        }
        let warnings = if self.twice.is_empty() {
            Vec::new()
        } else {
            vec![format!("{} named more than once, taken once", fold(&self.twice))]
        };
        Ok(InventorySnapshot { nodes: self.nodes, warnings, ..InventorySnapshot::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(snapshot: &InventorySnapshot) -> Vec<&str> {
        snapshot.nodes.iter().map(|node| node.id.as_str()).collect()
    }

    #[test]
    fn a_list_takes_names_ranges_and_destinations() {
        let snapshot = hosts_list("--hosts", "web[1-2], root@db1:2222,[::1]:22,").unwrap();
        assert_eq!(ids(&snapshot), ["web1", "web2", "root@db1:2222", "::1/22"]);
        assert_eq!(snapshot.nodes[2].endpoint.port, Some(2222));
        let snapshot = hosts_list("--hosts", "root@n[1-2]:22").unwrap();
        assert_eq!(ids(&snapshot), ["root@n1:22", "root@n2:22"]);
    }

    #[test]
    fn doubles_come_once_and_are_told() {
        let snapshot = hosts_list("--hosts", "a,b,a,b,a").unwrap();
        assert_eq!(ids(&snapshot), ["a", "b"]);
        assert_eq!(snapshot.warnings, ["a,b named more than once, taken once"]);
    }

    #[test]
    fn a_file_may_come_from_any_editor() {
        let text = "\u{feff}# fleet\r\nweb[01-02]  # front\r\n\r\n  db1,db2\r\n\tmail";
        assert_eq!(ids(&hosts_file("f", text).unwrap()), ["web01", "web02", "db1", "db2", "mail"]);
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let error = hosts_file("hosts.txt", "ok\na b\nx,,y\n-oProxy\nn[9-1]\nu@h:0\n").unwrap_err();
        let SourceError::Invalid { problems, .. } = &error else { panic!("{error}") };
        let lines: Vec<u64> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6], "{error}");
        assert!(error.to_string().starts_with("hosts.txt: line 2 column 1: "), "{error}");
        for empty in ["", "\n# only a comment\n"] {
            assert!(hosts_file("f", empty).unwrap_err().to_string().contains("names no host"));
        }
        let error = hosts_list("--hosts", "a,,b").unwrap_err().to_string();
        assert!(error.contains("column 3") || error.contains("missing"), "{error}");
        assert!(hosts_list("--hosts", "n[1-999999999]").unwrap_err().to_string().contains("at most 1000000"));
        assert!(hosts_list("--hosts", "a\0b").unwrap_err().to_string().contains("NUL"));
    }
}
