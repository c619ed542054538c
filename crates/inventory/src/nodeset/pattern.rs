//! [`Pattern`]: one term of a node set, `web[01-20/2]-[a,b]`.

use crate::nodeset::item::Item;
use crate::nodeset::{MAX_NODES, NodeSetError};

/// One term of a node set. Parsing does not expand it, so that its size is known before memory is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// A piece of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stands in every name.
    Literal(String),
    /// One of these stands in each name.
    Choice(Vec<Item>),
}

impl Pattern {
    /// Reads a term.
    ///
    /// # Errors
    /// [`NodeSetError`] with the column of the first fault.
    pub fn parse(text: &str) -> Result<Self, NodeSetError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        // (column of '[', column of the item's first character, its text, items before it)
        let mut bracket: Option<(usize, usize, String, Vec<Item>)> = None;
        for (index, c) in text.chars().enumerate() {
            let column = index + 1;
            match (&mut bracket, c) {
                (None, '[') => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    bracket = Some((column, column + 1, String::new(), Vec::new()));
                }
                (None, ']') | (Some(_), '[') => return Err(NodeSetError::Unexpected { found: c, column }),
                (None, c) => literal.push(c),
                (Some((_, start, item, items)), ',') => {
                    items.push(Item::parse(item.trim(), *start)?);
                    item.clear();
                    *start = column + 1;
                }
                (Some((_, start, item, items)), ']') => {
                    items.push(Item::parse(item.trim(), *start)?);
                    parts.push(Part::Choice(std::mem::take(items)));
                    bracket = None;
                }
                (Some((_, _, item, _)), c) => item.push(c),
            }
        }
        if let Some((column, ..)) = bracket {
            return Err(NodeSetError::Unclosed { column });
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    /// The text itself, whatever characters it holds.
    pub fn literal(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Literal(text.into())] }
    }

    /// Its pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// How many names it stands for; `None` when that is more than 64 bits can count.
    pub fn count(&self) -> Option<u64> {
        self.parts.iter().try_fold(1u64, |product, part| match part {
            Part::Literal(_) => Some(product),
            Part::Choice(items) => {
                let sum = items.iter().try_fold(0u64, |sum, item| sum.checked_add(item.count()))?;
                product.checked_mul(sum)
            }
        })
    }

    /// Every name, the last bracket counting fastest.
    ///
    /// # Errors
    /// [`NodeSetError::TooMany`] at once, before anything is expanded, when there are more than `most` or
    /// more than [`MAX_NODES`].
    pub fn expand(&self, most: u64) -> Result<Vec<String>, NodeSetError> {
        let count = self.count();
        match count {
            Some(n) if n <= most.min(MAX_NODES) => {}
            _ => return Err(NodeSetError::TooMany { count }),
        }
        let mut names = vec![String::new()];
        // The product of the parts' sizes is the count checked above, so no list grows past it.
        for part in &self.parts {
            match part {
                Part::Literal(text) => names.iter_mut().for_each(|name| name.push_str(text)),
                Part::Choice(items) => {
                    let mut longer = Vec::new();
                    for name in &names {
                        for item in items {
                            for index in 0..item.count() {
                                let mut next = name.clone();
                                item.write(index, &mut next);
                                longer.push(next);
                            }
                        }
                    }
                    names = longer;
                }
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        Pattern::parse(text).unwrap().expand(MAX_NODES).unwrap()
    }

    #[test]
    fn ranges_steps_lists_and_dimensions() {
        assert_eq!(names("web1"), ["web1"]);
        assert_eq!(names("w[8-11]"), ["w8", "w9", "w10", "w11"]);
        assert_eq!(names("w[08-11].x"), ["w08.x", "w09.x", "w10.x", "w11.x"]);
        assert_eq!(names("w[099-101]"), ["w099", "w100", "w101"]);
        assert_eq!(names("w[98-101]"), ["w98", "w99", "w100", "w101"]);
        assert_eq!(
            names("web[01-05/2]-[a,b]"),
            ["web01-a", "web01-b", "web03-a", "web03-b", "web05-a", "web05-b"]
        );
        assert_eq!(names("[us-east,us-west]"), ["us-east", "us-west"]);
        assert_eq!(names("n[0-10/5,7,x]"), ["n0", "n5", "n10", "n7", "nx"]);
        assert_eq!(names("n[00]"), ["n00"]);
    }

    #[test]
    fn faults_are_named_with_their_column() {
        for (text, column, message) in [
            ("web[1-3", 4, "has no ']'"),
            ("web]", 4, "unexpected ']'"),
            ("web[[1]]", 5, "unexpected '['"),
            ("web[]", 5, "empty item"),
            ("web[1,,2]", 7, "empty item"),
            ("web[9-1]", 5, "backwards"),
            ("web[1-]", 5, "first-last"),
            ("web[-3]", 5, "first-last"),
            ("web[1-9/0]", 5, "at least 1"),
            ("web[1-9/]", 5, "first-last"),
            ("web[1-010]", 5, "same number of digits"),
            ("web[1-9999999999999999999]", 5, "18 digits"),
        ] {
            let error = Pattern::parse(text).unwrap_err();
            assert_eq!(error.column(), Some(column), "{text}: {error}");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn an_absurd_range_is_refused_before_it_is_expanded() {
        let error = Pattern::parse("n[1-999999999]").unwrap().expand(u64::MAX).unwrap_err();
        assert_eq!(error, NodeSetError::TooMany { count: Some(999_999_999) });
        assert!(error.to_string().contains("1000000"), "{error}");
        let many = "[1-999999999999999999]".repeat(9);
        let error = Pattern::parse(&many).unwrap().expand(u64::MAX).unwrap_err();
        assert_eq!(error, NodeSetError::TooMany { count: None });
    }
}
