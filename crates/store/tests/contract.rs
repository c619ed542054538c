//! The SQLite store runs the contract of every execution store.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use pabawi_testkit::contract::StoreSubject;

async fn empty_store() -> StoreSubject {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let store = SqliteStore::open(SqliteOptions::new(dir.path().join("store.db"))).await;
    StoreSubject::new(Arc::new(store.expect("an empty store opens")), dir)
}

/// With every output in a file, small ones too.
async fn store_of_files() -> StoreSubject {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let mut options = SqliteOptions::new(dir.path().join("store.db"));
    options.inline_output_bytes = 0;
    let store = SqliteStore::open(options).await;
    StoreSubject::new(Arc::new(store.expect("an empty store opens")), dir)
}

pabawi_testkit::execution_store_contract!(sqlite, super::empty_store);
pabawi_testkit::execution_store_contract!(sqlite_with_files, super::store_of_files);
