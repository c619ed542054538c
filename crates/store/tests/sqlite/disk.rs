//! A disk that is full, and one that may only be read.

use std::fs;
use std::process::Command;

use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};

use crate::filling::{Ballast, Filling};
use crate::records::open;
use crate::{child, children};

/// Bad input: a full disk is told as such. Small outputs fill the database, large ones the directory beside it.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let Some(dir) = child::directory() else {
        let dir = tempfile::tempdir().unwrap();
        return children::on_small_disk("disk::a_full_disk_refuses_and_recovers", dir.path(), "18m");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for (round, size) in [(0u8, 100_000), (100u8, 1_500_000)] {
            let ballast = Ballast::leaving(6_000_000, &dir);
            let dir = dir.join(size.to_string());
            let store = open(&dir).await;
            let filling = Filling::begin(&store, size, round).await;
            let (number, error) = filling.until_refused(&store).await;
            assert!(matches!(error, StoreError::Full(_)), "{error:?}");
            assert!(error.is_retryable() && error.to_string().contains("store.db"), "{error}");
            assert!(error.to_string().contains("free some space"), "{error}");
            // Reading goes on.
            filling.check(&store, number).await;

            ballast.drop();
            store.append(&filling.result(number)).await.unwrap();
            filling.check(&store, number + 1).await;
            store.close().await;
            let store = open(&dir).await;
            filling.check(&store, number + 1).await;
            store.close().await;
            fs::remove_dir_all(&dir).unwrap();
        }
    });
}

/// Bad input: where nothing may be written, opening fails, says so, and leaves everything as it is.
#[test]
fn a_disk_that_may_only_be_read_is_told_as_such() {
    let Some(dir) = child::directory() else {
        let dir = tempfile::tempdir().unwrap();
        return children::on_small_disk(
            "disk::a_disk_that_may_only_be_read_is_told_as_such",
            dir.path(),
            "12m",
        );
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        open(&dir).await.close().await;
        let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&dir).status().unwrap();
        assert!(remounted.success());
        assert!(fs::write(dir.join("probe"), b"").is_err(), "root cannot write there either");
        for name in ["store.db", "new.db", "below/new.db"] {
            let error = SqliteStore::open(SqliteOptions::new(dir.join(name))).await.unwrap_err();
            assert!(matches!(error, StoreError::ReadOnly(_)), "{error:?}");
            assert!(error.to_string().contains(name), "{error}");
            assert!(!error.is_retryable());
        }
    });
}
