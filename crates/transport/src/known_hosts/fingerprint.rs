//! What a public key blob is called: its type and its SHA-256 fingerprint as `ssh-keygen -l` prints it.
//!
//! Main functions: [`fingerprint`] and [`key_type`]. They must not judge whether a key is good.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

/// `SHA256:` and the base64 hash of the blob without padding.
pub fn fingerprint(key_blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key_blob)))
}

/// The algorithm name at the start of a public key blob (RFC 4253 section 6.6); `None` when malformed.
pub fn key_type(key_blob: &[u8]) -> Option<&str> {
    let (length, rest) = key_blob.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let name = std::str::from_utf8(rest.get(..length)?).ok()?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())).then_some(name)
}
