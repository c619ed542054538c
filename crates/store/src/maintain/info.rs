//! What is in a database: [`info`].

use pabawi_domain::ports::StoreError;
use serde::Serialize;

use super::target::Target;
use crate::StoreOptions;
use crate::codec;
use crate::db::{self, Dialect};

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
    /// Executions in it.
    pub executions: u64,
    /// Nodes of all executions.
    pub targets: u64,
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
    let schema_version = target.version().await?;
    let (kind, engine, bytes) = match target.dialect() {
        Dialect::Sqlite => (
            DatabaseKind::Sqlite,
            format!("SQLite {}", text(target, "SELECT sqlite_version()").await?),
            size_of_files(target)?,
        ),
        Dialect::Postgres => (
            DatabaseKind::Postgres,
            format!("PostgreSQL {}", text(target, "SELECT current_setting('server_version')").await?),
            number(
                target,
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class \
                 WHERE relkind = 'r' AND relname LIKE 'pabawi\\_exec\\_%' \
                 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
            )
            .await?,
        ),
    };
    let mut counts = [0; 6];
    let tables = [
        "pabawi_exec_executions",
        "pabawi_exec_targets",
        "pabawi_exec_outputs",
        "pabawi_exec_journal",
        "pabawi_exec_facts",
        "pabawi_exec_owners",
    ];
    for (count, table) in counts.iter_mut().zip(tables) {
        let has = target.dialect().has_table(&format!("'{table}'"));
        if number(target, &has).await? == 1 {
            let what = if table == "pabawi_exec_facts" { "count(DISTINCT node)" } else { "count(*)" };
            *count = number(target, &format!("SELECT {what} FROM {table}")).await?;
        }
    }
    let [executions, targets, outputs, journal_entries, nodes_with_facts, processes] = counts;
    Ok(DatabaseInfo {
        database: target.place.shown().to_owned(),
        kind,
        engine,
        schema_version,
        program_version: target.known(),
        bytes,
        executions,
        targets,
        outputs,
        journal_entries,
        nodes_with_facts,
        processes,
    })
}

async fn number(target: &mut Target, sql: &str) -> Result<u64, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("look into the database", &error);
    let row = db::query(sql.to_owned()).fetch_one(&mut target.conn).await.map_err(fault)?;
    codec::unsigned(row.try_get(0).map_err(fault)?, "a number")
}

async fn text(target: &mut Target, sql: &'static str) -> Result<String, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("look into the database", &error);
    let row = db::query(sql).fetch_one(&mut target.conn).await.map_err(fault)?;
    row.try_get(0).map_err(fault)
}

/// The file with its log, and the large outputs.
fn size_of_files(target: &Target) -> Result<u64, StoreError> {
    let Some((file, outputs)) = &target.files else { return Ok(0) };
    let mut log = file.clone().into_os_string();
    log.push("-wal");
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let files = crate::output_files::OutputFiles::new(outputs.clone());
    let listed = files.list().map_err(|fault| target.place.io(fault.doing, &fault.path, &fault.error))?;
    let large: u64 = listed.iter().map(|found| size(&found.path)).sum();
    Ok(size(file) + size(std::path::Path::new(&log)) + large)
}
