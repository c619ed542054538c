//! [`expand`]: from a comma list of patterns to names.

use std::collections::HashSet;

use pabawi_domain::id::NodeId;

use crate::nodeset::{NodeSetError, Pattern};

/// The most nodes one expression, list or inventory may name.
pub const MAX_NODES: u64 = 1_000_000;

/// The names of a comma list of patterns, each once, in the order of their first appearance.
///
/// # Errors
/// [`NodeSetError`] for the first fault; columns count characters of `text` from 1.
pub fn expand(text: &str) -> Result<Vec<NodeId>, NodeSetError> {
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    let mut left = MAX_NODES;
    for (column, term) in split_terms(text) {
        if term.is_empty() {
            return Err(NodeSetError::EmptyTerm { column });
        }
        let pattern = Pattern::parse(term).map_err(|error| error.shifted(column - 1))?;
        let most = left;
        left = left.saturating_sub(pattern.count().unwrap_or(u64::MAX));
        pattern.each_name(most, |name| {
            let name = NodeId::new(name)?;
            if seen.insert(name.clone()) {
                names.push(name);
            }
            Ok(())
        })?;
    }
    Ok(names)
}

/// Splits at commas outside of brackets. Each term comes trimmed, with the column (from 1, in characters) at
/// which it begins.
pub fn split_terms(text: &str) -> Vec<(usize, &str)> {
    let mut terms = Vec::new();
    let mut depth = 0usize;
    let (mut start, mut start_column) = (0, 1);
    let mut column = 0;
    for (at, c) in text.char_indices() {
        column += 1;
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                terms.push(trimmed(text.get(start..at).unwrap_or_default(), start_column));
                start = at + 1;
                start_column = column + 1;
            }
            _ => {}
        }
    }
    terms.push(trimmed(text.get(start..).unwrap_or_default(), start_column));
    terms
}

fn trimmed(term: &str, column: usize) -> (usize, &str) {
    let without_lead = term.trim_start();
    let lead = term.chars().count() - without_lead.chars().count();
    (column + lead, without_lead.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_once_in_the_order_of_first_appearance() {
        let names: Vec<String> = expand("b, a[1-2],b,a2").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["b", "a1", "a2"]);
    }

    #[test]
    fn columns_count_in_the_whole_list() {
        assert_eq!(expand("ok, web[3-1]").unwrap_err().column(), Some(9));
        assert_eq!(expand("a,,b").unwrap_err(), NodeSetError::EmptyTerm { column: 3 });
        assert!(matches!(expand("a;b").unwrap_err(), NodeSetError::Name(_)));
    }

    #[test]
    fn the_limit_holds_over_the_whole_list() {
        assert!(matches!(
            expand("a[1-600000],b[1-600000]").unwrap_err(),
            NodeSetError::TooMany { count: Some(600_000) }
        ));
    }
}
