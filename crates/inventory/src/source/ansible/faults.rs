//! [`Faults`]: what is wrong with one file, with places.

use pabawi_domain::document::Problem;

/// At most so many faults of a file are told.
const MAX_PROBLEMS: usize = 20;

/// Notes faults and warnings of one file.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Faults {
    pub(super) fn fault(&mut self, line: u64, column: u64, field: &str, message: impl Into<String>) {
        push(&mut self.problems, Problem { line, column, field: field.to_owned(), message: message.into() });
    }

    pub(super) fn warn(&mut self, line: u64, column: u64, field: &str, message: impl Into<String>) {
        push(&mut self.warnings, Problem { line, column, field: field.to_owned(), message: message.into() });
    }

    /// Whether nothing more would be told.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }
}

fn push(list: &mut Vec<Problem>, problem: Problem) {
    if list.len() < MAX_PROBLEMS {
        list.push(problem);
    }
}
