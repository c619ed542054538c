//! Who is much slower than the others: [`StragglerWatch`], a state machine without a runtime. It sees durations and says
//! how long a target may take; it ends nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use pabawi_domain::rollout::Stragglers;

/// How much more has to be known before the limit is computed anew: a twentieth.
const ANEW: u64 = 20;

/// Durations of the targets that have succeeded, and the limit that follows from them.
#[derive(Debug)]
pub(super) struct StragglerWatch {
    policy: Stragglers,
    quorum: u64,
    /// How many took so many milliseconds.
    durations: BTreeMap<u64, u64>,
    count: u64,
    /// Computed when so many are known.
    next_at: u64,
}

/// How long a target may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) p95_ms: u64,
    pub(super) limit_ms: u64,
}

impl Limit {
    pub(super) fn duration(self) -> Duration {
        Duration::from_millis(self.limit_ms)
    }
}

impl StragglerWatch {
    pub(super) fn new(policy: Stragglers, targets: usize) -> Self {
        let quorum = policy.quorum.of_up(targets as u64);
        Self { policy, quorum, durations: BTreeMap::new(), count: 0, next_at: quorum }
    }

    /// A target has succeeded. The limit, when there is one that was not told before.
    pub(super) fn succeeded(&mut self, took: Duration) -> Option<Limit> {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        *self.durations.entry(ms).or_default() += 1;
        self.count += 1;
        if self.count < self.next_at {
            return None;
        }
        self.next_at = self.count + (self.count / ANEW).max(1);
        debug_assert!(self.count >= self.quorum);
        let p95_ms = self.p95();
        Some(Limit { p95_ms, limit_ms: self.limit(p95_ms) })
    }

    /// The smallest duration that 95 of 100 did not exceed (the nearest-rank method).
    fn p95(&self) -> u64 {
        let rank = self.count.saturating_mul(95).div_ceil(100);
        let mut seen = 0;
        for (ms, count) in &self.durations {
            seen += count;
            if seen >= rank {
                return *ms;
            }
        }
        0
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and a float that is too large becomes the largest number"
    )]
    fn limit(&self, p95_ms: u64) -> u64 {
        ((p95_ms as f64 * self.policy.multiple).ceil() as u64).max(self.policy.min_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::rollout::Share;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn nobody_is_slow_before_the_quorum_and_the_limit_follows_the_percentile() {
        let policy = Stragglers { multiple: 3.0, quorum: Share::Percent(50.0), min_ms: 10 };
        let mut watch = StragglerWatch::new(policy, 40);
        for took in 1..20 {
            assert_eq!(watch.succeeded(ms(took)), None);
        }
        // 95 % of 20 are 19.
        assert_eq!(watch.succeeded(ms(1_000)), Some(Limit { p95_ms: 19, limit_ms: 57 }));
    }

    #[test]
    fn quick_nodes_do_not_make_a_limit_that_nobody_could_keep() {
        let mut watch = StragglerWatch::new(Stragglers::new(2.0), 1);
        let limit = watch.succeeded(ms(0)).unwrap();
        assert_eq!((limit.p95_ms, limit.duration()), (0, ms(1_000)));
    }

    #[test]
    fn it_is_not_computed_for_every_one_of_a_great_many() {
        let mut watch = StragglerWatch::new(Stragglers::new(2.0), 100_000);
        let computed = (0..100_000).filter(|n| watch.succeeded(ms(n % 500)).is_some()).count();
        assert!((1..20).contains(&computed), "{computed}");
    }
}
