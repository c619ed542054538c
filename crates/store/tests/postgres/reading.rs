//! A server that only reads, from one moment to the next: by a setting, and as a standby.

use std::fs;

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::postgres::{End, Postgres};

use crate::records::execution;

/// What is there is read, what is new is refused with the reason, and so is opening.
async fn only_reads(store: &PostgresStore, options: &PostgresOptions) {
    let count = |page: pabawi_domain::record::Page<pabawi_domain::record::ExecutionRecord>| page.items.len();
    let before = store.executions(&Default::default()).await.map(count).unwrap();
    assert!(before > 0);
    let opening = PostgresStore::open(options.clone()).await.unwrap_err();
    for error in [store.create(execution("true", 1)).await.unwrap_err(), opening] {
        assert!(matches!(error, StoreError::ReadOnly(_)) && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains(store.place()), "{error}");
        assert!(error.to_string().contains("give the URL of the"), "{error}");
    }
    assert_eq!(store.executions(&Default::default()).await.map(count).unwrap(), before);
}

/// R5.5, bad input: a server that may not be written to is told as such, and when it may, the same store goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_only_reads_is_told_as_such() {
    let mut server = Postgres::start().unwrap();
    server.create_database("pabawi").unwrap();
    let options = PostgresOptions::new(&server.url("pabawi"));
    let store = PostgresStore::open(options.clone()).await.unwrap();
    store.create(execution("true", 1)).await.unwrap();

    for (setting, only) in [("on", true), ("off", false)] {
        let sql = format!("ALTER DATABASE pabawi SET default_transaction_read_only = {setting}");
        server.query("postgres", &sql).unwrap();
        // New sessions have it.
        server.stop(End::Fast);
        server.start_again().unwrap();
        if only {
            only_reads(&store, &options).await;
        } else {
            store.create(execution("true", 1)).await.unwrap();
        }
    }

    server.stop(End::Fast);
    let signal = server.data().join("standby.signal");
    fs::write(&signal, "").unwrap();
    server.start_again().unwrap();
    assert_eq!(server.query("postgres", "SELECT pg_is_in_recovery()").unwrap(), "t\n");
    only_reads(&store, &options).await;
    server.stop(End::Fast);
    fs::remove_file(signal).unwrap();
    server.start_again().unwrap();
    store.create(execution("true", 1)).await.unwrap();
    assert_eq!(store.executions(&Default::default()).await.unwrap().items.len(), 3);
    store.close().await;
}
