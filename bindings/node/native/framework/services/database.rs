//! The host's own database: [`JsDatabase`] asks Pabawi's `DatabaseAdapter`. The mirror bounds the time.
//!
//! An adapter tells faults of every kind by the same class, so what is known to be the statement's own fault is told as refused,
//! and all else as unavailable: a row that is refused is left out, and one that is not is tried again.

use std::sync::Arc;

use async_trait::async_trait;
use pabawi::host_database::{HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue};
use serde::Serialize;
use serde_json::Value;

use super::fault::{is_of_the_statement, message_without};
use crate::framework::host::{Host, HostError, Thrown};

/// An adapter of the host.
pub(in crate::framework) struct JsDatabase {
    host: Arc<Host>,
    dialect: HostDialect,
}

#[derive(Debug, Serialize)]
struct Statement<'a> {
    sql: &'a str,
    parameters: &'a [HostValue],
}

impl JsDatabase {
    pub(in crate::framework) fn new(host: Arc<Host>, dialect: HostDialect) -> Self {
        Self { host, dialect }
    }

    async fn ask(
        &self,
        service: &str,
        sql: &str,
        parameters: &[HostValue],
    ) -> Result<Value, HostDatabaseError> {
        let answer = self.host.ask(service, Statement { sql, parameters }).await;
        answer.map_err(|error| match error {
            HostError::Thrown(thrown) => fault(&thrown, parameters),
            other => HostDatabaseError::Unavailable(other.to_string()),
        })
    }
}

#[async_trait]
impl HostDatabase for JsDatabase {
    fn dialect(&self) -> HostDialect {
        self.dialect
    }

    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError> {
        rows(self.ask("database.query", sql, parameters).await?)
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError> {
        let answer = self.ask("database.execute", sql, parameters).await?;
        answer.get("changes").and_then(Value::as_u64).ok_or_else(|| nonsense("execute", "{changes}"))
    }
}

fn rows(answer: Value) -> Result<Vec<HostRow>, HostDatabaseError> {
    let no_rows = || nonsense("query", "a list of rows");
    let Value::Array(rows) = answer else { return Err(no_rows()) };
    let row = |row: Value| match row {
        Value::Object(fields) => Ok(fields.into_iter().map(|(name, held)| (name, value(held))).collect()),
        _ => Err(no_rows()),
    };
    rows.into_iter().map(row).collect()
}

fn value(held: Value) -> HostValue {
    match held {
        Value::Null => HostValue::Null,
        Value::String(text) => text.into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string().into(), HostValue::Int),
        other => other.to_string().into(),
    }
}

fn nonsense(method: &str, wanted: &str) -> HostDatabaseError {
    HostDatabaseError::Unavailable(format!("{method} of the database adapter did not answer {wanted}"))
}

fn fault(thrown: &Thrown, parameters: &[HostValue]) -> HostDatabaseError {
    let texts = parameters.iter().filter_map(|parameter| match parameter {
        HostValue::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let message = message_without(thrown, texts);
    match is_of_the_statement(thrown) {
        true => HostDatabaseError::Refused(message),
        false => HostDatabaseError::Unavailable(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::handle::host_migration;

    fn thrown(message: &str, code: Option<&str>) -> Thrown {
        Thrown { message: message.to_owned(), code: code.map(str::to_owned), ..Thrown::default() }
    }

    /// R5.9
    #[test]
    fn only_a_statements_own_fault_is_refused() {
        for (message, code, is_refused) in [
            ("SQLITE_CONSTRAINT: CHECK constraint failed", None, true),
            ("Query failed: SQLITE_ERROR: no such table: executions", None, true),
            ("violates a constraint", Some("23514"), true),
            ("no such relation", Some("42P01"), true),
            ("SQLITE_BUSY: database is locked", Some("SQLITE_BUSY"), false),
            ("Database not connected", None, false),
            ("the server ends", Some("57P01"), false),
            ("connect ECONNREFUSED", Some("ECONNREFUSED"), false),
            ("", None, false),
        ] {
            let told = fault(&thrown(message, code), &[]);
            assert_eq!(matches!(told, HostDatabaseError::Refused(_)), is_refused, "{told:?}");
        }
        let told = fault(&thrown("bad: hunter2", None), &["hunter2".into(), 1.into(), "ba".into()]);
        assert_eq!(told, HostDatabaseError::Unavailable("bad: ...".into()));
    }

    /// R10.5: Pabawi cuts the text for SQLite at each `;`.
    #[test]
    fn the_migration_is_offered_for_both_databases() {
        let told: Value = serde_json::from_str(&host_migration()).unwrap();
        assert_eq!(told["name"], "016_journal_sources_and_states");
        for dialect in ["sqlite", "postgres"] {
            assert!(told[dialect].as_str().unwrap().contains("'state_change'"), "{dialect}");
        }
    }

    /// Bad input.
    #[test]
    fn rows_are_read_and_nonsense_is_told() {
        let read = rows(serde_json::json!([{"a": 1, "b": "x", "c": null, "d": true, "e": 1.5}])).unwrap();
        let values: Vec<_> = read[0].values().cloned().collect();
        assert_eq!(values, [1.into(), "x".into(), HostValue::Null, "true".into(), "1.5".into()]);
        for garbage in [serde_json::json!("x"), serde_json::json!([1]), Value::Null] {
            assert!(matches!(rows(garbage), Err(HostDatabaseError::Unavailable(_))));
        }
    }
}
