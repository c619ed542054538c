//! [`SourceError`]: why a list or a file is no inventory, with every fault and its place.

use std::path::{Path, PathBuf};

use pabawi_domain::document::Problem;
use pabawi_domain::ports::InventorySourceError;

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

impl SourceError {
    /// One fault of a whole file.
    pub(crate) fn of_file(path: &Path, message: impl Into<String>) -> Self {
        Self::of_line(path, 0, message)
    }

    /// One fault of a line.
    pub(crate) fn of_line(path: &Path, line: u64, message: impl Into<String>) -> Self {
        let problem = Problem { line, column: 0, field: String::new(), message: message.into() };
        Self::Invalid { name: path.display().to_string(), problems: vec![problem] }
    }

    /// The same as the port tells it. What cannot be read may be there later.
    pub(crate) fn of_source(&self, source_name: &str) -> InventorySourceError {
        InventorySourceError {
            source_name: source_name.to_owned(),
            message: self.to_string(),
            retryable: matches!(self, Self::Read { .. }),
        }
    }
}

fn joined(name: &str, problems: &[Problem]) -> String {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!("{name}: {}", list.join("; "))
}
