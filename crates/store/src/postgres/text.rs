//! Text that PostgreSQL can hold, and its rows as values.
//!
//! A text of PostgreSQL cannot hold U+0000 (<https://www.postgresql.org/docs/current/datatype-character.html>), and what
//! nodes print or people type can. It is written as U+E000 and `0`, and U+E000, which means nothing outside a private
//! agreement, as itself twice; so every text comes back as it was.

use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::db::{Result, Row, Value};

const MARK: char = '\u{E000}';
const NUL: &str = "\u{E000}0";
const TWICE: &str = "\u{E000}\u{E000}";

/// The text as it is stored.
pub(crate) fn written(text: Arc<str>) -> Arc<str> {
    if !text.contains(['\0', MARK]) {
        return text;
    }
    text.replace(MARK, TWICE).replace('\0', NUL).into()
}

/// The stored text as it was.
fn read(text: String) -> String {
    if !text.contains(MARK) {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            MARK => match letters.next() {
                Some('0') => '\0',
                Some(other) => other,
                None => MARK,
            },
            other => other,
        });
    }
    plain
}

/// The rows of an answer.
pub(crate) fn rows(rows: &[PgRow]) -> Result<Vec<Row>> {
    rows.iter().map(row).collect()
}

/// A row of an answer.
pub(crate) fn row(row: &PgRow) -> Result<Row> {
    let values = (0..row.len()).map(|index| value(row, index)).collect::<Result<Vec<Value>>>()?;
    Ok(Row::Values(values))
}

fn value(row: &PgRow, index: usize) -> Result<Value> {
    let raw = row.try_get_raw(index)?;
    let kind = raw.type_info();
    Ok(match kind.name() {
        "INT8" => Value::Int(row.try_get(index)?),
        "INT4" => Value::Int(row.try_get::<Option<i32>, _>(index)?.map(i64::from)),
        "INT2" => Value::Int(row.try_get::<Option<i16>, _>(index)?.map(i64::from)),
        "BOOL" => Value::Int(row.try_get::<Option<bool>, _>(index)?.map(i64::from)),
        "BYTEA" => Value::Bytes(row.try_get(index)?),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" => {
            Value::Text(row.try_get::<Option<String>, _>(index)?.map(|text| read(text).into()))
        }
        other => {
            let source = format!("columns of type {other} are not read here").into();
            return Err(
                sqlx::Error::ColumnDecode { index: row.column(index).name().to_owned(), source }.into()
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[a\0\u{E000}0ż]{0,20}") {
            let stored = written(text.as_str().into());
            prop_assert!(!stored.contains('\0'));
            prop_assert_eq!(read(stored.to_string()), text);
        }
    }
}
