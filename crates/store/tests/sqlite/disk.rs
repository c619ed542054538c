//! A disk that is full, and one that may only be read.

use std::fs;
use std::process::Command;

use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};

use crate::child;
use crate::records::{all_targets, events, execution, hash, open, stored_events, whole, with_output};

fn bytes_of(number: u8, count: usize) -> Vec<u8> {
    vec![number; count]
}

/// Bad input: a full disk is told as such, nothing acknowledged is lost, nothing is half written, and the same
/// call succeeds when there is room again. Small outputs fill the database, large ones the directory beside it.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let Some(dir) = child::directory() else {
        let dir = tempfile::tempdir().unwrap();
        return child::on_small_disk("disk::a_full_disk_refuses_and_recovers", dir.path(), "18m");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for (round, size) in [(0u8, 100_000), (100u8, 1_500_000)] {
            let ballast = dir.join("ballast");
            fs::write(&ballast, bytes_of(0, 12_000_000)).unwrap();
            let dir = dir.join(size.to_string());
            let store = open(&dir).await;
            let new = execution("fill", 99);
            let id = new.id;
            store.create(new).await.unwrap();
            let write = |number: u8| {
                let output = whole(&bytes_of(round + number, size));
                let name = format!("n{number}");
                let seq = u64::from(number) + 1;
                [with_output(id, &name, NodeOutcome::Succeeded, output), events(id, [seq])]
            };
            let mut refused = None;
            for number in 0..99 {
                if let Err(error) = store.append(&write(number)).await {
                    refused = Some((number, error));
                    break;
                }
            }
            let (number, error) = refused.expect("6 MB do not take 99 outputs");
            assert!(matches!(error, StoreError::Full(_)), "{error:?}");
            assert!(error.is_retryable() && error.to_string().contains("store.db"), "{error}");
            assert!(error.to_string().contains("free some space"), "{error}");

            // Reading goes on.
            let count = usize::from(number);
            let done = |targets: &[pabawi_domain::record::TargetRecord]| {
                targets.iter().filter(|target| target.result.is_some()).count()
            };
            assert_eq!(done(&all_targets(&store, id).await), count);
            assert_eq!(stored_events(&store, id, 1000).await.len(), count);

            fs::remove_file(&ballast).unwrap();
            store.append(&write(number)).await.unwrap();
            for earlier in 0..=number {
                let bytes = bytes_of(round + earlier, size);
                let chunk = store.output(hash(&bytes), 0, 2_000_000).await.unwrap().unwrap();
                assert!(chunk.data.0 == bytes, "output {earlier}");
            }
            store.close().await;
            let store = open(&dir).await;
            assert_eq!(done(&all_targets(&store, id).await), count + 1);
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
        return child::on_small_disk("disk::a_disk_that_may_only_be_read_is_told_as_such", dir.path(), "12m");
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
