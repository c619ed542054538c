//! A server that keeps others waiting: a lock that somebody holds, and a server that says nothing.

use std::net::TcpListener;
use std::time::Duration;

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::wait::until_async;

use crate::opened::{open, sql};
use crate::records::execution;

const LIMIT: Duration = Duration::from_secs(60);

/// R7.2: closing comes to its end while a question and a write wait for a lock that somebody else holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_no_lock() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = execution("true", 1);
    store.create(new.clone()).await.unwrap();
    let place = dir.path().to_owned();
    let holding = std::thread::spawn(move || {
        let held = "LOCK TABLE pabawi_exec_executions IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)";
        std::panic::catch_unwind(|| sql(&place, held)).is_err()
    });
    let locks = |granted: bool| {
        let not = if granted { "" } else { "NOT" };
        sql(
            dir.path(),
            &format!(
                "SELECT count(*) FROM pg_locks WHERE {not} granted AND relation = 'pabawi_exec_executions'::regclass"
            ),
        )
    };
    until_async("the lock", LIMIT, || locks(true) == "1\n").await.unwrap();
    let asking = tokio::spawn({
        let store = store.clone();
        async move { store.execution(new.id).await }
    });
    let writing = tokio::spawn({
        let store = store.clone();
        async move { store.create(execution("later", 1)).await }
    });
    until_async("both to wait", LIMIT, || locks(false) == "2\n").await.unwrap();
    tokio::time::timeout(LIMIT, store.close()).await.expect("closing ends");
    assert_eq!(locks(false), "2\n", "they wait still");
    sql(
        dir.path(),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()",
    );
    assert!(holding.join().unwrap(), "its session was ended");
    // Whoever had asked before is answered; a question of several parts with the news that it came too late.
    let asked = asking.await.unwrap();
    assert!(matches!(asked, Ok(Some(_)) | Err(StoreError::Closed)), "{asked:?}");
    writing.await.unwrap().unwrap();
    let error = store.create(execution("too late", 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error:?}");
    let left = || sql(dir.path(), "SELECT count(*) FROM pabawi_exec_owners WHERE seen_at > 0");
    until_async("the end in the background", LIMIT, || left() == "0\n").await.unwrap();
}

/// R7.2: a server that takes connections and never answers is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada@{}/pabawi?password=hunter2", silent.local_addr().unwrap());
    let opening = PostgresStore::open(PostgresOptions::new(&url).patience(Duration::from_millis(200)));
    let error = tokio::time::timeout(LIMIT, opening).await.expect("it is given up").unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)) && error.is_retryable(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("has not answered") && !text.contains("hunter2"), "{text}");
}
