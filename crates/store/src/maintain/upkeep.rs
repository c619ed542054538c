//! Bringing a schema up to date, [`migrate`], and giving back room, [`vacuum`].

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use serde::Serialize;

use super::info::info;
use super::target::Target;
use crate::db::{self, Dialect};
use crate::{Store, StoreOptions};

/// What [`migrate`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Migrated {
    /// The version before; absent when there were no tables.
    pub from: Option<i64>,
    /// The version now.
    pub to: i64,
}

/// Brings the schema to this program's version; makes a file that is missing. The same happens whenever a store is opened.
///
/// # Errors
/// As for [`Store::open`].
pub async fn migrate(options: &StoreOptions) -> Result<Migrated, StoreError> {
    let from = match Target::connect(options).await {
        Ok(mut target) => {
            let version = target.version().await;
            target.close().await;
            version?
        }
        // A file that is missing is made.
        Err(_) => None,
    };
    Store::open(options.clone()).await?.close().await;
    let to = info(options).await?.program_version;
    Ok(Migrated { from, to })
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
            let rows = db::query(
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pabawi\\_exec\\_%' \
                 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1",
            );
            let rows = rows.fetch_all(&mut target.conn).await.map_err(fault)?;
            let names = rows.iter().map(|row| row.try_get::<String>(0)).collect::<db::Result<Vec<_>>>();
            names.map_err(fault)?.iter().map(|name| format!("VACUUM (ANALYZE) \"{name}\"")).collect()
        }
    };
    for statement in statements {
        db::query(statement).fetch_all(&mut target.conn).await.map_err(fault)?;
    }
    Ok(())
}
