//! [`Target`]: a database that is looked at as it is, without being made or brought up to date.

use std::path::PathBuf;
use std::sync::Arc;

use pabawi_domain::ports::StoreError;

use crate::StoreOptions;
use crate::db::{Connection, Dialect};
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

    /// Sees that the database has our tables, and as this program knows them.
    pub(super) async fn current(&mut self) -> Result<(), StoreError> {
        migrations::check_version(self.steps, &mut self.conn, &self.place).await?;
        let (found, known) = (self.version().await?, self.known());
        let text = match found {
            Some(found) if found == known => return Ok(()),
            Some(found) => format!("has schema version {found} and this program works with {known}"),
            None => "has none of this program's tables".to_owned(),
        };
        let shown = self.place.shown();
        Err(StoreError::Unavailable(format!("{shown} {text}; bring it up to date with pab db migrate")))
    }

    pub(super) async fn close(self) {
        // Nothing is lost by a failing close.
        let _ = self.conn.close().await;
    }
}
