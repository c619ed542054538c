//! What the database does by itself: the data of a result and its entry in one row of a bare table, without an index beside
//! its key, as durable as the store's.

use std::time::Instant;

use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::made;
use crate::{Database, Failure};

/// Rows in one statement, and in one transaction, of the batched ones.
const ROWS: usize = 256;
/// The most rows that are written one by one.
const SINGLE: usize = 1000;
const TABLE: &str =
    "CREATE TABLE bare (key BIGINT PRIMARY KEY, at BIGINT, node TEXT, outcome TEXT, stdout TEXT, entry TEXT)";

/// A row as the table has it.
struct Bare {
    key: i64,
    at: i64,
    node: String,
    stdout: String,
    entry: String,
}

/// Writes rows from `$from` to `$to`, so many a statement and transaction; the time that it took, in seconds.
macro_rules! insert {
    ($conn:expr, $rows:expr, $each:expr, $parameters:expr) => {{
        let begin = Instant::now();
        for rows in $rows.chunks($each) {
            let sql = format!("INSERT INTO bare VALUES {}", $parameters(rows.len()));
            let mut transaction = $conn.begin().await?;
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for row in rows {
                query = query.bind(row.key).bind(row.at).bind(&row.node).bind("succeeded");
                query = query.bind(&row.stdout).bind(&row.entry);
            }
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        $rows.len() as f64 / begin.elapsed().as_secs_f64()
    }};
}

pub(crate) async fn write(database: &Database, count: usize) -> Result<Value, Failure> {
    let rows = (0..count + SINGLE).map(row).collect::<Result<Vec<Bare>, Failure>>()?;
    let (single, batched) = rows.split_at_checked(SINGLE).ok_or("too few rows")?;
    let (single, batched) = match database.url() {
        Some(url) => {
            let mut conn = url.parse::<PgConnectOptions>()?.connect().await?;
            sqlx::query("SET synchronous_commit = on").execute(&mut conn).await?;
            sqlx::query(TABLE).execute(&mut conn).await?;
            let found = (insert!(conn, single, 1, numbered), insert!(conn, batched, ROWS, numbered));
            conn.close().await?;
            found
        }
        None => {
            let options = SqliteConnectOptions::new().filename(database.name()).create_if_missing(true);
            let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
            let mut conn = options.connect().await?;
            sqlx::query(TABLE).execute(&mut conn).await?;
            let found = (insert!(conn, single, 1, unnumbered), insert!(conn, batched, ROWS, unnumbered));
            conn.close().await?;
            found
        }
    };
    Ok(json!({"single_per_second": single, "batched_per_second": batched}))
}

/// `(?, ?, ..), (..)`: SQLite finds numbered ones by a walk over all of them.
fn unnumbered(rows: usize) -> String {
    vec!["(?,?,?,?,?,?)"; rows].join(",")
}

/// `($1, $2, ..), (..)`: PostgreSQL knows no others.
fn numbered(rows: usize) -> String {
    let row = |row: usize| {
        let first = row * 6;
        format!("(${},${},${},${},${},${})", first + 1, first + 2, first + 3, first + 4, first + 5, first + 6)
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

fn row(number: usize) -> Result<Bare, Failure> {
    let (at, node) = (jiff::Timestamp::now(), made::node(number)?);
    let printed = made::printed(number);
    let entry = made::entry(
        uuid::Uuid::nil().into(),
        (u32::try_from(number)?, &node),
        at,
        Some(made::output(printed.clone()).hash),
    );
    Ok(Bare {
        key: i64::try_from(number)?,
        at: i64::try_from(at.as_nanosecond())?,
        node: node.to_string(),
        stdout: String::from_utf8(printed.to_vec())?,
        entry: serde_json::to_string(&entry)?,
    })
}
