//! Connections of each database: [`Connection`], [`Pool`], and how a connection is made, [`Connector`].

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool, Postgres,
    Sqlite, SqliteConnection, SqlitePool, Transaction,
};

use super::dialect::Dialect;
use super::fault::Result;

/// One connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Tells the database that it is over, and waits for it.
    pub(crate) async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(conn) => conn.close().await?,
            Self::Postgres(conn) => conn.close().await?,
        }
        Ok(())
    }
}

/// How a connection is made.
#[derive(Debug, Clone)]
pub(crate) enum Connector {
    Sqlite(SqliteConnectOptions),
    Postgres {
        options: PgConnectOptions,
        /// What the connection is told first.
        setup: String,
        /// How long all that may take.
        limit: Duration,
    },
}

impl Connector {
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Ok(match self {
            Self::Sqlite(options) => Connection::Sqlite(options.connect().await?),
            Self::Postgres { options, setup, limit } => {
                let connecting = async {
                    let mut conn = options.connect().await?;
                    conn.execute(AssertSqlSafe(setup.as_str())).await?;
                    Ok(conn)
                };
                Connection::Postgres(within(*limit, connecting).await?)
            }
        })
    }
}

/// Connections for questions.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Begins a view of the database that does not change.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot> {
        Ok(match self {
            Self::Sqlite(pool) => Snapshot::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => {
                let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
                Snapshot::Postgres(within(ANSWER, pool.begin_with(begin)).await?)
            }
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// How long a server may take to answer a statement. Nothing takes so long by itself; it tells a server that is gone from a
/// slow one, which TCP by itself does not.
pub(crate) const ANSWER: Duration = Duration::from_secs(120);

/// What comes of work with a server, unless it takes too long.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let text = format!("the server has not answered for {} s", limit.as_secs());
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
    })
}

/// One unchanging view of the database for several questions; nothing can be written. It ends when it is dropped.
#[derive(Debug)]
pub(crate) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What a statement is run on.
#[derive(Debug)]
pub(crate) enum On<'c> {
    Sqlite(&'c mut SqliteConnection),
    SqlitePool(&'c SqlitePool),
    Postgres(&'c mut PgConnection),
    PostgresPool(&'c PgPool),
}

impl<'c> From<&'c mut Connection> for On<'c> {
    fn from(conn: &'c mut Connection) -> Self {
        match conn {
            Connection::Sqlite(conn) => Self::Sqlite(conn),
            Connection::Postgres(conn) => Self::Postgres(conn),
        }
    }
}

impl<'c> From<&'c mut Snapshot> for On<'c> {
    fn from(snapshot: &'c mut Snapshot) -> Self {
        match snapshot {
            Snapshot::Sqlite(transaction) => Self::Sqlite(transaction),
            Snapshot::Postgres(transaction) => Self::Postgres(transaction),
        }
    }
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
            Pool::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}
