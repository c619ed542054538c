//! [`Secret`]: a value that can be used and cannot be shown.
//!
//! `Debug`, `Display` and serde all write `***`. The only way to the bytes is [`Secret::expose`], which is
//! easy to search for. The memory is overwritten when the last owner goes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in place of a secret wherever it would be shown or stored.
pub const REDACTED: &str = "***";

/// A password, passphrase or token. Cloning shares the same memory.
#[derive(Clone)]
pub struct Secret(Arc<Zeroed>);

struct Zeroed(Vec<u8>);

impl Drop for Zeroed {
    fn drop(&mut self) {
        for byte in &mut self.0 {
            *byte = 0;
        }
        // The optimiser must not see that the bytes are never read again.
        std::hint::black_box(&self.0);
    }
}

impl Secret {
    /// Takes the bytes over.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(Zeroed(value.into())))
    }

    /// The bytes. Whoever calls this answers for where they go.
    pub fn expose(&self) -> &[u8] {
        &self.0.0
    }

    /// Whether this is the mark that a stored request carries instead of its secret.
    pub fn is_redacted(&self) -> bool {
        self.expose() == REDACTED.as_bytes()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}
impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret:?} {secret} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"));
        assert_eq!(secret.expose(), b"hunter2");
        let back: Secret = serde_json::from_str("\"***\"").unwrap();
        assert!(back.is_redacted() && !secret.is_redacted());
    }
}
