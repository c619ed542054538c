//! [`Statement`]: SQL with the values of its parameters, and how it is run.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

use super::connection::{ANSWER, On, within};
use super::fault::{Fault, Result};
use super::row::Row;
use super::value::Value;
use crate::postgres::text;

/// SQL with the values of its parameters.
#[derive(Debug)]
pub(crate) struct Statement {
    sql: Cow<'static, str>,
    values: Vec<Value>,
    /// How long a server may take to answer.
    limit: Duration,
}

/// What looks at every row of large tables may take a server hours.
const AT_LENGTH: Duration = Duration::from_secs(24 * 60 * 60);

/// A statement without values. The text is ours: values go into parameters.
pub(crate) fn query(sql: impl Into<Cow<'static, str>>) -> Statement {
    Statement { sql: sql.into(), values: Vec::new(), limit: ANSWER }
}

impl Statement {
    /// The value of the next parameter.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The values of the next parameters.
    pub(crate) fn bind_all(mut self, mut values: Vec<Value>) -> Self {
        self.values.append(&mut values);
        self
    }

    /// The same for something that takes its time.
    pub(crate) fn at_length(mut self) -> Self {
        self.limit = AT_LENGTH;
        self
    }

    /// Every row.
    pub(crate) async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<Row>> {
        match on.into() {
            On::Sqlite(conn) => sqlite_rows(self.sqlite().fetch_all(conn).await?),
            On::SqlitePool(pool) => sqlite_rows(self.sqlite().fetch_all(pool).await?),
            On::Postgres(conn) => text::rows(&within(self.limit, self.postgres().fetch_all(conn)).await?),
            On::PostgresPool(pool) => text::rows(&within(self.limit, self.postgres().fetch_all(pool)).await?),
        }
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<Row>> {
        match on.into() {
            On::Sqlite(conn) => Ok(self.sqlite().fetch_optional(conn).await?.map(Row::Sqlite)),
            On::SqlitePool(pool) => Ok(self.sqlite().fetch_optional(pool).await?.map(Row::Sqlite)),
            On::Postgres(conn) => within(self.limit, self.postgres().fetch_optional(conn))
                .await?
                .as_ref()
                .map(text::row)
                .transpose(),
            On::PostgresPool(pool) => within(self.limit, self.postgres().fetch_optional(pool))
                .await?
                .as_ref()
                .map(text::row)
                .transpose(),
        }
    }

    /// The first row.
    pub(crate) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<Row> {
        self.fetch_optional(on).await?.ok_or(Fault::NoRow)
    }

    /// Runs it and tells how many rows it has changed.
    pub(crate) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<u64> {
        Ok(match on.into() {
            On::Sqlite(conn) => self.sqlite().execute(conn).await?.rows_affected(),
            On::SqlitePool(pool) => self.sqlite().execute(pool).await?.rows_affected(),
            On::Postgres(conn) => within(self.limit, self.postgres().execute(conn)).await?.rows_affected(),
            On::PostgresPool(pool) => {
                within(self.limit, self.postgres().execute(pool)).await?.rows_affected()
            }
        })
    }

    /// The same for SQLite's driver.
    pub(super) fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        let mut query = sqlx::query(AssertSqlSafe(self.sql));
        for value in self.values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }

    /// How long a server may take to answer.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// The same for PostgreSQL's driver.
    pub(super) fn postgres(self) -> Query<'static, Postgres, PgArguments> {
        let mut query = sqlx::query(AssertSqlSafe(self.sql));
        for value in self.values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value.map(text::written)),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }
}

fn sqlite_rows(rows: Vec<sqlx::sqlite::SqliteRow>) -> Result<Vec<Row>> {
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}
