//! [`EntryId`]: names one entry of the journal.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::id::InvalidName;

/// Names one entry of the journal. An entry is written once, however often it is given to a store: the second time its id is
/// known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EntryId(Uuid);

impl EntryId {
    /// The id that follows from these parts and from nothing else, a UUID of version 8 (RFC 9562 section 5.8): what is written
    /// about the same thing twice has one id.
    pub fn derived(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut bytes = [0u8; 16];
        for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl From<Uuid> for EntryId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({self})")
    }
}

impl FromStr for EntryId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self).map_err(|_| {
            InvalidName::new("journal entry id", text, "must be a UUID such as the journal shows")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_depends_on_every_part_and_on_where_it_ends() {
        let id = EntryId::derived(&["result", "a", "b"]);
        assert_eq!(id, EntryId::derived(&["result", "a", "b"]));
        for other in
            [&["result", "ab"][..], &["result", "a", "c"], &["resulta", "", "b"], &["result", "a", "b", ""]]
        {
            assert_ne!(id, EntryId::derived(other), "{other:?}");
        }
        assert_eq!(id.to_string().parse::<EntryId>().unwrap(), id);
        assert!("x".parse::<EntryId>().is_err());
    }
}
