//! [`Secret`]: a value that can be used and cannot be shown.
//!
//! `Debug`, `Display` and serde all write `***`. The only way to the bytes is [`Secret::expose`], which is
//! easy to search for. The memory is overwritten when the last owner goes.

use std::fmt;
use std::str::Utf8Error;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

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

/// A JSON value that is a secret, as a parameter of a tool may be one. It is shown as `***`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct SecretValue(Value);

impl SecretValue {
    /// The value. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for SecretValue {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl TryFrom<&Secret> for SecretValue {
    type Error = Utf8Error;

    /// The same as a text.
    fn try_from(secret: &Secret) -> Result<Self, Utf8Error> {
        std::str::from_utf8(secret.expose()).map(|text| Self(Value::from(text)))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_value_is_never_shown_and_is_made_of_a_secret_that_is_text() {
        let value = SecretValue::try_from(&Secret::new("hunter2")).unwrap();
        assert_eq!((value.expose(), format!("{value:?}").as_str()), (&Value::from("hunter2"), REDACTED));
        SecretValue::try_from(&Secret::new(b"\xff".to_vec())).unwrap_err();
    }

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
