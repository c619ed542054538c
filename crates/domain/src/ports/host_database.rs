//! Port [`HostDatabase`]: the database of the application that the framework is built into.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The database of a host application, reached through the host's own connection: two copies of SQLite in one process must not
/// have the same file open (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).
///
/// Parameters are written `?` in both dialects, and no `?` stands anywhere else in the SQL. A statement comes about whole or
/// not at all. There are deliberately no transactions of several statements: hosts share one connection among all their
/// requests, and those would find themselves within the transaction, or be refused one of their own
/// (docs/decisions/0010).
#[async_trait]
pub trait HostDatabase: Send + Sync + 'static {
    /// Whose SQL it takes.
    fn dialect(&self) -> HostDialect;

    /// The rows that a statement gives.
    ///
    /// # Errors
    /// [`HostDatabaseError`].
    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError>;

    /// Runs a statement and tells how many rows it has changed.
    ///
    /// # Errors
    /// [`HostDatabaseError`].
    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError>;
}

/// Whose SQL a database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostDialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

/// A row by the names of its columns.
pub type HostRow = BTreeMap<String, HostValue>;

/// A parameter, or what a column holds. In JSON it is null, a number or a string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HostValue {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A text. The character U+0000 does not stand in it: PostgreSQL does not take it.
    Text(String),
}

impl From<i64> for HostValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for HostValue {
    fn from(value: &str) -> Self {
        Self::Text(value.replace('\0', "\u{fffd}"))
    }
}

impl From<String> for HostValue {
    fn from(value: String) -> Self {
        if value.contains('\0') { value.as_str().into() } else { Self::Text(value) }
    }
}

impl<T: Into<Self>> From<Option<T>> for HostValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Why a host's database did not do what it was asked for. The text holds no value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostDatabaseError {
    /// It cannot be reached or written to now; the same statement may succeed later. Also a database that is busy.
    #[error("the host's database is unavailable: {0}")]
    Unavailable(String),
    /// It does not take the statement, and will not take it later: a constraint, a table or a column that is not there.
    #[error("the host's database refuses a statement: {0}")]
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_plain_json_and_hold_no_nul() {
        let values = [HostValue::Null, 7.into(), "a\0b".into(), String::from("c").into(), None::<i64>.into()];
        assert_eq!(serde_json::to_string(&values).unwrap(), "[null,7,\"a\u{fffd}b\",\"c\",null]");
    }
}
