//! [`Owner`]: one opened store, and how other processes can tell that it lives.
//!
//! Every opened store holds an exclusive lock (flock(2)) on a file of its own, `<path>.owners/<uuid>.lock`,
//! from before its row is written until everything it had to write is written. The operating system lets go
//! of the lock when the process dies, however it dies. A row whose lock can be had, or whose file is gone,
//! belongs to a dead process.
//!
//! Opening is serialised by a lock on `<path>.owners/open`, so that nobody takes a lock file that is being
//! made for one of a dead process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pabawi_domain::ports::StoreError;
use uuid::Uuid;

use crate::output_files::make_private_dir;
use crate::sql::place::Place;

/// How long an opener rests between two looks at the lock of another.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// One opened store. Dropping it lets go of the lock.
#[derive(Debug)]
pub(crate) struct Owner {
    id: String,
    path: PathBuf,
    // Holds the lock.
    _lock: File,
}

impl Owner {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Removes the lock file and lets go of it.
    pub(crate) fn leave(self) {
        // A file that stays says the same as none: nobody holds its lock.
        let _ = fs::remove_file(&self.path);
    }
}

/// The directory with the lock files of one store.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    dir: PathBuf,
}

/// Holds off every other opening of the same store.
#[derive(Debug)]
pub(crate) struct Opening {
    _lock: File,
}

impl Owners {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Waits until no other process is opening this store, at most `limit`. Blocks.
    pub(crate) fn opening(&self, limit: Duration, place: &Place) -> Result<Opening, StoreError> {
        make_private_dir(&self.dir).map_err(|fault| place.io(fault.doing, &fault.path, &fault.error))?;
        let path = self.dir.join("open");
        let file = lock_file(&path).map_err(|error| place.io("open", &path, &error))?;
        let deadline = Instant::now() + limit;
        // Ends at the deadline.
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Opening { _lock: file }),
                Err(TryLockError::Error(error)) => return Err(place.io("lock", &path, &error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(StoreError::Unavailable(format!(
                        "another process has been opening {} for more than {} s; end it, or try again",
                        place.shown(),
                        limit.as_secs()
                    )));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// Makes a lock file and locks it.
    pub(crate) fn enter(&self, _opening: &Opening, place: &Place) -> Result<Owner, StoreError> {
        let id = Uuid::new_v4().to_string();
        let path = self.lock_path(&id);
        let lock = lock_file(&path).map_err(|error| place.io("make", &path, &error))?;
        lock.try_lock().map_err(|error| place.io("lock", &path, &io::Error::from(error)))?;
        Ok(Owner { id, path, _lock: lock })
    }

    /// Whether the owner of that id is dead. One whose lock cannot be looked at counts as alive: closing a
    /// live process's executions would be worse than leaving a dead one's open.
    pub(crate) fn is_dead(&self, id: &str) -> bool {
        // Ids are ours; one that is not a UUID must not become a path.
        let Ok(uuid) = Uuid::parse_str(id) else { return true };
        is_free(&self.lock_path(&uuid.to_string()))
    }

    /// The lock files of dead owners, and whether any owner lives. Asked while nobody else opens.
    pub(crate) fn survey(&self, _opening: &Opening, place: &Place) -> Result<Survey, StoreError> {
        let fault = |error: io::Error| place.io("list", &self.dir, &error);
        let mut survey = Survey { dead: Vec::new(), any_alive: false };
        for entry in fs::read_dir(&self.dir).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            if path.extension().is_none_or(|extension| extension != "lock") {
                continue;
            }
            if is_free(&path) {
                survey.dead.push(path);
            } else {
                survey.any_alive = true;
            }
        }
        Ok(survey)
    }

    /// Removes what a dead owner left.
    pub(crate) fn forget(&self, id: &str) {
        if let Ok(uuid) = Uuid::parse_str(id) {
            // A file that stays says the same as none: nobody holds its lock.
            let _ = fs::remove_file(self.lock_path(&uuid.to_string()));
        }
    }

    fn lock_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.lock"))
    }
}

/// Who has a store open.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Lock files that nobody holds.
    pub(crate) dead: Vec<PathBuf>,
    pub(crate) any_alive: bool,
}

fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Whether nobody holds the lock. Asked for with a shared lock, so that two who look at once do not take
/// each other for the owner.
fn is_free(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => file.try_lock_shared().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_until_it_leaves_or_its_lock_goes() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::file(dir.path().join("store.db"));
        let owners = Owners::new(dir.path().join("owners"));
        let opening = owners.opening(Duration::from_secs(5), &place).unwrap();
        let (one, two) = (owners.enter(&opening, &place).unwrap(), owners.enter(&opening, &place).unwrap());
        assert!(!owners.is_dead(one.id()) && !owners.is_dead(two.id()));
        let (one_id, two_id) = (one.id().to_owned(), two.id().to_owned());
        one.leave();
        assert!(owners.is_dead(&one_id) && !owners.is_dead(&two_id));
        // As when the process is killed: the file stays, the lock does not.
        drop(two);
        assert!(owners.is_dead(&two_id));
        let survey = owners.survey(&opening, &place).unwrap();
        assert_eq!((survey.dead.len(), survey.any_alive), (1, false));
        owners.forget(&two_id);
        assert!(owners.survey(&opening, &place).unwrap().dead.is_empty());
        assert!(owners.is_dead("../../etc/passwd"));
    }

    #[test]
    fn only_one_opens_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::file(dir.path().join("store.db"));
        let owners = Owners::new(dir.path().join("owners"));
        let held = owners.opening(Duration::ZERO, &place).unwrap();
        let error = owners.opening(Duration::from_millis(30), &place).unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains("store.db"), "{error}");
        drop(held);
        owners.opening(Duration::ZERO, &place).unwrap();
    }
}
