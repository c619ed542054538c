//! Whether a section applies to the host being resolved.
//!
//! Main type: [`Subject`]. It holds what `Host` and `Match` can see at one line; it must not change it.

use super::model::{Condition, Criterion, CriterionTest, host_patterns_match};
use super::pattern::{PatternVerdict, pattern_list_verdict};

/// What is known about the host when a `Host` or `Match` line is reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// What `Host` lines are compared with: the alias, in the final pass the resolved name.
    pub(super) host: &'a str,
    /// The alias as given.
    pub(super) original_host: &'a str,
    /// The host name as far as it is known, with `%h` expanded.
    pub(super) current_host: &'a str,
    /// The remote user as far as it is known.
    pub(super) user: &'a str,
    pub(super) local_user: &'a str,
    pub(super) final_pass: bool,
}

/// The answer for one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies<'a> {
    Yes,
    No,
    /// Everything else holds, and this criterion cannot be evaluated.
    Unsupported(&'a str),
}

impl Subject<'_> {
    pub(super) fn applies<'c>(&self, condition: &'c Condition) -> Applies<'c> {
        match condition {
            Condition::Always => Applies::Yes,
            Condition::Host(patterns) if host_patterns_match(patterns, self.host) => Applies::Yes,
            Condition::Host(_) => Applies::No,
            Condition::Match(criteria) => self.all_hold(criteria),
        }
    }

    fn all_hold<'c>(&self, criteria: &'c [Criterion]) -> Applies<'c> {
        let mut unsupported = None;
        for criterion in criteria {
            let holds = match &criterion.test {
                CriterionTest::All => true,
                CriterionTest::FinalPass { .. } => self.final_pass,
                CriterionTest::Host(list) => matches(&self.current_host.to_ascii_lowercase(), list),
                CriterionTest::OriginalHost(list) => matches(&self.original_host.to_ascii_lowercase(), list),
                CriterionTest::User(list) => matches(self.user, list),
                CriterionTest::LocalUser(list) => matches(self.local_user, list),
                CriterionTest::Unsupported(name) => {
                    // Only an error if nothing else already rules the section out.
                    unsupported.get_or_insert(name.as_str());
                    continue;
                }
            };
            if holds == criterion.negated {
                return Applies::No;
            }
        }
        unsupported.map_or(Applies::Yes, Applies::Unsupported)
    }
}

fn matches(text: &str, list: &str) -> bool {
    pattern_list_verdict(text, list) == PatternVerdict::Match
}
