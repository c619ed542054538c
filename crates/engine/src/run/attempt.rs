//! Which try of a node's run this is, [`Attempt`], and what a run gives back when it ends, [`Returned`]: its permit, and
//! whether another try follows.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::resilience::RetryPolicy;
use tokio::time::Instant;

use super::node_run::NodeEnd;
use crate::schedule::Permit;

/// One try of a node's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// 1 for the first.
    pub(crate) number: u32,
    /// When the first one was begun or refused; absent before that.
    pub(crate) first_began: Option<Instant>,
    /// The last one that was begun: what the target is recorded with when this one is not begun.
    pub(crate) before: Option<(u32, Timestamp)>,
}

impl Attempt {
    pub(crate) fn first() -> Self {
        Self { number: 1, first_began: None, before: None }
    }
}

/// What a run gives back.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) permit: Permit,
    pub(crate) end: RunEnd,
}

/// How a run ended, as far as the others are concerned.
#[derive(Debug)]
pub(crate) enum RunEnd {
    /// The hub has been told everything.
    Told(NodeOutcome),
    /// The attempt failed, and the policy wants another one. The hub has not been told the end yet.
    Again(Box<Again>),
}

/// An attempt that another one is to follow.
#[derive(Debug)]
pub(crate) struct Again {
    /// How it ended: what holds when no further attempt is made after all.
    pub(crate) end: NodeEnd,
    /// Which it was.
    pub(crate) attempt: Attempt,
    /// The wait before the next one.
    pub(crate) wait: Duration,
}

impl Again {
    pub(crate) fn next_attempt(&self) -> Attempt {
        let begun = self.end.started_at.map(|at| (self.end.attempt, at));
        let Attempt { number, first_began, before } = self.attempt;
        Attempt { number: number.saturating_add(1), first_began, before: begun.or(before) }
    }
}

/// The wait before the next attempt, where there is to be one: the policy wants it, and it begins before the limit
/// over all attempts. Chance is drawn from the execution, the place and the attempt, so that a run can be looked
/// into later.
pub(super) fn next_wait(
    policy: &RetryPolicy,
    outcome: &NodeOutcome,
    attempt: Attempt,
    (id, index): (ExecutionId, u32),
) -> Option<Duration> {
    if attempt.number >= policy.attempts || !policy.repeats(outcome) {
        return None;
    }
    let wait =
        Duration::from_millis(policy.backoff.wait_ms(attempt.number, chance(id, index, attempt.number)));
    let limit = policy.deadline_ms.map(Duration::from_millis);
    match (limit, attempt.first_began) {
        (Some(limit), Some(began)) if began.elapsed().saturating_add(wait) >= limit => None,
        _ => Some(wait),
    }
}

/// A number from 0 to 1.
fn chance(id: ExecutionId, index: u32, attempt: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (id.as_uuid().as_u128(), index, attempt).hash(&mut hasher);
    // 53 bits, as many as a float holds exactly.
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An attempt that failed now.
    pub(crate) fn failed_attempt(number: u32) -> Again {
        let end = NodeEnd::never_started(NodeOutcome::Exited { code: 1 }, Timestamp::UNIX_EPOCH);
        let attempt = Attempt { number, first_began: Some(Instant::now()), before: None };
        Again { end: NodeEnd { attempt: number, ..end }, attempt, wait: Duration::ZERO }
    }

    /// R7.5: nodes that failed together do not come back together.
    #[test]
    fn chance_is_spread_and_repeats_for_the_same_attempt() {
        let id = ExecutionId::from_parts(1, [7; 10]);
        let drawn: Vec<f64> = (0..1000).map(|index| chance(id, index, 1)).collect();
        assert!(drawn.iter().all(|chance| (0.0..1.0).contains(chance)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert_eq!(chance(id, 3, 1), drawn[3]);
        assert_ne!(chance(id, 3, 2), drawn[3]);
    }
}
