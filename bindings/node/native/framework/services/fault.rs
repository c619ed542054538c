//! What the host's database, or what stands on it, says by what it throws.

use crate::framework::host::Thrown;

/// Characters of a message that are told.
const MOST_MESSAGE: usize = 500;
/// Shorter values are no secret, and taking them out would leave nothing to read.
const SHORTEST: usize = 4;

/// What SQLite calls a fault of the statement.
const SQLITE: [&str; 6] =
    ["SQLITE_CONSTRAINT", "SQLITE_ERROR", "SQLITE_MISMATCH", "SQLITE_RANGE", "SQLITE_TOOBIG", "SQLITE_NOLFS"];
/// Classes of PostgreSQL's codes that say so: data, constraints, syntax and names.
const POSTGRES: [&str; 3] = ["22", "23", "42"];

/// Whether what was thrown is the fault of a statement, which will not be taken later either.
pub(super) fn is_of_the_statement(thrown: &Thrown) -> bool {
    let code = thrown.code.as_deref().unwrap_or_default();
    let is_sqlite = SQLITE.iter().any(|known| code.starts_with(known) || thrown.message.contains(known));
    let is_postgres = code.len() == 5 && POSTGRES.iter().any(|class| code.starts_with(class));
    is_sqlite || is_postgres
}

/// The message without these values.
pub(super) fn message_without<'a>(thrown: &Thrown, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut message: String = thrown.message.chars().take(MOST_MESSAGE).collect();
    for value in values {
        if value.len() >= SHORTEST {
            message = message.replace(value, "...");
        }
    }
    message
}
