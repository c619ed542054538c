//! What a breaker has seen lately: [`Window`], in parts, so that a busy component costs no more than a quiet one.

use jiff::Timestamp;
use pabawi_domain::breaker::RecentRequests;
use pabawi_domain::id::NodeId;
use pabawi_domain::resilience::BreakerPolicy;

/// Parts of the window. The oldest is dropped as a whole, so the window is a tenth shorter than it is called at the
/// worst.
const BUCKETS: usize = 10;

/// Requests and how many of them failed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) failures: u32,
}

impl Counts {
    pub(super) const WORKED: Self = Self { calls: 1, failures: 0 };
    pub(super) const FAILED: Self = Self { calls: 1, failures: 1 };

    /// The part of the requests that failed.
    pub(super) fn rate(self) -> f64 {
        f64::from(self.failures) / f64::from(self.calls.max(1))
    }
}

/// What happened lately.
#[derive(Debug, Default)]
pub(super) struct Window {
    buckets: [Bucket; BUCKETS],
    /// Nodes whose failure is counted, with the part of time that counts it.
    failed: Vec<(i64, NodeId)>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    /// Which part of time, counted from the epoch.
    number: i64,
    counts: Counts,
}

/// The length of a part of the window, in milliseconds.
fn length(window_ms: u64) -> i64 {
    i64::try_from(window_ms / BUCKETS as u64).unwrap_or(i64::MAX).max(1)
}

/// In which part of time that is, counted from the epoch.
fn number(at: Timestamp, window_ms: u64) -> i64 {
    at.as_millisecond().div_euclid(length(window_ms))
}

fn is_within(bucket: i64, now: Timestamp, window_ms: u64) -> bool {
    (0..BUCKETS as i64).contains(&(number(now, window_ms) - bucket))
}

impl Window {
    pub(super) fn of(recent: &[RecentRequests], window_ms: u64) -> Self {
        let mut window = Self::default();
        window.raise(recent, window_ms);
        window
    }

    /// As it is stored, oldest part first.
    pub(super) fn recent(&self, now: Timestamp, window_ms: u64) -> Vec<RecentRequests> {
        let mut within: Vec<&Bucket> = self
            .buckets
            .iter()
            .filter(|bucket| is_within(bucket.number, now, window_ms) && bucket.counts.calls > 0)
            .collect();
        within.sort_by_key(|bucket| bucket.number);
        let at = |number: i64| {
            Timestamp::from_millisecond(number.saturating_mul(length(window_ms))).unwrap_or(now)
        };
        let failed_in =
            |number: i64| self.failed.iter().filter(move |(in_, _)| *in_ == number).map(|(_, node)| node);
        within
            .into_iter()
            .map(|bucket| RecentRequests {
                at: at(bucket.number),
                requests: bucket.counts.calls,
                failures: bucket.counts.failures,
                nodes: failed_in(bucket.number).cloned().collect(),
            })
            .collect()
    }

    pub(super) fn add(&mut self, at: Timestamp, window_ms: u64, counts: Counts) {
        let number = number(at, window_ms);
        let Some(held) = self.bucket(number).map(|bucket| bucket.turn_to(number)) else { return };
        held.calls = held.calls.saturating_add(counts.calls);
        held.failures = held.failures.saturating_add(counts.failures);
    }

    /// Counts a failed node, unless a failure of it is counted already. Not more are told apart than open the breaker.
    pub(super) fn add_failed(&mut self, node: &NodeId, now: Timestamp, policy: &BreakerPolicy) {
        self.failed.retain(|(number, _)| is_within(*number, now, policy.window_ms));
        if self.failed.iter().any(|(_, known)| known == node) {
            return;
        }
        if self.failed.len() < usize::try_from(policy.failures).unwrap_or(usize::MAX) {
            self.failed.push((number(now, policy.window_ms), node.clone()));
        }
        self.add(now, policy.window_ms, Counts::FAILED);
    }

    /// Takes over what somebody else has counted, who may have seen the same: of each part the higher counts, and every
    /// node once.
    pub(super) fn raise(&mut self, recent: &[RecentRequests], window_ms: u64) {
        for part in recent {
            let number = number(part.at, window_ms);
            if self.bucket(number).is_none_or(|bucket| bucket.number > number) {
                continue;
            }
            let before = self.failed.len();
            for node in &part.nodes {
                let is_known = |(counted_in, known): &(i64, NodeId)| {
                    known == node && number.abs_diff(*counted_in) < BUCKETS as u64
                };
                if !self.failed.iter().any(is_known) {
                    self.failed.push((number, node.clone()));
                }
            }
            let more = u32::try_from(self.failed.len() - before).unwrap_or(u32::MAX);
            let Some(counts) = self.bucket(number).map(|bucket| bucket.turn_to(number)) else { continue };
            let failures = counts.failures.saturating_add(more).max(part.failures);
            let worked = counts.calls.saturating_sub(counts.failures);
            let worked = worked.max(part.requests.saturating_sub(part.failures));
            *counts = Counts { calls: worked.saturating_add(failures), failures };
        }
    }

    pub(super) fn counts(&self, now: Timestamp, window_ms: u64) -> Counts {
        self.buckets.iter().filter(|bucket| is_within(bucket.number, now, window_ms)).fold(
            Counts::default(),
            |sum, bucket| Counts {
                calls: sum.calls.saturating_add(bucket.counts.calls),
                failures: sum.failures.saturating_add(bucket.counts.failures),
            },
        )
    }

    /// Where that part of time is counted; it may still hold another one.
    fn bucket(&mut self, number: i64) -> Option<&mut Bucket> {
        let place = usize::try_from(number.rem_euclid(BUCKETS as i64)).unwrap_or(0);
        self.buckets.get_mut(place)
    }
}

impl Bucket {
    /// Its counts, anew when it held another part of time.
    fn turn_to(&mut self, number: i64) -> &mut Counts {
        if self.number != number {
            *self = Self { number, counts: Counts::default() };
        }
        &mut self.counts
    }
}
