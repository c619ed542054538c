//! The schema and its versions. Migrations are files that never change once released; the table
//! `pabawi_exec_migrations` says which have been applied.

use pabawi_domain::ports::StoreError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr, SqliteConnection};

use super::place::Place;

/// The migrations in their order: version, what it brings, SQL.
const MIGRATIONS: [(i64, &str, &str); 9] = [
    (1, "initial", include_str!("../../migrations/sqlite/0001_initial.sql")),
    (2, "graphs", include_str!("../../migrations/sqlite/0002_graphs.sql")),
    (3, "breakers", include_str!("../../migrations/sqlite/0003_breakers.sql")),
    (4, "plans", include_str!("../../migrations/sqlite/0004_plans.sql")),
    (5, "breaker changes", include_str!("../../migrations/sqlite/0005_breaker_changes.sql")),
    (6, "unsettled", include_str!("../../migrations/sqlite/0006_unsettled.sql")),
    (7, "facts", include_str!("../../migrations/sqlite/0007_facts.sql")),
    (8, "journal chain", include_str!("../../migrations/sqlite/0008_journal_chain.sql")),
    (9, "retention", include_str!("../../migrations/sqlite/0009_retention.sql")),
];

/// Looks whether this program can read the database. Changes nothing.
pub(crate) async fn check_version(conn: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.sql("open", &error);
    let known = MIGRATIONS.last().map_or(0, |(version, _, _)| *version);
    let tables = sqlx::query(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'pabawi_exec_migrations'",
    )
    .fetch_one(&mut *conn)
    .await
    .map_err(fault)?;
    if tables.try_get::<i64, _>(0).map_err(fault)? == 0 {
        return Ok(());
    }
    let newest: Option<i64> = sqlx::query("SELECT max(version) FROM pabawi_exec_migrations")
        .fetch_one(&mut *conn)
        .await
        .map_err(fault)?
        .try_get(0)
        .map_err(fault)?;
    match newest {
        Some(newest) if newest > known => Err(StoreError::TooNew(format!(
            "{} has schema version {newest} and this program knows versions up to {known}; nothing was \
             changed; use the newer program, or give another path",
            place.path().display()
        ))),
        _ => Ok(()),
    }
}

/// Brings the schema to the version of this program.
pub(crate) async fn migrate(conn: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let migrations = MIGRATIONS
        .into_iter()
        .map(|(version, what, sql)| {
            Migration::new(version, what.into(), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name("pabawi_exec_migrations");
    migrator.run_direct(None, conn, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            place.sql("bring the schema up to date", &error)
        }
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => place.corrupt(format!(
            "schema version {version} is not the one that this program knows; was the database made by an \
             unreleased version?"
        )),
        other => place.corrupt(format!("the schema cannot be brought up to date: {other}")),
    })
}
