//! Why a private key cannot be used, and what to do about it.
//!
//! Main type: [`KeyError`]. No message contains a passphrase or a part of a key.

use std::io;
use std::path::PathBuf;

/// Why a private key cannot be used. None of these goes away by trying again.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no such file.
    #[error("use the key {}: there is no such file; check IdentityFile or create one with ssh-keygen", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("use the key {}: {message}; make it readable for the user that runs this", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
        /// The same in words.
        message: String,
    },
    /// Others could read the key, so it is not used (as in OpenSSH).
    #[error(
        "use the key {path}: its permissions {mode:04o} let others read it; run: chmod 600 {quoted}",
        path = path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The path as a shell needs it.
        quoted: String,
    },
    /// The key is encrypted and no passphrase was given.
    #[error("use the key {}: it has a passphrase; give the passphrase or add the key to an agent with ssh-add", path.display())]
    NeedsPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase given does not open the key.
    #[error("use the key {}: the passphrase is wrong", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The key or its format is of a kind that cannot be used.
    #[error("use the key {}: {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        what: String,
    },
    /// The file is no private key or is damaged.
    #[error("use the key {}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// A fault in the content of a key, before the file's name is known.
#[derive(Debug)]
pub(super) enum Fault {
    NeedsPassphrase,
    WrongPassphrase,
    Unsupported(String),
    Malformed(String),
}

impl Fault {
    pub(super) fn at(self, path: &std::path::Path) -> KeyError {
        let path = path.to_owned();
        match self {
            Self::NeedsPassphrase => KeyError::NeedsPassphrase { path },
            Self::WrongPassphrase => KeyError::WrongPassphrase { path },
            Self::Unsupported(what) => KeyError::Unsupported { path, what },
            Self::Malformed(message) => KeyError::Malformed { path, message },
        }
    }
}
