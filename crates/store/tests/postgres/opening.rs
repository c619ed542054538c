//! Opening: what is refused and why, and what two that open at once do to each other.

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use tokio::task::JoinSet;

use crate::opened::{open, options, server, sql};
use crate::records::execution;

async fn refused(url: &str) -> StoreError {
    let error = PostgresStore::open(PostgresOptions::new(url)).await.unwrap_err();
    for secret in [server().password(), "hunter2"] {
        assert!(!error.to_string().contains(secret), "{error}");
    }
    error
}

/// Bad input: each is told as what it is, and no error holds the password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_is_refused_with_the_reason() {
    let url = server().url("pabawi");
    for (url, part) in [
        ("postgres://ada:hunter2@127.0.0.1:1/none".to_owned(), "postgres://ada@127.0.0.1:1/none"),
        (url.replace(server().password(), "hunter2"), "user and the password"),
        (server().url("nothing_of_this_name"), "make the database"),
        ("mysql://ada:hunter2@127.0.0.1/d".to_owned(), "postgres://"),
        (format!("{url}?options=-csearch_path%3Dnowhere"), "no schema"),
    ] {
        let error = refused(&url).await;
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = refused(&format!("{url}?options=-cdefault_transaction_read_only%3Don")).await;
    assert!(matches!(error, StoreError::ReadOnly(_)), "{error:?}");
    server()
        .query("postgres", "CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
        .unwrap();
    let error = refused(&server().url("latin")).await;
    assert!(error.to_string().contains("UTF8"), "{error}");
}

/// Bad input: somebody who may not make tables is told what right is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_rights_is_told_which() {
    server().query("pabawi", "CREATE ROLE guest LOGIN PASSWORD 'hunter2'; CREATE SCHEMA closed").unwrap();
    server().query("pabawi", "GRANT USAGE ON SCHEMA closed TO guest").unwrap();
    let url =
        format!("postgres://guest:hunter2@{}/pabawi?options=-csearch_path%3Dclosed", server().address());
    let error = refused(&url).await;
    assert!(matches!(error, StoreError::ReadOnly(_)), "{error:?}");
    assert!(error.to_string().contains("right to make and change tables"), "{error}");
}

/// Bad input: a database made by a newer version is left exactly as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.close().await;
    sql(
        dir.path(),
        "INSERT INTO pabawi_exec_migrations (version, description, success, checksum, execution_time) \
         VALUES (999, 'of the future', TRUE, '', 0)",
    );
    let error = PostgresStore::open(options(dir.path())).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew(_)), "{error:?}");
    assert!(error.to_string().contains("999") && error.to_string().contains("newer program"), "{error}");
    assert_eq!(sql(dir.path(), "SELECT count(*) FROM pabawi_exec_owners"), "0\n", "nobody has registered");
}

/// Several machines that start at once bring the schema up to date once between them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_an_empty_database_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut opening = JoinSet::new();
    for _ in 0..8 {
        let options = options(dir.path());
        opening.spawn(async move { PostgresStore::open(options).await.unwrap() });
    }
    let stores = opening.join_all().await;
    let new = execution("true", 3);
    stores[0].create(new.clone()).await.unwrap();
    for store in &stores {
        assert_eq!(store.execution(new.id).await.unwrap().unwrap().progress.queued, 3);
        store.close().await;
    }
    assert_eq!(sql(dir.path(), "SELECT count(*) FROM pabawi_exec_owners"), "1\n", "who has something open");
}

/// What acknowledged means depends on this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_reach_stable_storage_whatever_the_server_is_set_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.create(execution("true", 1)).await.unwrap();
    // The server of the tests has it off; a trigger tells what the writer's session has.
    sql(
        dir.path(),
        "CREATE TABLE seen (setting TEXT); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN INSERT INTO seen SELECT current_setting(''synchronous_commit''); RETURN NEW; END'; \
         CREATE TRIGGER see BEFORE INSERT ON pabawi_exec_executions FOR EACH ROW EXECUTE FUNCTION see()",
    );
    store.create(execution("true", 1)).await.unwrap();
    assert_eq!(sql(dir.path(), "SELECT setting FROM seen"), "on\n");
    assert_eq!(sql(dir.path(), "SHOW synchronous_commit"), "off\n");
}
