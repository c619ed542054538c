//! Bringing a schema up to date, [`migrate`], and giving back room, [`vacuum`].

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use serde::Serialize;

use super::info::info;
use super::target::Target;
use crate::db::{self, Dialect};
use crate::sql::migrations::Step;
use crate::{Store, StoreOptions, sqlite};

/// A step of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// The version that it brings.
    pub version: i64,
    /// What it brings, in a word or two.
    pub what: &'static str,
}

/// What [`migrate`] has done, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Migrated {
    /// Where the database is: a path, or a URL without its password.
    pub database: String,
    /// The version before; absent when there were no tables.
    pub from: Option<i64>,
    /// The version after.
    pub to: i64,
    /// The steps between the two.
    pub steps: Vec<Migration>,
}

/// What [`migrate`] would do. Nothing is changed or made.
///
/// # Errors
/// [`StoreError::TooNew`] for a database of a newer version; [`StoreError`] when it cannot be read.
pub async fn pending(options: &StoreOptions) -> Result<Migrated, StoreError> {
    if let StoreOptions::Sqlite(options) = options
        && !std::fs::metadata(&options.path).is_ok_and(|found| found.len() > 0)
    {
        let path = std::path::absolute(&options.path).unwrap_or_else(|_| options.path.clone());
        return Ok(migrated(path.display().to_string(), None, &sqlite::MIGRATIONS));
    }
    let mut target = Target::connect(options).await?;
    let version = target.known_version().await;
    let (database, steps) = (target.place.shown().to_owned(), target.steps);
    target.close().await;
    Ok(migrated(database, version?, steps))
}

fn migrated(database: String, from: Option<i64>, steps: &[Step]) -> Migrated {
    let missing = steps.iter().filter(|(version, _, _)| from.is_none_or(|from| *version > from));
    let missing = missing.map(|(version, what, _)| Migration { version: *version, what });
    let to = steps.last().map_or(0, |(version, _, _)| *version);
    Migrated { database, from, to, steps: missing.collect() }
}

/// Brings the schema to this program's version; makes a file that is missing. The same happens whenever a store is opened.
///
/// # Errors
/// As for [`Store::open`].
pub async fn migrate(options: &StoreOptions) -> Result<Migrated, StoreError> {
    let done = pending(options).await?;
    Store::open(options.clone()).await?.close().await;
    Ok(done)
}

/// What [`vacuum`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vacuumed {
    /// Bytes before.
    pub before: u64,
    /// Bytes now.
    pub after: u64,
}

/// Gives room that is no longer used back to the file system (SQLite), or to the tables (PostgreSQL), and renews what the
/// planner of queries knows. Others may go on reading; with SQLite, who writes waits meanwhile.
///
/// # Errors
/// [`StoreError`]; nothing is lost then.
pub async fn vacuum(options: &StoreOptions) -> Result<Vacuumed, StoreError> {
    let before = info(options).await?.bytes;
    let mut target = Target::connect(options).await?;
    let done = clean(&mut target).await;
    target.close().await;
    done?;
    Ok(Vacuumed { before, after: info(options).await?.bytes })
}

async fn clean(target: &mut Target) -> Result<(), StoreError> {
    target.current().await?;
    let place = target.place.clone();
    let fault = |error| place.sql("give back room", &error);
    let statements: Vec<String> = match target.dialect() {
        Dialect::Sqlite => ["VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"].map(str::to_owned).into(),
        Dialect::Postgres => {
            target.tables().await?.iter().map(|name| format!("VACUUM (ANALYZE) \"{name}\"")).collect()
        }
    };
    for statement in statements {
        db::query(statement).at_length().fetch_all(&mut target.conn).await.map_err(fault)?;
    }
    Ok(())
}
