//! How much of whose doings is journalled: [`JournalLevel`], what a plugin wishes, and the question that is asked about each
//! thing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of a plugin's doings is journalled (R11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum JournalLevel {
    /// Nothing.
    Off,
    /// What did not succeed.
    Failures,
    /// What changes nodes, and what did not succeed.
    #[default]
    Changes,
    /// Everything.
    All,
}

impl JournalLevel {
    /// All levels, from nothing to everything.
    pub const ALL_LEVELS: [Self; 4] = [Self::Off, Self::Failures, Self::Changes, Self::All];

    /// The word that is shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Failures => "failures",
            Self::Changes => "changes",
            Self::All => "all",
        }
    }

    /// The level of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL_LEVELS.into_iter().find(|level| level.as_str() == word)
    }

    /// Whether something of that weight is journalled.
    pub fn keeps(self, weight: JournalWeight) -> bool {
        match weight {
            JournalWeight::Exception => true,
            JournalWeight::Failure => self >= Self::Failures,
            JournalWeight::Change => self >= Self::Changes,
            JournalWeight::Look => self == Self::All,
        }
    }
}

/// How much something matters to a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JournalWeight {
    /// It only looked, or nothing was done.
    Look,
    /// It may have changed the node.
    Change,
    /// It did not succeed.
    Failure,
    /// A permission was refused, or an exception made from a rule: it is journalled at every level.
    Exception,
}

/// What a plugin wishes of the journal (R11.9). The configuration has the last word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Journalling {
    /// The level of everything that is not named below; the usual one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<JournalLevel>,
    /// By capability (`task.execute`, `vm.create`), or capability and the name of the task behind a blank
    /// (`task.execute package`): the level of what that does.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<String, JournalLevel>,
    /// By the same names: the type of entries that it becomes, such as `provision`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
}

/// Something that may become an entry.
#[derive(Debug, Clone, Copy)]
pub struct JournalMatter<'a> {
    /// Who does it: a plugin or transport.
    pub source: &'a str,
    /// The capability that it needs.
    pub capability: &'a str,
    /// The task, playbook or plan, where it is one.
    pub name: Option<&'a str>,
    /// How much it matters.
    pub weight: JournalWeight,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R11.8
    #[test]
    fn each_level_keeps_what_it_says_and_exceptions_always() {
        let kept = |level: JournalLevel| {
            [JournalWeight::Look, JournalWeight::Change, JournalWeight::Failure, JournalWeight::Exception]
                .map(|weight| level.keeps(weight))
        };
        assert_eq!(kept(JournalLevel::Off), [false, false, false, true]);
        assert_eq!(kept(JournalLevel::Failures), [false, false, true, true]);
        assert_eq!(kept(JournalLevel::Changes), [false, true, true, true]);
        assert_eq!(kept(JournalLevel::All), [true, true, true, true]);
        for level in JournalLevel::ALL_LEVELS {
            assert_eq!(JournalLevel::from_word(level.as_str()), Some(level));
        }
    }
}
