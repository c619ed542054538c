//! A host's database on a SQLite file with Pabawi's tables, through the host's own connection.

use std::path::Path;

use async_trait::async_trait;
use pabawi_domain::ports::{HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue};
use pabawi_testkit::pabawi_history::pabawi_history;
use pabawi_testkit::pabawi_tables::{pabawi_sql, pabawi_tables_file};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column as _, Row as _, Sqlite, SqlitePool, TypeInfo as _, ValueRef as _};

#[derive(Debug)]
pub(crate) struct SqliteHost(SqlitePool);

impl SqliteHost {
    /// Makes Pabawi's tables.
    pub(crate) async fn new(dir: &Path, name: &str) -> Self {
        let path = dir.join(format!("{name}.db"));
        pabawi_tables_file(&path).unwrap();
        pabawi_sql(&path, pabawi_history()).unwrap();
        let options = SqliteConnectOptions::new().filename(path).foreign_keys(true);
        // Pabawi has one.
        Self(SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap())
    }

    /// Applies a migration as Pabawi does: without comments, statement by statement.
    pub(crate) async fn migrate(&self, migration: &str) {
        let lines = migration.lines().filter(|line| !line.trim_start().starts_with("--"));
        let sql = lines.collect::<Vec<_>>().join("\n");
        let mut transaction = self.0.begin().await.unwrap();
        for statement in sql.split(';').filter(|statement| !statement.trim().is_empty()) {
            sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }
}

fn statement(sql: &str, parameters: &[HostValue]) -> Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for parameter in parameters {
        query = match parameter {
            HostValue::Null => query.bind(None::<String>),
            HostValue::Int(number) => query.bind(*number),
            HostValue::Text(text) => query.bind(text.clone()),
        };
    }
    query
}

fn fault(error: sqlx::Error) -> HostDatabaseError {
    match &error {
        sqlx::Error::Database(_) => HostDatabaseError::Refused(error.to_string()),
        _ => HostDatabaseError::Unavailable(error.to_string()),
    }
}

fn row(row: &SqliteRow) -> HostRow {
    let value = |index: usize| {
        let raw = row.try_get_raw(index).unwrap();
        match (raw.is_null(), raw.type_info().name()) {
            (true, _) => HostValue::Null,
            (false, "INTEGER") => row.get::<i64, _>(index).into(),
            (false, _) => row.get::<String, _>(index).into(),
        }
    };
    row.columns().iter().map(|column| (column.name().to_owned(), value(column.ordinal()))).collect()
}

#[async_trait]
impl HostDatabase for SqliteHost {
    fn dialect(&self) -> HostDialect {
        HostDialect::Sqlite
    }

    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError> {
        let rows = statement(sql, parameters).fetch_all(&self.0).await.map_err(fault)?;
        Ok(rows.iter().map(row).collect())
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError> {
        Ok(statement(sql, parameters).execute(&self.0).await.map_err(fault)?.rows_affected())
    }
}
