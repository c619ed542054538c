//! What can go wrong with the lists of known hosts.
//!
//! Main type: [`KnownHostsError`]. A key that is unknown, changed or revoked is not an error here but a
//! [`super::Verdict`].

use std::io;
use std::path::PathBuf;

/// Why a list could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KnownHostsError {
    /// The file exists but cannot be read. It might revoke the key, so going on would be unsafe.
    #[error("read the known hosts in {}: {message}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
        /// The same in words.
        message: String,
    },
    /// The key could not be stored; the file is as it was before.
    #[error("add a key to {}: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
        /// The same in words.
        message: String,
    },
    /// There is no user's list to add to (`UserKnownHostsFile none`).
    #[error("add a host key: no UserKnownHostsFile is set")]
    NoFile,
    /// The name would make a line with another meaning.
    #[error("add a host key: {name:?} cannot stand in a list of known hosts")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// Between the check and now somebody stored another key for the host.
    #[error("add a host key for {name}: another key was stored meanwhile (line {line} of {})", path.display())]
    Conflict {
        /// The name.
        name: String,
        /// Where the other key stands.
        path: PathBuf,
        /// Counted from 1.
        line: u32,
    },
    /// The key is not in the format of RFC 4253 section 6.6.
    #[error("use a host key: it is malformed")]
    MalformedKey,
}

impl KnownHostsError {
    pub(super) fn read(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Read { path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }

    pub(super) fn write(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Write { path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }
}
