//! [`Row`]: a row of any database, and how its columns are read.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::fault::{Fault, Result};
use super::value::Value;

/// A row.
#[derive(Debug)]
pub(crate) enum Row {
    /// As SQLite's driver holds it, which is what we would make of it.
    Sqlite(SqliteRow),
    Values(Vec<Value>),
}

impl Row {
    /// The value of a column, counted from 0. What is absent is had as an [`Option`] only.
    pub(crate) fn try_get<'r, T: Column<'r>>(&'r self, index: usize) -> Result<T> {
        match self {
            Self::Sqlite(row) => T::of_sqlite(row, index).map_err(Fault::from),
            Self::Values(values) => T::of_value(values.get(index)).map_err(|found| Fault::Column {
                index,
                wanted: T::NAME,
                found,
            }),
        }
    }
}

/// What a column is read as.
pub(crate) trait Column<'r>: Sized {
    /// For errors.
    const NAME: &'static str;

    fn of_sqlite(row: &'r SqliteRow, index: usize) -> sqlx::Result<Self>;

    /// What is there instead, where it does not fit.
    fn of_value(value: Option<&'r Value>) -> std::result::Result<Self, &'static str>;
}

fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None => "nothing",
        Some(Value::Int(None) | Value::Text(None) | Value::Bytes(None)) => "null",
        Some(Value::Int(_)) => "a number",
        Some(Value::Text(_)) => "text",
        Some(Value::Bytes(_)) => "bytes",
    }
}

/// Reads one kind of column: what may be absent, and what may not.
macro_rules! columns {
    ($($type:ty, $name:literal, $given:pat => $value:expr;)*) => {$(
        impl<'r> Column<'r> for $type {
            const NAME: &'static str = $name;

            fn of_sqlite(row: &'r SqliteRow, index: usize) -> sqlx::Result<Self> {
                row.try_get(index)
            }

            fn of_value(value: Option<&'r Value>) -> std::result::Result<Self, &'static str> {
                match value {
                    Some($given) => Ok($value),
                    other => Err(kind(other)),
                }
            }
        }

        impl<'r> Column<'r> for Option<$type> {
            const NAME: &'static str = $name;

            fn of_sqlite(row: &'r SqliteRow, index: usize) -> sqlx::Result<Self> {
                row.try_get(index)
            }

            fn of_value(value: Option<&'r Value>) -> std::result::Result<Self, &'static str> {
                match value {
                    Some(Value::Int(None) | Value::Text(None) | Value::Bytes(None)) => Ok(None),
                    other => <$type>::of_value(other).map(Some),
                }
            }
        }
    )*};
}

columns! {
    i64, "a number", Value::Int(Some(value)) => *value;
    // A comparison: a number in SQLite, and here a number too.
    bool, "a truth value", Value::Int(Some(value)) => *value != 0;
    &'r str, "text", Value::Text(Some(value)) => value.as_ref();
    String, "text", Value::Text(Some(value)) => value.to_string();
    &'r [u8], "bytes", Value::Bytes(Some(value)) => value.as_slice();
    Vec<u8>, "bytes", Value::Bytes(Some(value)) => value.clone();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_what_it_is_asked_for_or_a_fault_that_says_what_it_is() {
        let row = Row::Values(vec![Value::Int(Some(7)), Value::Text(None), Value::from("text")]);
        assert_eq!(row.try_get::<i64>(0).unwrap(), 7);
        assert!(row.try_get::<bool>(0).unwrap());
        assert_eq!(row.try_get::<Option<&str>>(1).unwrap(), None);
        assert_eq!(row.try_get::<Option<i64>>(1).unwrap(), None, "null is null of every kind");
        assert_eq!(row.try_get::<&str>(2).unwrap(), "text");
        let error = row.try_get::<i64>(2).unwrap_err().to_string();
        assert_eq!(error, "column 2 holds text and not a number");
        assert_eq!(row.try_get::<i64>(1).unwrap_err().to_string(), "column 1 holds null and not a number");
        assert!(row.try_get::<Vec<u8>>(3).is_err());
    }
}
