//! Which database a store is on: [`StoreOptions`], and [`Store::open`].

use std::ffi::OsStr;

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

impl StoreOptions {
    /// The database of that name: the path of a SQLite file, or the URL of a PostgreSQL database.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the name of the option. It does not repeat the name,
    /// since a URL may hold a password.
    pub fn named(name: &OsStr) -> Result<Self, String> {
        let scheme = name.to_string_lossy();
        let scheme = scheme.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
        let is_url =
            !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !is_url {
            if name.is_empty() {
                return Err("is empty; name a file, or postgres://user@host:port/database".to_owned());
            }
            return Ok(SqliteOptions::new(name).into());
        }
        let url = name.to_str().ok_or("is a URL that is no UTF-8 text")?;
        if !postgres::is_url(url) {
            return Err("must be the path of a SQLite file, or postgres://user@host:port/database".to_owned());
        }
        postgres::read_url(url)?;
        Ok(PostgresOptions::new(url).into())
    }

    /// Whether it holds a password itself.
    pub fn has_password(&self) -> bool {
        matches!(self, Self::Postgres(options) if postgres::password(&options.url).is_some())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_path_or_a_url() {
        let named = |name: &str| StoreOptions::named(OsStr::new(name));
        for path in ["executions.db", "/a/b.db", "a:b", "./postgres://x", "://"] {
            let Ok(StoreOptions::Sqlite(options)) = named(path) else { panic!("{path}") };
            assert_eq!(options.path.to_str(), Some(path));
        }
        for (url, has_password) in [
            ("postgres://ada:hunter2@db:5433/pabawi", true),
            ("postgresql:///pabawi?host=/run/postgresql&password=hunter2", true),
            ("postgres://ada@db/pabawi?sslmode=verify-full", false),
        ] {
            let options = named(url).unwrap();
            assert!(matches!(options, StoreOptions::Postgres(_)), "{url}");
            assert_eq!(options.has_password(), has_password, "{url}");
            assert!(!format!("{options:?}").contains("hunter2"), "{options:?}");
        }
        for (bad, part) in [
            ("", "is empty"),
            ("mysql://ada:hunter2@h/d", "must be the path of a SQLite file"),
            ("sqlite://x.db", "must be the path of a SQLite file"),
            ("postgres://ada:hunter2@h:port/d", "cannot be read"),
            ("postgres://ada:hunter2@h/d?timeout=3", "parameter that is not known"),
        ] {
            let error = named(bad).unwrap_err();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
    }
}
