//! Lists that were read before, kept until the file on disk changes.
//!
//! Main type: [`KnownHostsCache`]. It must not hold its lock while it reads a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::add::Writers;
use super::check::KnownHosts;
use super::error::KnownHostsError;
use super::file::KnownFile;

/// Parsed lists by path. Cheap to clone; clones share the content.
#[derive(Debug, Clone, Default)]
pub struct KnownHostsCache {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    files: Mutex<HashMap<PathBuf, (Stamp, Arc<KnownFile>)>>,
    writers: Writers,
}

/// What tells two versions of a file apart without reading it. The change time catches an edit that keeps
/// the size and sets back the modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl KnownHostsCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lists at these paths together. Keys are added to the first of `user_files`; a file that does not
    /// exist counts as empty, and nothing is read before the first question.
    pub fn open(&self, user_files: Vec<PathBuf>, global_files: Vec<PathBuf>) -> KnownHosts {
        KnownHosts::new(self.clone(), user_files, global_files)
    }

    pub(super) fn writers(&self) -> &Writers {
        &self.inner.writers
    }

    /// The list at `path`, read again only when the file changed.
    pub(super) fn get(&self, path: &Path) -> Result<Arc<KnownFile>, KnownHostsError> {
        let read = |error: io::Error| KnownHostsError::read(path, &error);
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(error) => return Err(read(error)),
        };
        let stamp = Stamp::of(&metadata);
        // Nothing in this crate panics while holding the lock, and a cache entry is replaced as a whole.
        if let Some((known, file)) = self.inner.files.lock().unwrap_or_else(PoisonError::into_inner).get(path)
            && *known == stamp
        {
            return Ok(Arc::clone(file));
        }
        let mut text = Vec::new();
        let mut open = match File::open(path) {
            Ok(open) => open,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(error) => return Err(read(error)),
        };
        // The stamp is that of the file opened, taken before reading: a change meanwhile is seen next time.
        let stamp = Stamp::of(&open.metadata().map_err(read)?);
        open.read_to_end(&mut text).map_err(read)?;
        let parsed = Arc::new(KnownFile::parse(&text));
        let mut files = self.inner.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), (stamp, Arc::clone(&parsed)));
        Ok(parsed)
    }
}
