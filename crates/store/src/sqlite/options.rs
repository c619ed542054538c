//! What can be set about a SQLite store: [`SqliteOptions`].

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A store on a SQLite file.
pub type SqliteStore = crate::Store;

/// How a SQLite store is opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// The database file. It is made, with mode 0600, when it is missing; a missing directory is made with
    /// mode 0700. Beside it stand `<path>-wal` and `<path>-shm` (SQLite's), `<path>.owners/` and
    /// `<path>.outputs/`.
    pub path: PathBuf,
    /// Where outputs past [`SqliteOptions::inline_output_bytes`] and spilled ones are kept;
    /// `<path>.outputs/` when absent. It belongs to this one database: files in it that the database does
    /// not know are removed.
    pub outputs_dir: Option<PathBuf>,
    /// How long a write waits for another process's write, and an open for another's open; 30 s.
    pub busy_timeout: Duration,
    /// Connections for reading; 4.
    pub readers: u32,
    /// Outputs up to this size, in bytes, stand in the database itself; 1 MiB.
    pub inline_output_bytes: usize,
    /// The program may have another copy of SQLite, as one has that loads this library into itself. A file that the process has
    /// open already, and not by this copy, is refused then, since two copies corrupt it; no.
    pub beside_other_sqlite: bool,
}

impl SqliteOptions {
    /// The file at `path` and defaults for all the rest.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            outputs_dir: None,
            busy_timeout: Duration::from_secs(30),
            readers: 4,
            inline_output_bytes: 1024 * 1024,
            beside_other_sqlite: false,
        }
    }

    /// The same with large outputs kept in `dir`.
    #[must_use]
    pub fn outputs_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.outputs_dir = Some(dir.into());
        self
    }

    /// The same with another limit for waiting.
    #[must_use]
    pub fn busy_timeout(mut self, limit: Duration) -> Self {
        self.busy_timeout = limit;
        self
    }
}

/// `path` with `suffix` behind its file name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
