//! What SQLite reports, as an error that says what to do.

use std::path::Path;

use pabawi_domain::ports::StoreError;
use sqlx::error::DatabaseError;

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

/// The error of a fault of the database file at `path`; `text` says what was being done.
pub(crate) fn told(text: String, path: &Path, fault: &dyn DatabaseError) -> StoreError {
    let shown = path.display();
    let code: i32 = fault.code().and_then(|code| code.parse().ok()).unwrap_or(1);
    match code & 0xff {
        code::FULL => full(&text, path),
        code::IOERR if nearly_full(path) => full(&text, path),
        code::READONLY => read_only(&text, path),
        code::CORRUPT | code::NOTADB => StoreError::Corrupt(format!(
            "{text}; restore {shown} from a backup, or move it away to start with an empty one"
        )),
        code::BUSY | code::LOCKED => StoreError::Unavailable(format!(
            "{text}; another process has been writing for too long, try again"
        )),
        code::IOERR | code::CANTOPEN => {
            StoreError::Unavailable(format!("{text}; look at the file system and the permissions of {shown}"))
        }
        _ => StoreError::Unavailable(text),
    }
}

/// No space is left near `path`.
pub(crate) fn full(text: &str, path: &Path) -> StoreError {
    StoreError::Full(format!("{text}; free some space on the file system of {}", path.display()))
}

/// Nothing may be written at `path`.
pub(crate) fn read_only(text: &str, path: &Path) -> StoreError {
    StoreError::ReadOnly(format!(
        "{text}; the process must be able to write {} and its directory; change their owner or permissions, or \
         give another path",
        path.display()
    ))
}

fn nearly_full(path: &Path) -> bool {
    let dir = path.parent().unwrap_or(Path::new("."));
    rustix::fs::statvfs(dir).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) < NEARLY_NOTHING)
}
