//! Which database a store is on: [`StoreOptions`], and [`Store::open`].

use pabawi_domain::ports::StoreError;

use crate::Store;
use crate::postgres::{self, PostgresOptions};
use crate::sqlite::{self, SqliteOptions};

/// How a store is opened, and with that on which database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StoreOptions {
    /// A SQLite file.
    Sqlite(SqliteOptions),
    /// A PostgreSQL database.
    Postgres(PostgresOptions),
}

impl From<SqliteOptions> for StoreOptions {
    fn from(options: SqliteOptions) -> Self {
        Self::Sqlite(options)
    }
}

impl From<PostgresOptions> for StoreOptions {
    fn from(options: PostgresOptions) -> Self {
        Self::Postgres(options)
    }
}

impl Store {
    /// Opens the database and brings its schema to this program's version; a file is made when it is missing. Runs
    /// on the current tokio runtime, which has to live as long as the store.
    ///
    /// Executions of dead processes stay as they are until
    /// [`recover`](pabawi_domain::ports::ExecutionStore::recover) is called.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] for a database of a newer version, of which nothing is changed;
    /// [`StoreError::ReadOnly`], [`StoreError::Full`]; [`StoreError::Corrupt`] for a file that is no
    /// database or a broken one; [`StoreError::Unavailable`] for the rest. Each names the database and says what
    /// to do.
    pub async fn open(options: impl Into<StoreOptions>) -> Result<Self, StoreError> {
        match options.into() {
            StoreOptions::Sqlite(options) => Ok(Self::over(sqlite::open(&options).await?)),
            StoreOptions::Postgres(options) => Ok(Self::over(postgres::open(&options).await?)),
        }
    }
}
