//! [`NodeSetError`]: why a text is no node set.

use pabawi_domain::id::InvalidName;

use crate::nodeset::{MAX_NAME, MAX_NODES};

/// Why a text is no node set. `column` counts characters of the given text from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeSetError {
    /// A bracket is never closed.
    #[error("'[' at column {column} has no ']'")]
    Unclosed {
        /// Where the bracket opens.
        column: usize,
    },
    /// A bracket is closed that was not opened, or stands within another.
    #[error("unexpected '{found}' at column {column}")]
    Unexpected {
        /// The character.
        found: char,
        /// Where.
        column: usize,
    },
    /// An item of a bracket is empty.
    #[error("empty item in '[...]' at column {column}; write for example [1-9] or [a,b]")]
    EmptyItem {
        /// Where.
        column: usize,
    },
    /// A range is not understood.
    #[error("bad range {text:?} at column {column}: {reason}")]
    BadRange {
        /// The range as given.
        text: String,
        /// Where.
        column: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It names too many nodes.
    #[error("names {} nodes; at most {MAX_NODES} are allowed at once", count.map_or_else(|| "more than 18446744073709551615".to_owned(), |n| n.to_string()))]
    TooMany {
        /// How many; `None` when they cannot even be counted.
        count: Option<u64>,
    },
    /// Its names are longer than names may be.
    #[error("names of more than {MAX_NAME} characters")]
    TooLong,
    /// A term is missing between two commas.
    #[error("empty name at column {column}")]
    EmptyTerm {
        /// Where.
        column: usize,
    },
    /// One of the names is not allowed.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl NodeSetError {
    /// The same error with its column moved right, for a text that is part of a longer one.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        match &mut self {
            Self::Unclosed { column }
            | Self::Unexpected { column, .. }
            | Self::EmptyItem { column }
            | Self::BadRange { column, .. }
            | Self::EmptyTerm { column } => *column += by,
            Self::TooMany { .. } | Self::TooLong | Self::Name(_) => {}
        }
        self
    }

    /// Where in the text, where that is known.
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::Unclosed { column }
            | Self::Unexpected { column, .. }
            | Self::EmptyItem { column }
            | Self::BadRange { column, .. }
            | Self::EmptyTerm { column } => Some(*column),
            Self::TooMany { .. } | Self::TooLong | Self::Name(_) => None,
        }
    }
}
