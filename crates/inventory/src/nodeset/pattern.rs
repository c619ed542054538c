//! [`Pattern`]: one term of a node set, `web[01-20/2]-[a,b]`.

use std::fmt;

use crate::nodeset::item::Item;
use crate::nodeset::{MAX_NODES, NodeSetError};

/// The longest name in bytes; node ids and group names have the same limit.
pub const MAX_NAME: usize = 253;

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
        // Most names are just names.
        if !text.is_empty() && !text.contains(['[', ']']) {
            return Ok(Self::literal(text));
        }
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
    /// As for [`Pattern::each_name`].
    pub fn expand(&self, most: u64) -> Result<Vec<String>, NodeSetError> {
        let mut names = Vec::new();
        self.each_name(most, |name| {
            names.push(name.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    /// Hands over every name, the last bracket counting fastest.
    ///
    /// # Errors
    /// At once, before anything is expanded: [`NodeSetError::TooMany`] when there are more than `most` or more than
    /// [`MAX_NODES`], and [`NodeSetError::TooLong`] when one has more than [`MAX_NAME`] bytes. Then what `take` says.
    pub fn each_name(
        &self,
        most: u64,
        mut take: impl FnMut(&str) -> Result<(), NodeSetError>,
    ) -> Result<(), NodeSetError> {
        let count = match self.count() {
            Some(count) if count <= most.min(MAX_NODES) => count,
            count => return Err(NodeSetError::TooMany { count }),
        };
        if self.longest() > MAX_NAME {
            return Err(NodeSetError::TooLong);
        }
        let mut at: Vec<Place> = self.parts.iter().map(|_| Place::default()).collect();
        let mut name = String::with_capacity(MAX_NAME);
        // Both limits together bound this: a million names of 253 bytes, made one after the other.
        for _ in 0..count {
            name.clear();
            for (part, place) in self.parts.iter().zip(&at) {
                match part {
                    Part::Literal(text) => name.push_str(text),
                    Part::Choice(items) => {
                        if let Some(item) = items.get(place.item) {
                            item.write(place.index, &mut name);
                        }
                    }
                }
            }
            take(&name)?;
            self.advance(&mut at);
        }
        Ok(())
    }

    /// On to the next name, as an odometer counts: the last bracket first.
    fn advance(&self, at: &mut [Place]) {
        for (part, place) in self.parts.iter().zip(at).rev() {
            let Part::Choice(items) = part else { continue };
            if items.get(place.item).is_some_and(|item| place.index + 1 < item.count()) {
                place.index += 1;
                return;
            }
            *place = Place { item: place.item + 1, index: 0 };
            if place.item < items.len() {
                return;
            }
            *place = Place::default();
        }
    }

    /// The length of its longest name in bytes.
    fn longest(&self) -> usize {
        self.parts.iter().fold(0, |sum: usize, part| {
            sum.saturating_add(match part {
                Part::Literal(text) => text.len(),
                Part::Choice(items) => items.iter().map(Item::longest).max().unwrap_or(0),
            })
        })
    }
}

/// Where a bracket stands: which item, and which of its texts.
#[derive(Default)]
struct Place {
    item: usize,
    index: u64,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Choice(items) => {
                    f.write_str("[")?;
                    for (index, item) in items.iter().enumerate() {
                        if index > 0 {
                            f.write_str(",")?;
                        }
                        item.fmt(f)?;
                    }
                    f.write_str("]")?;
                }
            }
        }
        Ok(())
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

    #[test]
    fn names_that_no_node_can_have_are_refused_before_they_are_made() {
        let long = "a".repeat(1_000_000);
        for text in [format!("{long}[1-1000000]"), "[a,b]".repeat(254), format!("[x,{long}]")] {
            let error = Pattern::parse(&text).unwrap().expand(u64::MAX).unwrap_err();
            assert!(matches!(error, NodeSetError::TooLong | NodeSetError::TooMany { .. }), "{error}");
        }
    }
}
