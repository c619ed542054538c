//! [`Place`]: the file a store lives in, and errors that name it and say what to do.

use std::io;
use std::path::{Path, PathBuf};

use pabawi_domain::ports::StoreError;

/// The file a store lives in.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: PathBuf,
}

/// Primary result codes (<https://www.sqlite.org/rescode.html>); extended codes hold them in their low byte.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const NOTADB: i32 = 26;
}

/// Less free space than this, in bytes, explains a failed write: SQLite tells no difference between a full
/// disk and other faults when it cannot extend its shared-memory file.
const NEARLY_NOTHING: u64 = 256 * 1024;

impl Place {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What SQLite or the driver reports, while `doing` (reads after "failed to").
    pub(crate) fn sql(&self, doing: &str, error: &sqlx::Error) -> StoreError {
        let shown = self.path.display();
        let text = format!("{doing} in {shown}: {error}");
        match error {
            sqlx::Error::Database(fault) => {
                let code: i32 = fault.code().and_then(|code| code.parse().ok()).unwrap_or(1);
                match code & 0xff {
                    code::FULL => self.full(&text),
                    code::IOERR if self.nearly_full() => self.full(&text),
                    code::READONLY => StoreError::ReadOnly(format!("{text}; {}", self.read_only_hint())),
                    code::CORRUPT | code::NOTADB => StoreError::Corrupt(format!(
                        "{text}; restore {shown} from a backup, or move it away to start with an empty one"
                    )),
                    code::BUSY | code::LOCKED => StoreError::Unavailable(format!(
                        "{text}; another process has been writing for too long, try again"
                    )),
                    code::IOERR | code::CANTOPEN => StoreError::Unavailable(format!(
                        "{text}; look at the file system and the permissions of {shown}"
                    )),
                    _ => StoreError::Unavailable(text),
                }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                StoreError::Corrupt(text)
            }
            sqlx::Error::PoolClosed => StoreError::Closed,
            _ => StoreError::Unavailable(text),
        }
    }

    /// What the operating system reports about `path`.
    pub(crate) fn io(&self, doing: &str, path: &Path, error: &io::Error) -> StoreError {
        let text = format!("{doing} {}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => self.full(&text),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                StoreError::ReadOnly(format!("{text}; {}", self.read_only_hint()))
            }
            _ => StoreError::Unavailable(text),
        }
    }

    /// Something in the database that we cannot have written.
    pub(crate) fn corrupt(&self, what: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt(format!("{what} (in {})", self.path.display()))
    }

    fn full(&self, text: &str) -> StoreError {
        StoreError::Full(format!("{text}; free some space on the file system of {}", self.path.display()))
    }

    fn read_only_hint(&self) -> String {
        format!(
            "the process must be able to write {} and its directory; change their owner or permissions, or \
             give another path",
            self.path.display()
        )
    }

    fn nearly_full(&self) -> bool {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        rustix::fs::statvfs(dir)
            .is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) < NEARLY_NOTHING)
    }
}
