//! [`SyntaxErrors`]: every fault of an expression at once, each with its column.

use std::fmt;

use pabawi_domain::node::TargetExpression;

use crate::expression::ast::MAX_DEPTH;
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
    /// It is longer than is read.
    #[error("is longer than {} bytes", TargetExpression::MAX_BYTES)]
    TooLong,
    /// A term is missing.
    #[error("expected a target {0}")]
    ExpectedTerm(String),
    /// A difference without anything to take from.
    #[error("'!' takes nodes out of those before it; write all!{0}")]
    LeadingDifference(String),
    /// Two terms follow each other.
    #[error("expected ',', '&', '!' or '^' before {0:?}")]
    ExpectedOperator(String),
    /// A parenthesis is never closed.
    #[error("'(' has no closing ')'")]
    UnclosedParenthesis,
    /// A parenthesis is closed that was not opened.
    #[error("')' closes nothing; a name that holds it stands in quotes")]
    Unopened,
    /// Parentheses in parentheses.
    #[error("more than {MAX_DEPTH} parentheses within each other")]
    TooDeep,
    /// A quote is never closed.
    #[error("'\"' has no closing '\"'")]
    UnclosedQuote,
    /// A regular expression is never closed.
    #[error("'~' has no closing '~'; write for example ~^web[0-9]+$~")]
    UnclosedRegex,
    /// A regular expression is not understood.
    #[error("bad regular expression: {0}")]
    Regex(String),
    /// More regular expressions, facts or outcomes than one expression may ask for.
    #[error("more than {most} {what} in one expression")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// The group after `@source:` is not understood.
    #[error("a group name that holds ':' stands in quotes: @source:\"a:b\"")]
    ColonInGroup,
    /// What stands in `fact(...)`, `last(...)`, `ansible(...)` or `bolt(...)` is not understood.
    #[error("{0}")]
    Condition(String),
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
