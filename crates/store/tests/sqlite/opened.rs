//! A store on a SQLite file, and how it is left.

use std::path::Path;
use std::time::Duration;

use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use pabawi_testkit::wait::until_async;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

pub(crate) async fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(SqliteOptions::new(dir.join("store.db"))).await.unwrap()
}

/// Waits until nobody holds the lock of a dropped store: its writer ends in the background.
pub(crate) async fn abandon(store: SqliteStore, dir: &Path) {
    let locks = |dir: &Path| std::fs::read_dir(dir.join("store.db.owners")).unwrap().count();
    let before = locks(dir);
    drop(store);
    until_async("the writer's end", Duration::from_secs(30), || locks(dir) < before).await.unwrap();
}

/// Runs SQL behind the store's back, which has to change something.
pub(crate) async fn tamper(dir: &Path, sql: &'static str) {
    let mut conn = raw(dir).await;
    let done = sqlx::query(sql).execute(&mut conn).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql} changed nothing");
    conn.close().await.unwrap();
}

/// How many rows a table has.
pub(crate) async fn rows(dir: &Path, table: &'static str) -> i64 {
    let mut conn = raw(dir).await;
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let count = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    count
}

async fn raw(dir: &Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(dir.join("store.db")).connect().await.unwrap()
}
