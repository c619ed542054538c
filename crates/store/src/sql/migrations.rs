//! Looks at the version of a schema and brings it up to date. Migrations are files that never change once released; the
//! table `pabawi_exec_migrations` says which have been applied.

use pabawi_domain::ports::StoreError;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::place::Place;
use crate::db::{self, Connection, Fault};

/// A migration: version, what it brings, SQL.
pub(crate) type Step = (i64, &'static str, &'static str);

/// The version of the database's schema; `None` when it has none of our tables.
pub(crate) async fn version(conn: &mut Connection, place: &Place) -> Result<Option<i64>, StoreError> {
    let fault = |error| place.sql("open", &error);
    let sql = conn.dialect().has_table("'pabawi_exec_migrations'");
    let row = db::query(sql).fetch_one(&mut *conn).await.map_err(fault)?;
    if !row.try_get::<bool>(0).map_err(fault)? {
        return Ok(None);
    }
    let row = db::query("SELECT max(version) FROM pabawi_exec_migrations").fetch_one(conn).await;
    row.map_err(fault)?.try_get(0).map_err(fault)
}

/// Looks whether this program can read the database. Changes nothing.
pub(crate) async fn check_version(
    steps: &[Step],
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let known = steps.last().map_or(0, |(version, _, _)| *version);
    match version(conn, place).await? {
        Some(newest) if newest > known => Err(StoreError::TooNew(format!(
            "{} has schema version {newest} and this program knows versions up to {known}; nothing was \
             changed; use the newer program, or give another database",
            place.shown()
        ))),
        _ => Ok(()),
    }
}

/// Brings the schema to the version of this program. Each migration comes about whole or not at all.
pub(crate) async fn migrate(steps: &[Step], conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let migrations = steps.iter().map(|(version, what, sql)| {
        Migration::new(*version, (*what).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name("pabawi_exec_migrations");
    let migrated = match conn {
        Connection::Sqlite(conn) => migrator.run_direct(None, conn, false).await,
        Connection::Postgres(conn) => migrator.run_direct(None, conn, false).await,
    };
    migrated.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            place.sql("bring the schema up to date", &Fault::Driver(error))
        }
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => place.corrupt(format!(
            "schema version {version} is not the one that this program knows; was the database made by an \
             unreleased version?"
        )),
        other => place.corrupt(format!("the schema cannot be brought up to date: {other}")),
    })
}
