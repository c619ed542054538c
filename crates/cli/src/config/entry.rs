//! [`Entry`]: one value of a configuration file and where it stands; [`Fault`]: what is wrong with one.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file.
    pub(crate) file: PathBuf,
    /// The line, from 1 on.
    pub(crate) line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Keys joined by dots: `defaults.concurrency`, `plugins.bolt.config.project`.
    pub(crate) path: String,
    /// The value with its variables put in.
    pub(crate) value: Value,
    /// As it is written, which shows no value of a variable.
    pub(crate) written: Value,
    /// Where it stands.
    pub(crate) origin: Origin,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file.
    pub(crate) file: PathBuf,
    /// The line, where it is about one.
    pub(crate) line: Option<usize>,
    /// Keys joined by dots, where it is about a value.
    pub(crate) path: String,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

impl Fault {
    /// About a whole file.
    pub(crate) fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, path: String::new(), message: message.into() }
    }

    /// About a value.
    pub(crate) fn at(origin: &Origin, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: origin.file.clone(),
            line: Some(origin.line),
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}
