//! For tests: [`Explained`] says how SQLite answers a question.

use pabawi_domain::ports::ExecutionStore as _;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use crate::db::{self, Pool};
use crate::sqlite::{SqliteOptions, SqliteStore};

/// An empty database of the newest schema.
pub(crate) struct Explained {
    store: SqliteStore,
    pool: Pool,
    _dir: tempfile::TempDir,
}

impl Explained {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let store = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
        let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
        Self { store, pool: Pool::Sqlite(pool), _dir: dir }
    }

    /// The steps of the plan, in their order.
    pub(crate) async fn steps(&self, sql: &str) -> Vec<String> {
        let rows = db::query(format!("EXPLAIN QUERY PLAN {sql}")).fetch_all(&self.pool).await.unwrap();
        rows.iter().map(|row| row.try_get::<String>(3).unwrap()).collect()
    }

    pub(crate) async fn close(self) {
        self.pool.close().await;
        self.store.close().await;
    }
}
