//! [`Sole`]: that no other copy of SQLite in this process has a database file open.
//!
//! Locks of fcntl(2) belong to the process, so that two copies do not keep each other out, and either of them that closes the file
//! drops the locks of both (<https://www.sqlite.org/howtocorrupt.html>, section 2.2). This copy knows what it has open itself; whatever
//! else of this process has the file open when the first of its stores is opened is not this copy.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pabawi_domain::ports::StoreError;

/// A connection of this copy whose store is gone has had its thread to end by then.
const CLOSING: Duration = Duration::from_secs(1);
const LOOKED_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The descriptors of this process; on Linux a link to /proc/self/fd.
const FILES: &str = "/dev/fd";

/// A file: its device, and its number there.
type FileId = (u64, u64);

/// How many stores of this copy have which file open.
static OPEN: Mutex<BTreeMap<FileId, usize>> = Mutex::new(BTreeMap::new());

/// One store that has the file open, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Sole(FileId);

impl Sole {
    /// Takes the file, which `make` makes first; blocks, for a second where somebody else has it open.
    ///
    /// # Errors
    /// What `make` says; [`StoreError::Unavailable`] where this process has the file open by other means.
    pub(crate) fn take(
        path: &Path,
        make: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let fault = |error| StoreError::Unavailable(format!("look at {}: {error}", path.display()));
        let unseen = |error| {
            StoreError::Unavailable(format!("look which files this process has open: {FILES}: {error}"))
        };
        let mut open = open();
        // Nobody else of this copy looks meanwhile, and finds the file open that is just being made.
        make()?;
        let found = fs::metadata(path).map_err(fault)?;
        let file = (found.dev(), found.ino());
        let begun = Instant::now();
        while !open.contains_key(&file) && is_open(file).map_err(unseen)? {
            if begun.elapsed() > CLOSING {
                return Err(StoreError::Unavailable(format!(
                    "this process has {} open already, by another copy of SQLite or by other means, and two copies corrupt a \
                     file; give the framework a file of its own",
                    path.display()
                )));
            }
            drop(open);
            std::thread::sleep(LOOKED_AGAIN_AFTER);
            open = self::open();
        }
        *open.entry(file).or_default() += 1;
        Ok(Self(file))
    }
}

impl Drop for Sole {
    fn drop(&mut self) {
        let mut open = open();
        if let Some(stores) = open.get_mut(&self.0) {
            *stores -= 1;
            if *stores == 0 {
                open.remove(&self.0);
            }
        }
    }
}

fn open() -> MutexGuard<'static, BTreeMap<FileId, usize>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a descriptor of this process is of that file.
fn is_open(file: FileId) -> std::io::Result<bool> {
    // A descriptor that is closed meanwhile is none.
    let mut descriptors = fs::read_dir(FILES)?.flatten();
    Ok(descriptors.any(|descriptor| {
        fs::metadata(descriptor.path()).is_ok_and(|found| (found.dev(), found.ino()) == file)
    }))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_that_is_open_by_other_means_is_refused_and_one_of_our_own_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let make =
            || File::create(&path).map(drop).map_err(|error| StoreError::Unavailable(error.to_string()));
        let first = Sole::take(&path, make).unwrap();
        // As this copy of SQLite has it open.
        let own = File::open(&path).unwrap();
        let second = Sole::take(&path, || Ok(())).unwrap();
        drop(first);
        let third = Sole::take(&path, || Ok(())).unwrap();
        drop((second, third));
        let link = dir.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let refused = Sole::take(&link, || Ok(())).unwrap_err();
        assert!(refused.to_string().contains("link.db open already, by another copy of SQLite"), "{refused}");
        let closing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(own);
        });
        Sole::take(&path, || Ok(())).unwrap();
        closing.join().unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_made_or_is_gone_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let refused = Sole::take(&path, || Err(StoreError::Unavailable("no room".to_owned()))).unwrap_err();
        assert!(refused.to_string().contains("no room"), "{refused}");
        let refused = Sole::take(&path, || Ok(())).unwrap_err();
        assert!(refused.to_string().contains("store.db"), "{refused}");
    }
}
