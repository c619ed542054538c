//! Identifiers: [`ExecutionId`], [`NodeId`] and the small names around them.
//!
//! Every identifier is its own type, so that one cannot be passed for another. Parsing is the only way to
//! make a name from text; nothing here looks anything up.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names one execution. A UUID of version 7, so that ids sort by the time of submission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ExecutionId(Uuid);

impl ExecutionId {
    /// Makes the id of an execution submitted at `at_ms` (milliseconds since the Unix epoch, UTC), with the
    /// given random bits. The caller brings time and randomness, since this crate touches neither.
    pub fn from_parts(at_ms: u64, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(at_ms, &random).into_uuid())
    }

    /// The UUID itself.
    pub fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl From<Uuid> for ExecutionId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecutionId({self})")
    }
}

impl FromStr for ExecutionId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self).map_err(|_| {
            InvalidName::new(
                "execution id",
                text,
                "must be a UUID such as the one that was returned on submission",
            )
        })
    }
}

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} {given:?}: {reason}")]
pub struct InvalidName {
    what: &'static str,
    given: String,
    reason: &'static str,
}

impl InvalidName {
    /// `given` is shown shortened, so that a megabyte of garbage does not fill a log.
    pub(crate) fn new(what: &'static str, given: &str, reason: &'static str) -> Self {
        const SHOWN: usize = 80;
        let mut shown: String = given.chars().take(SHOWN).collect();
        if given.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        Self { what, given: shown, reason }
    }

    /// What is wrong, without the given text.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

/// Makes a validated string type: `$check` returns why a text is refused.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Checks `text` and makes the name of it.
            ///
            /// # Errors
            /// [`InvalidName`] says which rule the text breaks.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
                let text = text.as_ref();
                match $check(text) {
                    None => Ok(Self(text.into())),
                    Some(reason) => Err(InvalidName::new($what, text, reason)),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// Names one node. 1 to 253 characters, letters, digits and `._:/@%+~-`; it never starts with `-`, so
    /// that it cannot be taken for an option, and holds no white space or control character, so that it
    /// cannot break a line in two.
    NodeId, "node id", node_name_fault
);

name_type!(
    /// Names a group of nodes: 1 to 253 printable characters without white space at the ends, not starting
    /// with `-`.
    GroupName, "group name", label_fault
);

name_type!(
    /// Names a plugin or a transport: `[a-z][a-z0-9_-]{0,62}`.
    PluginName, "plugin name", plugin_name_fault
);

impl PluginName {
    /// The transport of nodes and requests that name none.
    pub fn ssh() -> Self {
        Self("ssh".into())
    }
}

name_type!(
    /// Makes a submission repeatable: the same key returns the same execution. 1 to 253 printable characters.
    IdempotencyKey, "idempotency key", label_fault
);

name_type!(
    /// Follows one request through every log line, event and record. 1 to 253 printable characters.
    CorrelationId, "correlation id", label_fault
);

name_type!(
    /// A mark by which executions are found again. 1 to 253 printable characters.
    Tag, "tag", label_fault
);

fn node_name_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if text.len() > 253 {
        Some("must not be longer than 253 characters")
    } else if text.contains('\0') {
        Some("must not contain a NUL byte")
    } else if text.contains(['\n', '\r']) {
        Some("must not contain a line break")
    } else if text.starts_with('-') {
        Some("must not start with '-', since tools would take it for an option")
    } else if !text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@%+~-".contains(c)) {
        Some("may contain only letters, digits and the characters . _ : / @ % + ~ -")
    } else {
        None
    }
}

fn label_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if text.len() > 253 {
        Some("must not be longer than 253 bytes")
    } else if text.chars().any(char::is_control) {
        Some("must not contain control characters")
    } else if text.starts_with('-') {
        Some("must not start with '-'")
    } else if text.trim() != text {
        Some("must not begin or end with white space")
    } else {
        None
    }
}

fn plugin_name_fault(text: &str) -> Option<&'static str> {
    let mut chars = text.chars();
    let good = chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
        && text.len() <= 63;
    if good {
        None
    } else {
        Some("must be 1 to 63 characters of a-z, 0-9, '_' and '-', starting with a letter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names_that_could_do_harm_are_refused_with_the_reason() {
        for (bad, why) in [
            ("", "empty"),
            ("a\0b", "NUL"),
            ("a\nb", "line break"),
            ("-oProxyCommand=x", "start with '-'"),
            ("a b", "only letters"),
            ("a;b", "only letters"),
        ] {
            let error = NodeId::new(bad).unwrap_err();
            assert!(error.to_string().contains(why), "{bad:?}: {error}");
        }
        assert!(NodeId::new("x".repeat(254)).is_err());
        for good in ["web1", "bolt:web1", "root@10.0.0.1:22", "::1", "a/b", "WEB-1.example.org"] {
            assert_eq!(NodeId::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_long_bad_name_is_shown_shortened() {
        let error = NodeId::new(" ".repeat(100_000)).unwrap_err();
        assert!(error.to_string().len() < 300);
    }

    #[test]
    fn execution_ids_sort_by_time_and_read_back() {
        let early = ExecutionId::from_parts(1_000, [9; 10]);
        let late = ExecutionId::from_parts(2_000, [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<ExecutionId>().unwrap(), early);
        assert!("nonsense".parse::<ExecutionId>().is_err());
    }
}
