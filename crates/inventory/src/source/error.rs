//! [`SourceError`]: why a list or a file is no inventory, with every fault and its place.

use std::fmt;
use std::path::PathBuf;

/// Why a list or a file is no inventory. The message begins with the name of the list or file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than is read.
    #[error("{}: is {bytes} bytes long, at most {most} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// The content is bad. Holds every fault that was found, at most 20.
    #[error("{}", joined(name, problems))]
    Invalid {
        /// The file's path or another name of the source.
        name: String,
        /// The faults in the order of the text; never empty.
        problems: Vec<Problem>,
    },
}

/// One fault of a source's text.
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

fn joined(name: &str, problems: &[Problem]) -> String {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!("{name}: {}", list.join("; "))
}
