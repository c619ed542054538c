//! [`SyntaxErrors`]: every fault of an expression at once, each with its column.

use std::fmt;

use crate::nodeset::NodeSetError;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The character at which it stands, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: SyntaxFault,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxFault {
    /// Nothing is selected.
    #[error("no targets; name at least one node, for example web1 or web[01-20]")]
    Empty,
    /// A term is missing.
    #[error("expected a target {0}")]
    ExpectedTerm(&'static str),
    /// Two terms follow each other.
    #[error("expected ',' before {0:?}")]
    ExpectedComma(String),
    /// A part of the language that this version does not have.
    #[error("{0} is not supported yet; use names, ranges, globs, @groups and ','")]
    Unsupported(&'static str),
    /// A quote is never closed.
    #[error("'\"' has no closing '\"'")]
    UnclosedQuote,
    /// A name or range is not understood.
    #[error("{0}")]
    NodeSet(NodeSetError),
}

/// Every fault of an expression, in its order; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxErrors(pub Vec<SyntaxError>);

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            // These name their column themselves, which may stand within the term.
            SyntaxFault::NodeSet(error) if error.column().is_some() => error.fmt(f),
            fault => write!(f, "{fault} (at column {})", self.column),
        }
    }
}

impl fmt::Display for SyntaxErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SyntaxErrors {}
