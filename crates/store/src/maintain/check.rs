//! Whether a database is sound: [`check`].

use std::fs;

use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use super::target::Target;
use crate::StoreOptions;
use crate::codec;
use crate::db::{self, Dialect};
use crate::output_files::{OutputFiles, Variant};

/// The most findings that are told.
const MOST: usize = 100;
/// Outputs that are looked at together.
const AT_ONCE: i64 = 1000;

/// Looks whether a database is sound: its pages and indexes (SQLite), every row of every table (PostgreSQL, which reads them
/// with their checksums, where it has any), references between rows, and the content of large outputs. What it finds, at most
/// 100 things; nothing when all is well. Changes nothing. That the journal is as it was written is another question.
///
/// # Errors
/// [`StoreError`] when it cannot be read, or its schema is not this program's.
pub async fn check(options: &StoreOptions) -> Result<Vec<String>, StoreError> {
    let mut target = Target::connect(options).await?;
    let found = look(&mut target).await;
    target.close().await;
    found
}

async fn look(target: &mut Target) -> Result<Vec<String>, StoreError> {
    target.current().await?;
    let mut found = match target.dialect() {
        Dialect::Sqlite => sqlite(target).await?,
        Dialect::Postgres => postgres(target).await?,
    };
    found.extend(outputs(target).await?);
    found.truncate(MOST);
    Ok(found)
}

async fn sqlite(target: &mut Target) -> Result<Vec<String>, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("check the database", &error);
    let mut found = Vec::new();
    for row in db::query("PRAGMA integrity_check(100)").fetch_all(&mut target.conn).await.map_err(fault)? {
        let text: String = row.try_get(0).map_err(fault)?;
        if text != "ok" {
            found.push(text);
        }
    }
    for row in db::query("PRAGMA foreign_key_check").fetch_all(&mut target.conn).await.map_err(fault)? {
        let (table, other): (&str, &str) = (row.try_get(0).map_err(fault)?, row.try_get(2).map_err(fault)?);
        found.push(format!("a row of {table} points to one of {other} that is not there"));
    }
    Ok(found)
}

async fn postgres(target: &mut Target) -> Result<Vec<String>, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("check the database", &error);
    let tables = db::query(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pabawi\\_exec\\_%' \
         AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1",
    );
    let mut found = Vec::new();
    for row in tables.fetch_all(&mut target.conn).await.map_err(fault)? {
        let table: String = row.try_get(0).map_err(fault)?;
        // Every column is read, also what stands beside the row.
        let sql = format!("SELECT count(*) FROM \"{table}\" AS t WHERE length(t::text) < 0");
        if let Err(error) = db::query(sql).fetch_one(&mut target.conn).await {
            found.push(place.sql(&format!("read {table}"), &error).to_string());
        }
    }
    Ok(found)
}

/// Targets whose output has no row, and large outputs whose content is gone.
async fn outputs(target: &mut Target) -> Result<Vec<String>, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("check outputs", &error);
    let mut found = Vec::new();
    for stream in ["stdout", "stderr"] {
        let row = db::query(format!(
            "SELECT count(*) FROM pabawi_exec_targets AS t WHERE t.{stream} IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM pabawi_exec_outputs AS o WHERE o.id = t.{stream})"
        ))
        .fetch_one(&mut target.conn)
        .await
        .map_err(fault)?;
        let count: i64 = row.try_get(0).map_err(fault)?;
        if count > 0 {
            found.push(format!("{count} results have a {stream} that is not there"));
        }
    }
    let pieces = match target.dialect() {
        Dialect::Sqlite => "0",
        Dialect::Postgres => {
            "(SELECT coalesce(sum(length(p.body)), 0)::bigint FROM pabawi_exec_pieces AS p WHERE p.hash = o.hash \
             AND p.variant = CASE WHEN o.kept = o.total THEN 1 ELSE 0 END)"
        }
    };
    let mut after = 0i64;
    // Ends with the first chunk that is not full; ids rise with every chunk.
    loop {
        let rows = db::query(format!(
            "SELECT o.id, o.hash, o.kept, o.kept = o.total, {pieces} FROM pabawi_exec_outputs AS o \
             WHERE o.file = 1 AND o.id > $1 ORDER BY o.id LIMIT $2"
        ))
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut target.conn)
        .await
        .map_err(fault)?;
        for row in &rows {
            after = row.try_get(0).map_err(fault)?;
            let hash: &[u8] = row.try_get(1).map_err(fault)?;
            let Ok(hash) = hash.try_into().map(ContentHash) else {
                found.push(format!("output {after} has no proper hash"));
                continue;
            };
            let kept = codec::unsigned(row.try_get(2).map_err(fault)?, "an output's length")?;
            let variant = if row.try_get(3).map_err(fault)? { Variant::Whole } else { Variant::HeadTail };
            let there = match &target.files {
                Some((_, dir)) => {
                    let path = OutputFiles::new(dir.clone()).path(hash, variant);
                    fs::metadata(path).map_or(0, |found| found.len())
                }
                None => codec::unsigned(row.try_get(4).map_err(fault)?, "an output's length")?,
            };
            if there != kept {
                found.push(format!("the content of output {hash} has {there} bytes and not {kept}"));
            }
        }
        if codec::signed(rows.len() as u64) < AT_ONCE || found.len() >= MOST {
            return Ok(found);
        }
    }
}
