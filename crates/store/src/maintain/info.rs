//! What is in a database: [`info`].

use std::path::Path;

use jiff::Timestamp;
use pabawi_domain::ports::StoreError;
use serde::Serialize;

use super::target::Target;
use crate::StoreOptions;
use crate::codec;
use crate::db::{self, Dialect};
use crate::output_files::OutputFiles;
use crate::sqlite::beside;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL database.
    Postgres,
}

/// What is in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseInfo {
    /// Where it is: a path, or a URL without its password.
    pub database: String,
    /// Which database it is.
    pub kind: DatabaseKind,
    /// The version of SQLite or of the server.
    pub engine: String,
    /// The version of its schema; absent when it has none of our tables.
    pub schema_version: Option<i64>,
    /// The version of the schema that this program works with.
    pub program_version: i64,
    /// Its size, with large outputs.
    pub bytes: u64,
    /// Of that, the write-ahead log that is still to be brought into the file; SQLite only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// Of that, large outputs.
    pub large_output_bytes: u64,
    /// Executions in it.
    pub executions: u64,
    /// When the oldest of them was submitted.
    pub oldest: Option<Timestamp>,
    /// When the newest of them was.
    pub newest: Option<Timestamp>,
    /// Nodes of all executions.
    pub targets: u64,
    /// Of these, those that have a result.
    pub results: u64,
    /// Different outputs.
    pub outputs: u64,
    /// Journal entries.
    pub journal_entries: u64,
    /// Nodes of which facts are known.
    pub nodes_with_facts: u64,
    /// Processes that have it open, or died and left something open.
    pub processes: u64,
}

/// Looks what is in a database. Changes nothing.
///
/// # Errors
/// [`StoreError`] when there is none, or when it is newer than this program.
pub async fn info(options: &StoreOptions) -> Result<DatabaseInfo, StoreError> {
    let mut target = Target::connect(options).await?;
    let read = read(&mut target).await;
    target.close().await;
    read
}

async fn read(target: &mut Target) -> Result<DatabaseInfo, StoreError> {
    let schema_version = target.known_version().await?;
    let (kind, engine) = match target.dialect() {
        Dialect::Sqlite => {
            (DatabaseKind::Sqlite, format!("SQLite {}", text(target, "SELECT sqlite_version()").await?))
        }
        Dialect::Postgres => {
            let version = text(target, "SELECT current_setting('server_version')").await?;
            (DatabaseKind::Postgres, format!("PostgreSQL {version}"))
        }
    };
    let Sizes { bytes, log_bytes, large_output_bytes } = sizes(target).await?;
    let mut counts = [0; 7];
    let questions = [
        ("pabawi_exec_executions", "count(*)"),
        ("pabawi_exec_targets", "count(*)"),
        ("pabawi_exec_targets", "count(outcome)"),
        ("pabawi_exec_outputs", "count(*)"),
        ("pabawi_exec_journal", "count(*)"),
        ("pabawi_exec_facts", "count(DISTINCT node)"),
        ("pabawi_exec_owners", "count(*)"),
    ];
    for (count, (table, what)) in counts.iter_mut().zip(questions) {
        if has(target, table).await? {
            *count = number(target, &format!("SELECT {what} FROM {table}")).await?;
        }
    }
    let [executions, targets, results, outputs, journal_entries, nodes_with_facts, processes] = counts;
    let (mut oldest, mut newest) = (None, None);
    if executions > 0 {
        (oldest, newest) = (submitted(target, "ASC").await?, submitted(target, "DESC").await?);
    }
    Ok(DatabaseInfo {
        database: target.place.shown().to_owned(),
        kind,
        engine,
        schema_version,
        program_version: target.known(),
        bytes,
        log_bytes,
        large_output_bytes,
        executions,
        oldest,
        newest,
        targets,
        results,
        outputs,
        journal_entries,
        nodes_with_facts,
        processes,
    })
}

async fn has(target: &mut Target, table: &str) -> Result<bool, StoreError> {
    let sql = target.dialect().has_table(&format!("'{table}'"));
    Ok(number(target, &sql).await? == 1)
}

/// When the first in that order was submitted. Keys rise with that time, and have an index.
async fn submitted(target: &mut Target, order: &str) -> Result<Option<Timestamp>, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("look into the database", &error);
    let sql = format!("SELECT submitted_at FROM pabawi_exec_executions ORDER BY key {order} LIMIT 1");
    let row = db::query(sql).fetch_optional(&mut target.conn).await.map_err(fault)?;
    Ok(row.map(|row| row.try_get(0)).transpose().map_err(fault)?.map(codec::timestamp))
}

async fn integer(target: &mut Target, sql: &str) -> Result<i64, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("look into the database", &error);
    let row = db::query(sql.to_owned()).at_length().fetch_one(&mut target.conn).await.map_err(fault)?;
    row.try_get(0).map_err(fault)
}

async fn number(target: &mut Target, sql: &str) -> Result<u64, StoreError> {
    codec::unsigned(integer(target, sql).await?, "a number")
}

async fn text(target: &mut Target, sql: &'static str) -> Result<String, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("look into the database", &error);
    let row = db::query(sql).fetch_one(&mut target.conn).await.map_err(fault)?;
    row.try_get(0).map_err(fault)
}

/// How large a database is.
struct Sizes {
    bytes: u64,
    log_bytes: Option<u64>,
    large_output_bytes: u64,
}

async fn sizes(target: &mut Target) -> Result<Sizes, StoreError> {
    let Some((file, outputs)) = &target.files else {
        let of = |tables: &str| {
            format!(
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class \
                 WHERE relkind = 'r' AND relname LIKE '{tables}' \
                 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
            )
        };
        return Ok(Sizes {
            bytes: number(target, &of("pabawi\\_exec\\_%")).await?,
            log_bytes: None,
            large_output_bytes: number(target, &of("pabawi\\_exec\\_pieces")).await?,
        });
    };
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let files = OutputFiles::new(outputs.clone());
    let listed = files.list().map_err(|fault| target.place.io(fault.doing, &fault.path, &fault.error))?;
    let large_output_bytes: u64 = listed.iter().map(|found| size(&found.path)).sum();
    let log = size(&beside(file, "-wal"));
    Ok(Sizes { bytes: size(file) + log + large_output_bytes, log_bytes: Some(log), large_output_bytes })
}
