//! [`Fault`]: what a database reports, or what a row does not hold.

/// What came of a question to a database.
pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// What a database reports, or what a row does not hold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Of SQLite or PostgreSQL, or of the driver.
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
    /// A statement that gives a row has given none.
    #[error("no row was found")]
    NoRow,
    /// Rows of one statement whose numbers do not follow each other.
    #[error("the keys of {count} entries reach from {first} to {last}: another one has written meanwhile")]
    Keys { first: i64, last: i64, count: usize },
    /// A column that is not of the kind that was asked for.
    #[error("column {index} holds {found} and not {wanted}")]
    Column {
        /// From 0.
        index: usize,
        wanted: &'static str,
        found: &'static str,
    },
}
