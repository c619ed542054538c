//! A store on a SQLite file, and how it is left.

use std::path::Path;
use std::time::Duration;

use pabawi_domain::ports::{ExecutionStore as _, JournalStore as _};
use pabawi_domain::record::ExecutionQuery;
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use pabawi_testkit::wait::until_async;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

pub(crate) use crate::host::SqliteHost as Host;
pub(crate) use pabawi_store::host::SQLITE_MIGRATION as MIGRATION;

pub(crate) fn options(dir: &Path) -> SqliteOptions {
    SqliteOptions::new(dir.join("store.db"))
}

pub(crate) async fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(options(dir)).await.unwrap()
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

/// As the version before this one has left it.
pub(crate) async fn forget_the_newest(dir: &Path) {
    let before = dir.join("before.db");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schema-9.db");
    std::fs::copy(golden, &before).unwrap();
    std::fs::rename(before, dir.join("store.db")).unwrap();
    // Its one large output is not in the repository.
    for sql in
        ["UPDATE pabawi_exec_targets SET stdout = NULL, stderr = NULL", "DELETE FROM pabawi_exec_outputs"]
    {
        let mut conn = raw(dir).await;
        sqlx::query(sql).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }
}

pub(crate) async fn lose_large_outputs(dir: &Path) {
    std::fs::remove_dir_all(dir.join("store.db.outputs")).unwrap();
}

/// A store on a copy of a database, in a directory of its own.
pub(crate) async fn restore(_dir: &Path, copy: &Path) -> (tempfile::TempDir, SqliteStore) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::rename(copy, dir.path().join("store.db")).unwrap();
    let outputs = copy.with_file_name("copy.outputs");
    std::fs::rename(outputs, dir.path().join("store.db.outputs")).unwrap();
    let store = open(dir.path()).await;
    (dir, store)
}

/// That the whole of it is sound; closes it.
pub(crate) async fn sound(store: SqliteStore, dir: &Path) {
    let verified = store.verify_journal(None).await.unwrap();
    assert!(verified.is_sound(), "{verified:?}");
    store.executions(&ExecutionQuery::default()).await.unwrap();
    store.close().await;
    let mut conn = raw(dir).await;
    for pragma in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
        let found: Vec<String> = sqlx::query_scalar(pragma).fetch_all(&mut conn).await.unwrap();
        assert!(found.is_empty() || found == ["ok"], "{found:?}");
    }
    conn.close().await.unwrap();
}
