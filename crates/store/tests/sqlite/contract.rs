//! The contract of every execution store, with outputs in the database and with outputs in files.

use std::sync::Arc;

use pabawi_domain::condition::FactPath;
use pabawi_domain::ports::{BreakerStore as _, ExecutionStore as _, FactStore as _, PlanStore as _};
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use pabawi_testkit::contract::{GraphSubject, StoreSubject};

async fn empty_store() -> StoreSubject {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(dir.path().join("store.db"))).await.unwrap();
    StoreSubject::new(Arc::new(store), dir)
}

async fn store_of_files() -> StoreSubject {
    let dir = tempfile::tempdir().unwrap();
    let mut options = SqliteOptions::new(dir.path().join("store.db"));
    options.inline_output_bytes = 0;
    StoreSubject::new(Arc::new(SqliteStore::open(options).await.unwrap()), dir)
}

pabawi_testkit::execution_store_contract!(sqlite, super::empty_store);
pabawi_testkit::execution_store_contract!(sqlite_with_files, super::store_of_files);

async fn empty_graph_store() -> GraphSubject {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(dir.path().join("store.db"))).await.unwrap();
    GraphSubject::new(Arc::new(store), dir)
}

pabawi_testkit::graph_store_contract!(sqlite_graphs, super::empty_graph_store);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breakers_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(dir.path().join("store.db"))).await.unwrap();
    pabawi_testkit::contract::breaker_store::breakers_are_remembered(&store).await;
    store.save_breakers(&[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    pabawi_testkit::contract::plan_store::plans_are_remembered(&store).await;
    store.close().await;
    drop(store);
    let again = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    assert_eq!(again.plans("", 10).await.unwrap().len(), 1, "plans outlive the process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    pabawi_testkit::contract::fact_store::facts_are_kept(&store).await;
    store.close().await;
    drop(store);
    let again = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    let number = FactPath::new("number").unwrap();
    assert_eq!(again.values_at(&number).await.unwrap().len(), 1000, "facts outlive the process");
}
