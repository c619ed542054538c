//! Keys that were loaded before, shared by all connections.
//!
//! Main type: [`KeyCache`]. Failures are kept as well: a wrong passphrase for ten thousand nodes costs one
//! computation, not ten thousand.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pabawi_domain::secret::Secret;

use super::error::KeyError;
use super::load::{LoadedKey, load};

/// Loaded keys by path. Cheap to clone; clones share the content.
#[derive(Debug, Clone, Default)]
pub struct KeyCache {
    slots: Arc<Mutex<HashMap<PathBuf, SharedSlot>>>,
}

/// Locked while the key is being loaded, so that others wait for it instead of doing the same.
type SharedSlot = Arc<Mutex<Option<Slot>>>;

#[derive(Debug)]
struct Slot {
    stamp: Stamp,
    passphrase: Option<Secret>,
    result: Result<Arc<LoadedKey>, KeyError>,
}

/// What tells two versions of a file apart; mode and change time are part of it, because a `chmod` matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp([i64; 4], [u64; 3]);

impl KeyCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`load`], but the file is decrypted once for each version of it and each passphrase. Callers that
    /// come while it is being decrypted wait for the result.
    ///
    /// # Errors
    ///
    /// As [`load`].
    pub fn load(&self, path: &Path, passphrase: Option<&Secret>) -> Result<Arc<LoadedKey>, KeyError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(path.to_owned()).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = std::fs::metadata(path).ok().map(|metadata| {
            Stamp(
                [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()],
                [metadata.dev(), metadata.ino(), metadata.size()],
            )
        });
        if let (Some(known), Some(stamp)) = (&*slot, stamp)
            && known.stamp == stamp
            && known.passphrase.as_ref() == passphrase
        {
            return known.result.clone();
        }
        let result = load(path, passphrase.map(Secret::expose)).map(Arc::new);
        *slot = stamp.map(|stamp| Slot { stamp, passphrase: passphrase.cloned(), result: result.clone() });
        result
    }
}
