//! A disk that fills up under a store: the full disk is told as such, nothing acknowledged is lost, nothing is half written, and
//! the same call succeeds when there is room again.

use std::fs;
use std::path::{Path, PathBuf};

use pabawi_domain::id::ExecutionId;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, StoreError, StoreWrite};
use pabawi_store::Store;

use crate::records::{all_targets, events, execution, hash, stored_events, whole, with_output};

/// More results than fit on the disk.
const RESULTS: u8 = 99;

/// What takes the room of a disk.
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    /// Leaves so many bytes on the disk of a directory.
    pub(crate) fn leaving(bytes: u64, dir: &Path) -> Self {
        let found = rustix::fs::statvfs(dir).unwrap();
        let size = (found.f_bavail * found.f_frsize).checked_sub(bytes).expect("so much is free");
        let path = dir.join("ballast");
        fs::write(&path, vec![0; usize::try_from(size).unwrap()]).unwrap();
        Self(path)
    }

    pub(crate) fn drop(self) {
        fs::remove_file(self.0).unwrap();
    }
}

/// An execution whose nodes print `size` bytes each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    id: ExecutionId,
    size: usize,
    /// So that no two print the same.
    first: u8,
}

impl Filling {
    pub(crate) async fn begin(store: &Store, size: usize, first: u8) -> Self {
        let new = execution("fill", usize::from(RESULTS));
        let id = new.id;
        store.create(new).await.unwrap();
        Self { id, size, first }
    }

    fn bytes(self, number: u8) -> Vec<u8> {
        vec![self.first + number; self.size]
    }

    /// The result of that number, and its event.
    pub(crate) fn result(self, number: u8) -> [StoreWrite; 2] {
        let output = whole(&self.bytes(number));
        let result = with_output(self.id, &format!("n{number}"), NodeOutcome::Succeeded, output);
        [result, events(self.id, [u64::from(number) + 1])]
    }

    /// Writes until it is refused: the number of results, and the refusal.
    pub(crate) async fn until_refused(self, store: &Store) -> (u8, StoreError) {
        for number in 0..RESULTS {
            if let Err(error) = store.append(&self.result(number)).await {
                return (number, error);
            }
        }
        panic!("the disk takes {RESULTS} outputs of {} bytes", self.size);
    }

    /// That so many results are there, and no more; each as it was.
    pub(crate) async fn check(self, store: &Store, results: u8) {
        let targets = all_targets(store, self.id).await;
        let done = targets.iter().filter(|target| target.result.is_some()).count();
        assert_eq!(done, usize::from(results));
        assert_eq!(stored_events(store, self.id, 1000).await.len(), done);
        for number in 0..results {
            let bytes = self.bytes(number);
            let chunk = store.output(hash(&bytes), 0, 2_000_000).await.unwrap().unwrap();
            assert!(chunk.data.0 == bytes, "output {number}");
        }
    }
}
