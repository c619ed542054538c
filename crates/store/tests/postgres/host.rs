//! A host's database in PostgreSQL with Pabawi's tables, asked as node-postgres asks: the server finds out the type of each
//! parameter.

use std::path::Path;

use async_trait::async_trait;
use pabawi_domain::ports::{HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue};
use pabawi_testkit::pabawi_history::pabawi_history;
use pabawi_testkit::pabawi_tables::pabawi_tables;
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Column as _, PgPool, Row as _, TypeInfo as _, ValueRef as _};

use crate::opened::host_url;

#[derive(Debug)]
pub(crate) struct PostgresHost(PgPool);

impl PostgresHost {
    /// Makes Pabawi's tables.
    pub(crate) async fn new(dir: &Path, name: &str) -> Self {
        let pool = PgPoolOptions::new().max_connections(2).connect(&host_url(dir, name)).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(pabawi_tables())).execute(&pool).await.unwrap();
        sqlx::raw_sql(pabawi_history()).execute(&pool).await.unwrap();
        Self(pool)
    }

    /// Applies a migration as Pabawi does: all of it at once.
    pub(crate) async fn migrate(&self, migration: &str) {
        sqlx::raw_sql(AssertSqlSafe(migration.to_owned())).execute(&self.0).await.unwrap();
    }
}

/// Every parameter as a literal of no type yet.
fn statement(sql: &str, parameters: &[HostValue]) -> String {
    let mut parameters = parameters.iter();
    let mut parts = sql.split('?');
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        match parameters.next().expect("a value for each parameter") {
            HostValue::Null => whole.push_str("NULL"),
            HostValue::Int(number) => whole.push_str(&format!("'{number}'")),
            HostValue::Text(text) => whole.push_str(&format!("'{}'", text.replace('\'', "''"))),
        }
        whole.push_str(part);
    }
    assert!(parameters.next().is_none(), "a parameter for each value");
    whole
}

fn fault(error: sqlx::Error) -> HostDatabaseError {
    match &error {
        sqlx::Error::Database(_) => HostDatabaseError::Refused(error.to_string()),
        _ => HostDatabaseError::Unavailable(error.to_string()),
    }
}

fn row(row: &PgRow) -> HostRow {
    let value = |index: usize| {
        let raw = row.try_get_raw(index).unwrap();
        match (raw.is_null(), raw.type_info().name()) {
            (true, _) => HostValue::Null,
            (false, "INT4") => i64::from(row.get::<i32, _>(index)).into(),
            (false, "INT8") => row.get::<i64, _>(index).into(),
            (false, _) => row.get::<String, _>(index).into(),
        }
    };
    row.columns().iter().map(|column| (column.name().to_owned(), value(column.ordinal()))).collect()
}

#[async_trait]
impl HostDatabase for PostgresHost {
    fn dialect(&self) -> HostDialect {
        HostDialect::Postgres
    }

    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError> {
        let sql = AssertSqlSafe(statement(sql, parameters));
        let rows = sqlx::raw_sql(sql).fetch_all(&self.0).await.map_err(fault)?;
        Ok(rows.iter().map(row).collect())
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError> {
        let sql = AssertSqlSafe(statement(sql, parameters));
        Ok(sqlx::raw_sql(sql).execute(&self.0).await.map_err(fault)?.rows_affected())
    }
}
