//! [`EntryId`]: names one entry of the journal.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::id::{ExecutionId, InvalidName};

/// Names one entry of the journal. An entry is written once, however often it is given to a store: the second time its id is
/// known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EntryId(Uuid);

impl EntryId {
    /// The id that follows from these parts and from nothing else, a UUID of version 8 (RFC 9562 section 5.8): what is written
    /// about the same thing twice has one id.
    pub fn derived(parts: &[&str]) -> Self {
        Self(uuid::Builder::from_custom_bytes(digest(parts)).into_uuid())
    }

    /// As [`EntryId::derived`], of a target of an execution: such ids stand in the order of the executions' ids, which is that
    /// of their times, and within one in the order of its targets. So a store that finds entries by their ids writes those of
    /// one time beside each other. `place` is the target's place in its execution, from 0.
    ///
    /// The first 48 bits are those of the execution's id, the next 18 that are free the place (the lowest of it, where it has
    /// more), the other 56 follow from execution and parts.
    pub fn of_target(execution: ExecutionId, place: u32, parts: &[&str]) -> Self {
        let id = execution.to_string();
        let mut bytes = digest(&[&[id.as_str()], parts].concat());
        let [.., high, middle, low] = (place << 2).to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(execution.as_uuid().as_bytes().iter().take(6)) {
            *to = *from;
        }
        // The version and the variant take the first bits of the first and the last of these.
        let [_, _, _, _, _, _, at_6, at_7, at_8, ..] = &mut bytes;
        (*at_6, *at_7, *at_8) = (high, middle, low >> 2);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0u8; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    bytes
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

    #[test]
    fn ids_of_targets_stand_in_the_order_of_executions_and_targets() {
        let execution = |at_ms, drawn| ExecutionId::from_parts(at_ms, [drawn; 10]);
        let (first, second, twin) = (execution(1_000, 7), execution(1_001, 3), execution(1_000, 8));
        let id = |of, place, word| EntryId::of_target(of, place, &["web1", word]);
        let mut last = id(first, 0, "succeeded");
        for (of, place) in [
            (first, 1),
            (first, 63),
            (first, 64),
            (first, 16_384),
            (first, 262_143),
            (second, 0),
            (second, 9),
        ] {
            let next = id(of, place, "succeeded");
            assert!(last < next && last.to_string() < next.to_string(), "{of} {place}: {last} {next}");
            last = next;
        }
        let one = id(first, 5, "succeeded");
        assert_eq!(one, id(first, 5, "succeeded"));
        for other in [id(first, 6, "succeeded"), id(first, 5, "exited"), id(twin, 5, "succeeded")] {
            assert_ne!(one, other);
        }
        assert_ne!(id(first, 5, "x"), id(first, 262_144 + 5, "y"), "the rest tells them apart");
        assert_eq!((one.0.get_version_num(), one.0.get_variant()), (8, uuid::Variant::RFC4122));
    }
}
