//! [`Problem`]: one fault of a text, with its place.

use std::fmt;

/// One fault of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 where it is not known.
    pub line: u64,
    /// The character in the line, from 1; 0 where it is not known.
    pub column: u64,
    /// The field, such as `nodes.web1.port`; empty where there are no fields.
    pub field: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}", self.line)?;
            if self.column > 0 {
                write!(f, " column {}", self.column)?;
            }
            f.write_str(": ")?;
        } else if self.column > 0 {
            write!(f, "column {}: ", self.column)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}
