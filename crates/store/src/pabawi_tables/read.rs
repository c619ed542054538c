//! Reads the tables: [`PabawiTables`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::ports::{Memberships, PermissionName, PermissionTables, StoreError, TableAnswer};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};

use super::sql::{GROUPS, LOOK_UP, ROLES};
use crate::postgres;

/// Connections; questions are short and few.
const CONNECTIONS: u32 = 4;
/// How long a connection may take to come.
const PATIENCE: Duration = Duration::from_secs(4);

/// A row of [`LOOK_UP`].
type UserRow = (String, String, i64, i64, i64);

/// Pabawi's tables in its own database.
#[derive(Debug, Clone)]
pub struct PabawiTables {
    database: Database,
    /// Where they are, without a password.
    place: String,
}

#[derive(Debug, Clone)]
enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl PabawiTables {
    /// The tables of a SQLite file, which is opened for reading only when it is asked for the first time. See the module for
    /// when that must not be done.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(PATIENCE)
            .pragma("query_only", "on");
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        let pool = pool.connect_lazy_with(options);
        Self { database: Database::Sqlite(pool), place: shown(&path) }
    }

    /// The tables of a PostgreSQL database, by its URL `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the URL is none; it is not repeated, since it may hold a password.
    pub fn postgres(url: &str) -> Result<Self, StoreError> {
        let options = postgres::read_url(url)
            .map_err(|why| StoreError::Unavailable(format!("the URL of Pabawi's database {why}")))?;
        // A statement that only reads cannot be made to write by whoever shares the role.
        let options = options.options([("default_transaction_read_only", "on")]);
        let name = options.get_database().unwrap_or_default();
        let place = format!("postgres://{}:{}/{name}", options.get_host(), options.get_port());
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        Ok(Self { database: Database::Postgres(pool.connect_lazy_with(options)), place })
    }

    fn fault(&self, error: &sqlx::Error) -> StoreError {
        let text = format!("read Pabawi's tables in {}: {error}", self.place);
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Corrupt(text),
            sqlx::Error::PoolClosed => StoreError::Closed,
            _ => StoreError::Unavailable(text),
        }
    }

    async fn names(&self, sql: &'static str, user_id: &str) -> Result<Vec<String>, StoreError> {
        let names: sqlx::Result<Vec<(String,)>> = match &self.database {
            Database::Sqlite(pool) => sqlx::query_as(sql).bind(user_id).fetch_all(pool).await,
            Database::Postgres(pool) => sqlx::query_as(sql).bind(user_id).fetch_all(pool).await,
        };
        Ok(names.map_err(|error| self.fault(&error))?.into_iter().map(|(name,)| name).collect())
    }
}

#[async_trait]
impl PermissionTables for PabawiTables {
    async fn look_up(&self, user: &str, permission: &PermissionName) -> Result<Vec<TableAnswer>, StoreError> {
        let (resource, action) = (permission.resource.as_str(), permission.action.as_str());
        let rows: sqlx::Result<Vec<UserRow>> = match &self.database {
            Database::Sqlite(pool) => {
                sqlx::query_as(LOOK_UP).bind(user).bind(resource).bind(action).fetch_all(pool).await
            }
            Database::Postgres(pool) => {
                sqlx::query_as(LOOK_UP).bind(user).bind(resource).bind(action).fetch_all(pool).await
            }
        };
        let answer = |(user_id, username, is_active, is_admin, is_granted): UserRow| TableAnswer {
            user_id,
            username,
            // Only 1 is true, as Pabawi has it.
            is_active: is_active == 1,
            is_admin: is_admin == 1,
            is_granted: is_granted == 1,
        };
        Ok(rows.map_err(|error| self.fault(&error))?.into_iter().map(answer).collect())
    }

    async fn memberships(&self, user_id: &str) -> Result<Memberships, StoreError> {
        Ok(Memberships {
            groups: self.names(GROUPS, user_id).await?,
            roles: self.names(ROLES, user_id).await?,
        })
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
