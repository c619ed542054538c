//! [`Faults`]: what is wrong with one file, with places.

use pabawi_domain::document::Problem;

/// At most so many faults of a file are told.
const MAX_PROBLEMS: usize = 20;

/// Notes faults and warnings of one file.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Faults {
    pub(crate) fn fault(&mut self, line: u64, column: u64, field: &str, message: impl Into<String>) {
        push(&mut self.problems, Problem { line, column, field: field.to_owned(), message: message.into() });
    }

    pub(crate) fn warn(&mut self, line: u64, column: u64, field: &str, message: impl Into<String>) {
        push(&mut self.warnings, Problem { line, column, field: field.to_owned(), message: message.into() });
    }

    /// Whether nothing more would be told.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }
}

fn push(list: &mut Vec<Problem>, problem: Problem) {
    if list.len() < MAX_PROBLEMS {
        list.push(problem);
    }
}
