//! What a target expression may ask beyond the inventory: [`FactCondition`] (`fact(os.family=Debian)`) and
//! [`LastCondition`] (`last(unreachable, 24h)`).

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::id::InvalidName;

/// Where a fact stands: keys, and indexes of lists, joined by dots as Facter writes them: `os.release.major`,
/// `processors.models.0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactPath(String);

impl FactPath {
    /// The most keys of a path.
    pub const MAX_KEYS: usize = 32;

    /// Reads a path.
    ///
    /// # Errors
    /// [`InvalidName`] when it is empty, has an empty key, more than [`FactPath::MAX_KEYS`], a control character or
    /// more than 1024 bytes.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let fault = |reason| InvalidName::new("fact", text, reason);
        if text.is_empty() {
            return Err(fault("must not be empty"));
        }
        if text.len() > 1024 || text.split('.').count() > Self::MAX_KEYS {
            return Err(fault("is longer than 1024 bytes or 32 keys"));
        }
        if text.split('.').any(str::is_empty) {
            return Err(fault("has an empty key; write keys joined by single dots, for example os.family"));
        }
        if text.chars().any(char::is_control) {
            return Err(fault("must not contain control characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its keys from the outside in.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// The value at this path. A mapping whose own keys hold dots (`trusted.extensions`) is understood too: the
    /// longest key that is there counts.
    pub fn find<'a>(&self, facts: &'a Map<String, Value>) -> Option<&'a Value> {
        find_in(facts, &self.0)
    }
}

fn find_in<'a>(map: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    // At most MAX_KEYS turns here and as many levels below.
    let mut end = path.len();
    loop {
        let key = path.get(..end)?;
        if let Some(value) = map.get(key) {
            let Some(rest) = path.get(end + 1..) else { return Some(value) };
            if let Some(found) = find_below(value, rest) {
                return Some(found);
            }
        }
        end = key.rfind('.')?;
    }
}

fn find_below<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => find_in(map, path),
        Value::Array(items) => {
            let (index, rest) =
                path.split_once('.').map_or((path, None), |(index, rest)| (index, Some(rest)));
            let item = items.get(index.parse::<usize>().ok()?)?;
            rest.map_or(Some(item), |rest| find_below(item, rest))
        }
        _ => None,
    }
}

impl fmt::Display for FactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fact that nodes are chosen by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FactCondition {
    /// Which fact.
    pub path: FactPath,
    /// What it has to be.
    pub test: FactTest,
}

/// What a fact has to be. Texts and numbers are compared as they are written in the expression: `8` equals both the
/// number 8 and the text "8".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactTest {
    /// It is there, and neither `null` nor `false`.
    Present,
    /// It equals; of a list, one of its items does.
    Equals(String),
    /// It is there and does not equal; of a list, none of its items does.
    Differs(String),
    /// The regular expression is found in it; of a list, in one of its items.
    Matches(String),
    /// It is less, as numbers where both are, as versions (digits by value) otherwise.
    Less(String),
    /// It is less or equal.
    AtMost(String),
    /// It is greater.
    Greater(String),
    /// It is greater or equal.
    AtLeast(String),
}

/// Makes a test of the value behind its sign.
pub type MakeTest = fn(String) -> FactTest;

impl FactTest {
    /// The sign of each test that has one, and what makes the test of a value; those that begin alike with the longest
    /// first.
    pub const SIGNS: [(&'static str, MakeTest); 7] = [
        ("!=", Self::Differs),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("=", Self::Equals),
        ("~", Self::Matches),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    /// How the test is written: its sign and its value. `None` for [`FactTest::Present`], which has neither.
    pub fn sign_and_value(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Present => None,
            Self::Equals(value) => Some(("=", value)),
            Self::Differs(value) => Some(("!=", value)),
            Self::Matches(value) => Some(("~", value)),
            Self::Less(value) => Some(("<", value)),
            Self::AtMost(value) => Some(("<=", value)),
            Self::Greater(value) => Some((">", value)),
            Self::AtLeast(value) => Some((">=", value)),
        }
    }
}

/// A last outcome that nodes are chosen by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LastCondition {
    /// How the last run on the node ended.
    pub outcome: LastOutcome,
    /// It ended no longer ago than this.
    pub within: Option<Duration>,
}

/// How the last run on a node ended. A run that never came to the node (skipped, rejected, cancelled before anything was
/// started) does not count as its last, nor does one that still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LastOutcome {
    /// It succeeded.
    Succeeded,
    /// Anything else but success.
    Failed,
    /// The node could not be reached.
    Unreachable,
    /// It ran out of time.
    TimedOut,
    /// It was cancelled while it ran.
    Cancelled,
    /// Its end is not known, because the process that ran it died.
    Interrupted,
}

impl LastOutcome {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Succeeded,
        Self::Failed,
        Self::Unreachable,
        Self::TimedOut,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The word in an expression.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_by_their_path() {
        let facts = serde_json::json!({
            "os": {"family": "Debian", "release": {"major": "12"}},
            "trusted.extensions": {"pp_role": "web"},
            "cpus": [{"model": "x"}, {"model": "y"}],
        });
        let facts = facts.as_object().unwrap();
        let find = |path: &str| FactPath::new(path).unwrap().find(facts).cloned();
        assert_eq!(find("os.release.major"), Some("12".into()));
        assert_eq!(find("trusted.extensions.pp_role"), Some("web".into()));
        assert_eq!(find("cpus.1.model"), Some("y".into()));
        assert_eq!(find("cpus.2.model"), None);
        assert_eq!(find("os.family.x"), None);
        assert_eq!(find("nothing"), None);
    }

    #[test]
    fn tests_are_written_with_the_signs_by_which_they_are_made() {
        for (sign, make) in FactTest::SIGNS {
            assert_eq!(make("12".to_owned()).sign_and_value(), Some((sign, "12")));
        }
        assert_eq!(FactTest::Present.sign_and_value(), None);
    }

    #[test]
    fn bad_paths_are_refused() {
        for bad in ["", ".", "a..b", "a.", "a\nb"] {
            assert!(FactPath::new(bad).is_err(), "{bad:?}");
        }
        assert!(FactPath::new(&"a.".repeat(40)).is_err());
    }
}
