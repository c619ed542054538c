//! [`Target`]: a database that is looked at as it is, without being made or brought up to date.

use std::path::PathBuf;
use std::sync::Arc;

use pabawi_domain::ports::StoreError;

use crate::StoreOptions;
use crate::db::{self, Connection, Dialect, Pool};
use crate::sql::migrations::{self, Step};
use crate::sql::place::Place;
use crate::{postgres, sqlite};

/// A database as it is.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) place: Arc<Place>,
    pub(super) conn: Connection,
    /// The file and the directory with large outputs, where there are any.
    pub(super) files: Option<(PathBuf, PathBuf)>,
    pub(super) steps: &'static [Step],
}

impl Target {
    pub(super) async fn connect(options: &StoreOptions) -> Result<Self, StoreError> {
        match options {
            StoreOptions::Sqlite(options) => {
                let (place, conn, files) = sqlite::connect(options).await?;
                Ok(Self { place, conn, files: Some(files), steps: &sqlite::MIGRATIONS })
            }
            StoreOptions::Postgres(options) => {
                let (place, conn) = postgres::connect(options).await?;
                Ok(Self { place, conn, files: None, steps: &postgres::MIGRATIONS })
            }
        }
    }

    /// Connections of their own to the same database, which only read.
    pub(super) fn readers(&self, options: &StoreOptions) -> Result<Pool, StoreError> {
        match (options, &self.files) {
            (StoreOptions::Sqlite(options), Some((path, _))) => Ok(sqlite::reading(path, options)),
            (StoreOptions::Sqlite(options), None) => Ok(sqlite::reading(&options.path, options)),
            (StoreOptions::Postgres(options), _) => postgres::reading(options),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.conn.dialect()
    }

    /// The version of this program's schema.
    pub(super) fn known(&self) -> i64 {
        self.steps.last().map_or(0, |(version, _, _)| *version)
    }

    /// The version of the database's schema; `None` when it has none of our tables.
    pub(super) async fn version(&mut self) -> Result<Option<i64>, StoreError> {
        migrations::version(&mut self.conn, &self.place).await
    }

    /// The same, which must not be newer than this program's.
    pub(super) async fn known_version(&mut self) -> Result<Option<i64>, StoreError> {
        migrations::check_version(self.steps, &mut self.conn, &self.place).await?;
        self.version().await
    }

    /// Sees that the database has our tables, and as this program knows them.
    pub(super) async fn current(&mut self) -> Result<(), StoreError> {
        let (found, known) = (self.known_version().await?, self.known());
        let text = match found {
            Some(found) if found == known => return Ok(()),
            Some(found) => format!("has schema version {found} and this program works with {known}"),
            None => "has none of this program's tables".to_owned(),
        };
        let shown = self.place.shown();
        Err(StoreError::Unavailable(format!("{shown} {text}; bring it up to date with pab db migrate")))
    }

    /// The names of our tables.
    pub(super) async fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        let fault = |error| self.place.sql("look for tables", &error);
        let sql = match self.conn.dialect() {
            Dialect::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'pabawi_exec_*' ORDER BY 1"
            }
            Dialect::Postgres => {
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pabawi\\_exec\\_%' \
                 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1"
            }
        };
        let rows = db::query(sql).fetch_all(&mut self.conn).await.map_err(fault)?;
        rows.iter().map(|row| row.try_get(0)).collect::<db::Result<Vec<_>>>().map_err(fault)
    }

    pub(super) async fn close(self) {
        // Nothing is lost by a failing close.
        let _ = self.conn.close().await;
    }
}
