//! From a file to a [`LoadedKey`]: permissions, format, decryption.
//!
//! Main function: [`load`]. The formats themselves are in `openssh` and `pem`.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pabawi_domain::secret::Secret;

use super::error::{Fault, KeyError};
use super::{openssh, pem};
use crate::known_hosts::{fingerprint, key_type};
use crate::shell::quote;

/// A private key of 16384-bit RSA has about 13 KiB; more than this is no key.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// A private key, decrypted.
#[derive(Clone)]
pub struct LoadedKey {
    path: PathBuf,
    public_blob: Vec<u8>,
    clear_pem: Secret,
}

/// What a format yields.
pub(super) struct ClearKey {
    pub(super) public_blob: Vec<u8>,
    pub(super) clear_pem: Secret,
}

impl LoadedKey {
    /// The file it came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The public key in the format of RFC 4253 section 6.6, as agents and servers name it.
    pub fn public_blob(&self) -> &[u8] {
        &self.public_blob
    }

    /// `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256`, `-nistp384` or `-nistp521`.
    pub fn algorithm(&self) -> &str {
        key_type(&self.public_blob).unwrap_or_default()
    }

    /// As `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public_blob)
    }

    /// The private key without passphrase, in a format that libssh2 reads from memory.
    pub fn clear_pem(&self) -> &str {
        // Both formats are made by encoders that only write ASCII.
        std::str::from_utf8(self.clear_pem.expose()).unwrap_or_default()
    }
}

impl fmt::Debug for LoadedKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LoadedKey")
            .field("path", &self.path)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// Loads a private key in OpenSSH's format or PEM (PKCS#1, PKCS#8, SEC1), encrypted or not.
///
/// A passphrase is ignored when the key needs none. As in OpenSSH, a file of one's own that group or others
/// may read is refused.
///
/// # Errors
///
/// [`KeyError`], which says what to do.
pub fn load(path: impl AsRef<Path>, passphrase: Option<&[u8]>) -> Result<LoadedKey, KeyError> {
    let path = path.as_ref();
    let text = read(path)?;
    let clear = parse(text.expose(), passphrase).map_err(|fault| fault.at(path))?;
    Ok(LoadedKey { path: path.to_owned(), public_blob: clear.public_blob, clear_pem: clear.clear_pem })
}

fn read(path: &Path) -> Result<Secret, KeyError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeyError::Missing { path: path.to_owned() },
        kind => KeyError::Unreadable { path: path.to_owned(), kind, message: error.to_string() },
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(KeyError::Malformed {
            path: path.to_owned(),
            message: "it is not a regular file".to_owned(),
        });
    }
    // A key of somebody else that is readable was shared on purpose, for instance with a service's group.
    if metadata.uid() == rustix::process::getuid().as_raw() && metadata.mode() & 0o077 != 0 {
        let quoted = String::from_utf8_lossy(&quote(path.as_os_str().as_encoded_bytes())).into_owned();
        return Err(KeyError::TooOpen { path: path.to_owned(), mode: metadata.mode() & 0o7777, quoted });
    }
    if metadata.len() > MAX_KEY_BYTES {
        return Err(KeyError::Malformed {
            path: path.to_owned(),
            message: "it is too large for a key".to_owned(),
        });
    }
    // Reserved at once, so that growing leaves no copies behind in freed memory.
    let mut text = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1));
    file.take(MAX_KEY_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    Ok(Secret::new(text))
}

fn parse(text: &[u8], passphrase: Option<&[u8]>) -> Result<ClearKey, Fault> {
    let label = pem_label(text);
    match label.as_deref() {
        Some("OPENSSH PRIVATE KEY") => openssh::parse(text, passphrase),
        Some("RSA PRIVATE KEY" | "EC PRIVATE KEY" | "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY") => {
            pem::parse(text, passphrase)
        }
        Some("DSA PRIVATE KEY") => Err(unsupported_type("DSA")),
        Some(other) => Err(Fault::Unsupported(format!(
            "a {other:?} is not supported; convert it with ssh-keygen -p -f, or use another key"
        ))),
        None if text.starts_with(b"PuTTY-User-Key-File") => Err(Fault::Unsupported(
            "it is in PuTTY's format; convert it with puttygen -O private-openssh".to_owned(),
        )),
        None if [&b"ssh-"[..], b"ecdsa-", b"sk-"].iter().any(|start| text.starts_with(start)) => {
            Err(Fault::Malformed("it is a public key; name the private one, without .pub".to_owned()))
        }
        None => Err(Fault::Malformed("it is not a private key".to_owned())),
    }
}

/// The text between `-----BEGIN ` and `-----` on the first line that has it; lines before it are comments.
fn pem_label(text: &[u8]) -> Option<String> {
    text.split(|byte| *byte == b'\n').take(64).find_map(|line| {
        let label = line.trim_ascii().strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
        Some(String::from_utf8_lossy(label).into_owned())
    })
}

pub(super) fn unsupported_type(name: &str) -> Fault {
    Fault::Unsupported(format!("keys of type {name} are not supported; use Ed25519, ECDSA or RSA"))
}
