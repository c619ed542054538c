//! [`Cursor`]: the place in a list where the next page begins.
//!
//! It is a time and how many rows of that time and behind have been given, so rows that come in meanwhile, which are newer,
//! move nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;
use pabawi_domain::ports::PluginCall;

use super::refused::Refused;

/// What a cursor does not depend on.
const NOT_OF_THE_QUESTION: [&str; 2] = ["cursor", "limit"];

/// Where the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The time of the last row that was given, in milliseconds, as exact as PuppetDB shows it; none as long as no row
    /// could be read.
    pub(super) at_ms: Option<i64>,
    /// How many rows to leave out: those of that millisecond that have been given.
    pub(super) given: u64,
}

impl Cursor {
    /// The first page.
    pub(super) const START: Self = Self { at_ms: None, given: 0 };

    /// Before which time the rows are.
    pub(super) fn before(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.at_ms?.checked_add(1)?).ok()
    }

    /// The text for the caller.
    pub(super) fn write(self, question: u64) -> String {
        let at = self.at_ms.map(|ms| ms.to_string()).unwrap_or_default();
        format!("{at}.{}.{question:016x}", self.given)
    }

    /// Reads what the caller brings again.
    pub(super) fn read(text: &str, question: u64) -> Result<Self, Refused> {
        let fault = |message: &str| Refused::parameter("cursor", message);
        let parsed = || {
            let mut parts = text.split('.');
            let (at, given, of) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            let at_ms = if at.is_empty() { None } else { Some(at.parse().ok()?) };
            let given: u32 = given.parse().ok()?;
            let cursor = Self { at_ms, given: given.into() };
            // A time that no clock has is none.
            (at_ms.is_none() || cursor.before().is_some())
                .then_some((cursor, u64::from_str_radix(of, 16).ok()?))
        };
        let (cursor, of) =
            parsed().ok_or_else(|| fault("is none of ours; give nextCursor of the last page"))?;
        if of != question {
            return Err(fault("is of another question; ask the same with it, or leave it out to begin anew"));
        }
        Ok(cursor)
    }
}

/// What a call asks for, as a number: a cursor goes on with the same question only.
pub(super) fn question(call: &PluginCall) -> u64 {
    // Its keys are always the same ones.
    let mut hasher = DefaultHasher::new();
    call.capability.hash(&mut hasher);
    call.nodes.hash(&mut hasher);
    // The map is sorted by name.
    for (name, value) in
        call.parameters.iter().filter(|(name, _)| !NOT_OF_THE_QUESTION.contains(&name.as_str()))
    {
        (name, value.to_string()).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        for cursor in [
            Cursor::START,
            Cursor { at_ms: None, given: 7 },
            Cursor { at_ms: Some(-1_772_366_400_123), given: 3 },
        ] {
            assert_eq!(Cursor::read(&cursor.write(9), 9).unwrap(), cursor);
        }
        let other = Cursor::START.write(8);
        for (text, part) in [
            ("", "is none of ours"),
            ("1", "is none of ours"),
            ("1.1", "is none of ours"),
            ("1.1.9.9", "is none of ours"),
            ("x.1.9", "is none of ours"),
            ("1.-1.9", "is none of ours"),
            ("1.99999999999.9", "is none of ours"),
            ("9223372036854775807.1.9", "is none of ours"),
            (other.as_str(), "is of another question"),
        ] {
            let refused = Cursor::read(text, 9).unwrap_err();
            assert!(
                refused.message.starts_with("parameters.cursor: ") && refused.message.contains(part),
                "{text}: {refused:?}"
            );
        }
    }
}
