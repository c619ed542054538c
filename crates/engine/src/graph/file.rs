//! Graph files, YAML or JSON, read within limits: [`read_graph`], [`parse_graph`]. Every fault is told at once, with
//! file, line, column and field. There are no includes: a file stands for itself.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use pabawi_domain::document::{self, Data, DocumentLimits, Problem, Tree};
use pabawi_domain::task::{CheckedGraph, TaskGraph, check};
use pabawi_domain::validation::ValidationError;

use crate::graph::shape::{GRAPH, look};

/// The largest file that is read, in bytes.
pub const MAX_GRAPH_FILE_BYTES: u64 = 32 * 1024 * 1024;
/// At most so many faults are told.
const MAX_PROBLEMS: usize = 50;

const LIMITS: DocumentLimits =
    DocumentLimits { depth: 48, values: 4_000_000, aliases: 100_000, alias_values: 1_000_000 };

/// Why a file is no graph. The message begins with the name of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphFileError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than is read.
    #[error("{name}: is larger than the {most} bytes that are read")]
    TooLarge {
        /// The file.
        name: String,
        /// The limit.
        most: u64,
    },
    /// The content is bad. Holds every fault that was found, at most 50, in the order of the text.
    #[error("{}", joined(name, problems, *beyond))]
    Invalid {
        /// The file, or what its content is called.
        name: String,
        /// The faults; never empty.
        problems: Vec<Problem>,
        /// How many more there are.
        beyond: usize,
    },
}

/// Reads a graph file and checks it.
///
/// # Errors
/// [`GraphFileError`].
pub fn read_graph(path: &Path) -> Result<CheckedGraph, GraphFileError> {
    let failed = |source| GraphFileError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, also one whose size is not known before.
    file.take(MAX_GRAPH_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    parse_graph(&path.display().to_string(), &bytes)
}

/// Reads a graph from the content of a file and checks it; `name` stands for the file in messages.
///
/// # Errors
/// [`GraphFileError::TooLarge`], [`GraphFileError::Invalid`].
pub fn parse_graph(name: &str, bytes: &[u8]) -> Result<CheckedGraph, GraphFileError> {
    if bytes.len() as u64 > MAX_GRAPH_FILE_BYTES {
        return Err(GraphFileError::TooLarge { name: name.to_owned(), most: MAX_GRAPH_FILE_BYTES });
    }
    let invalid = |mut problems: Vec<Problem>| {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let beyond = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        GraphFileError::Invalid { name: name.to_owned(), problems, beyond }
    };
    let unplaced = |field: &str, message: String| {
        invalid(vec![Problem { line: 0, column: 0, field: field.to_owned(), message }])
    };
    let text = std::str::from_utf8(bytes).map_err(|_| unplaced("", "is not a text in UTF-8".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let tree = document::parse(text, LIMITS).map_err(|problem| invalid(vec![problem]))?;
    let mut problems = Vec::new();
    look(&tree, &GRAPH, "", &mut problems);
    if !problems.is_empty() {
        return Err(invalid(problems));
    }
    let graph: TaskGraph = serde_json::from_value(tree.value.to_json())
        .map_err(|error| unplaced("", format!("cannot be read: {error}")))?;
    check_graph(graph).map_err(|error| {
        let placed = |field: pabawi_domain::validation::FieldError| {
            let place = &find(&tree, &field.path).referenced;
            Problem { line: place.line(), column: place.column(), field: field.path, message: field.message }
        };
        invalid(error.fields.into_iter().map(placed).collect())
    })
}

/// Checks a graph that a program made, its parameters against their schemas included.
///
/// # Errors
/// Every violation with its field.
pub fn check_graph(graph: TaskGraph) -> Result<CheckedGraph, ValidationError> {
    check(graph, &pabawi_domain::schema::violations)
}

/// The value of a field, or the nearest one around it that is there.
fn find<'a>(tree: &'a Tree, field: &str) -> &'a Tree {
    let (mut at, mut rest) = (tree, field);
    // Ends: every turn takes something off the field.
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let next = match &at.value {
            Data::List(items) => rest
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'))
                .and_then(|(index, behind)| Some((items.get(index.parse::<usize>().ok()?)?, behind))),
            Data::Map(entries) => entries
                .iter()
                .filter_map(|(key, value)| {
                    let behind = rest.strip_prefix(key.value.as_str())?;
                    let is_whole = behind.is_empty() || behind.starts_with(['.', '[']);
                    is_whole.then_some((value, behind))
                })
                // Keys may hold dots: the longest that fits is meant.
                .min_by_key(|(_, behind)| behind.len()),
            _ => None,
        };
        match next {
            Some((value, behind)) if behind.len() < rest.len() => (at, rest) = (value, behind),
            _ => return at,
        }
    }
}

fn joined(name: &str, problems: &[Problem], beyond: usize) -> String {
    let mut list: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
    if beyond > 0 {
        list.push(format!("{name}: {beyond} more things are not valid"));
    }
    list.join("\n")
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
