//! A server whose disk fills up: that of its tables, and that of what it writes ahead of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::postgres::{End, Postgres};
use pabawi_testkit::wait::until_async;

use crate::child;
use crate::filling::{Ballast, Filling};

fn in_runtime(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work);
}

async fn open(server: &Postgres, database: &str) -> PostgresStore {
    PostgresStore::open(PostgresOptions::new(&server.url(database))).await.unwrap()
}

/// Runs the child on a small disk. The server refuses to run as root: it finds its own user where the test runs as root, and is
/// nobody where it does not. Needs root, or user namespaces.
fn on_small_disk(test: &str, dir: &Path, size: &str) {
    if rustix::process::geteuid().is_root() {
        child::on_small_disk(&["unshare", "--mount"], &[], test, dir, size);
    } else {
        let nobody = ["unshare", "--map-user=65534"];
        child::on_small_disk(&["unshare", "--map-root-user", "--mount"], &nobody, test, dir, size);
    }
}

/// A directory of the server on the small disk.
fn given(server: &Postgres, path: &Path) {
    fs::create_dir(path).unwrap();
    server.give(path).unwrap();
}

/// Bad input: a full disk below the tables is told as such, for outputs in rows and for outputs in pieces.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let Some(dir) = child::directory() else {
        let dir = tempfile::tempdir().unwrap();
        return on_small_disk("disk::a_full_disk_refuses_and_recovers", dir.path(), "40m");
    };
    in_runtime(async {
        let server = Postgres::start().unwrap();
        given(&server, &dir.join("space"));
        let space = format!("CREATE TABLESPACE small LOCATION '{}'", dir.join("space").display());
        server.query("postgres", &space).unwrap();
        server.query("postgres", "CREATE DATABASE small TABLESPACE small").unwrap();
        let store = open(&server, "small").await;
        for (round, size) in [(0u8, 100_000), (100u8, 1_500_000)] {
            let ballast = Ballast::leaving(6_000_000, &dir);
            let filling = Filling::begin(&store, size, round).await;
            let (number, error) = filling.until_refused(&store).await;
            assert!(matches!(error, StoreError::Full(_)), "{error:?}");
            assert!(error.is_retryable() && error.to_string().contains(store.place()), "{error}");
            assert!(error.to_string().contains("free some space"), "{error}");
            assert!(String::from_utf8_lossy(&server.log().unwrap()).contains("No space left on device"));
            // Reading goes on.
            filling.check(&store, number).await;

            ballast.drop();
            store.append(&filling.result(number)).await.unwrap();
            filling.check(&store, number + 1).await;
            let other = open(&server, "small").await;
            filling.check(&other, number + 1).await;
            other.close().await;
        }
        store.close().await;
    });
}

/// Bad input: a server that has no room for what it writes ahead stops itself. That is told as what may pass, nothing that was
/// acknowledged is lost, and the same store goes on when the server is back.
#[test]
fn a_server_that_stops_for_want_of_room_loses_nothing() {
    const NAME: &str = "disk::a_server_that_stops_for_want_of_room_loses_nothing";
    let Some(dir) = child::directory() else {
        let dir = tempfile::tempdir().unwrap();
        return on_small_disk(NAME, dir.path(), "48m");
    };
    in_runtime(async {
        let mut server = Postgres::start_fragile(&dir.join("wal")).unwrap();
        server.create_database("pabawi").unwrap();
        let store = open(&server, "pabawi").await;
        let ballast = Ballast::leaving(6_000_000, &dir);
        let filling = Filling::begin(&store, 100_000, 0).await;
        let (number, error) = filling.until_refused(&store).await;
        assert!(error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains(store.place()), "{error}");
        let stopped = || {
            let log = server.log().unwrap();
            String::from_utf8_lossy(&log)
                .lines()
                .any(|line| line.contains("PANIC") && line.contains("No space left on device"))
        };
        until_async("the server to stop itself", Duration::from_secs(60), stopped).await.unwrap();
        let error = store.append(&filling.result(number)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_) | StoreError::Full(_)), "{error:?}");

        ballast.drop();
        // Whether it comes back by itself depends on whether there was room to repair what it has left.
        server.stop(End::Immediate);
        server.start_again().unwrap();
        store.append(&filling.result(number)).await.unwrap();
        filling.check(&store, number + 1).await;
        let other = open(&server, "pabawi").await;
        filling.check(&other, number + 1).await;
        other.close().await;
        store.close().await;
    });
}
