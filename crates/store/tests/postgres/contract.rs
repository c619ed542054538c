//! The contracts of the stores' ports, with outputs in rows and with outputs in pieces.

use std::sync::Arc;

use pabawi_domain::condition::FactPath;
use pabawi_domain::ports::{BreakerStore as _, ExecutionStore as _, FactStore as _, PlanStore as _};
use pabawi_store::postgres::PostgresStore;
use pabawi_testkit::contract::{GraphSubject, StoreSubject};

use crate::opened::{open, options};

async fn empty_store() -> StoreSubject {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    StoreSubject::new(Arc::new(store), dir)
}

async fn store_of_pieces() -> StoreSubject {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.inline_output_bytes = 0;
    StoreSubject::new(Arc::new(PostgresStore::open(options).await.unwrap()), dir)
}

pabawi_testkit::execution_store_contract!(postgres, super::empty_store);
pabawi_testkit::execution_store_contract!(postgres_with_pieces, super::store_of_pieces);

async fn empty_graph_store() -> GraphSubject {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    GraphSubject::new(Arc::new(store), dir)
}

pabawi_testkit::graph_store_contract!(postgres_graphs, super::empty_graph_store);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breakers_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    pabawi_testkit::contract::breaker_store::breakers_are_remembered(&store).await;
    store.save_breakers(&[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    pabawi_testkit::contract::plan_store::plans_are_remembered(&store).await;
    store.close().await;
    let again = open(dir.path()).await;
    assert_eq!(again.plans("", 10).await.unwrap().len(), 1, "plans outlive the process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    pabawi_testkit::contract::fact_store::facts_are_kept(&store).await;
    store.close().await;
    let again = open(dir.path()).await;
    let number = FactPath::new("number").unwrap();
    assert_eq!(again.values_at(&number).await.unwrap().len(), 1000, "facts outlive the process");
}
