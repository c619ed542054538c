//! [`run_steps`]: statements in a row, each made while the database works on the one before it.

use std::time::Duration;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite};

use super::connection::{Connection, within};
use super::fault::Fault;
use super::statement::Statement;

/// A statement behind what it does, for the error that it may end with.
pub(crate) type Step = (&'static str, Statement);

/// Statements that are made when it is their turn.
pub(crate) type Steps<'s> = Box<dyn Iterator<Item = Step> + Send + 's>;

/// Runs one after the other, up to the first that fails. SQLite works on a thread of its own, and PostgreSQL in a process of
/// its own: to collect the values of the next statement meanwhile costs no time.
pub(crate) async fn run_steps(
    mut steps: Steps<'_>,
    conn: &mut Connection,
) -> Result<(), (&'static str, Fault)> {
    // Biased: a statement is on its way before the next one is made.
    match conn {
        Connection::Sqlite(conn) => {
            let mut step = next_of_sqlite(&mut steps);
            while let Some((doing, query)) = step {
                let running = query.execute(&mut *conn);
                let (done, next) = tokio::join!(biased; running, async { next_of_sqlite(&mut steps) });
                done.map_err(|fault| (doing, fault.into()))?;
                step = next;
            }
        }
        Connection::Postgres(conn) => {
            let mut step = next_of_postgres(&mut steps);
            while let Some((doing, limit, query)) = step {
                let running = within(limit, query.execute(&mut *conn));
                let (done, next) = tokio::join!(biased; running, async { next_of_postgres(&mut steps) });
                done.map_err(|fault| (doing, fault.into()))?;
                step = next;
            }
        }
    }
    Ok(())
}

fn next_of_sqlite(steps: &mut Steps<'_>) -> Option<(&'static str, Query<'static, Sqlite, SqliteArguments>)> {
    let (doing, statement) = steps.next()?;
    Some((doing, statement.sqlite()))
}

fn next_of_postgres(
    steps: &mut Steps<'_>,
) -> Option<(&'static str, Duration, Query<'static, Postgres, PgArguments>)> {
    let (doing, statement) = steps.next()?;
    Some((doing, statement.limit(), statement.postgres()))
}
