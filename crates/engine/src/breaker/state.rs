//! One breaker: [`Breaker`], a state machine without a runtime and without a clock. Times are this machine's, since the
//! state outlives the process.
//!
//! ```text
//! closed -- enough failures within the window --> open
//! open -- its time is over, the next request passes as a probe --> half open
//! half open -- a probe succeeds --> closed
//! half open -- a probe fails --> open
//! ```

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus, RecentRequests};
use pabawi_domain::resilience::BreakerPolicy;

/// Parts of the window. The oldest is dropped as a whole, so the window is a tenth shorter than it is called at the
/// worst.
const BUCKETS: usize = 10;

/// What a request told about a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Works,
    /// It failed.
    Fails,
    /// It was not asked, or the answer says nothing about it.
    Unknown,
}

/// A request that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// As all do.
    Free,
    /// To see whether the component works again.
    Probe,
}

/// One breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: State,
    since: Timestamp,
    /// Those that opened it last.
    failures: u32,
}

#[derive(Debug)]
enum State {
    Closed(Window),
    Open { until: Timestamp },
    HalfOpen { probes: u32 },
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy, now: Timestamp) -> Self {
        Self { policy, state: State::Closed(Window::default()), since: now, failures: 0 }
    }

    /// As it was stored. What was half open is asked again at once.
    pub(super) fn restored(policy: BreakerPolicy, record: &BreakerRecord) -> Self {
        let BreakerStatus { state, since, failures, next_probe_at, .. } = record.status;
        let state = match state {
            BreakerState::Closed => State::Closed(Window::of(&record.recent, policy.window_ms)),
            BreakerState::Open | BreakerState::HalfOpen => {
                State::Open { until: next_probe_at.unwrap_or(since) }
            }
        };
        Self { policy, state, since, failures }
    }

    /// What the window holds.
    pub(super) fn recent(&self, now: Timestamp) -> Vec<RecentRequests> {
        match &self.state {
            State::Closed(window) => window.recent(now, self.policy.window_ms),
            State::Open { .. } | State::HalfOpen { .. } => Vec::new(),
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed(_) => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// Failures within the window; after it has opened, those that opened it.
    pub(super) fn failures(&self, now: Timestamp) -> u32 {
        match &self.state {
            State::Closed(window) => window.counts(now, self.policy.window_ms).failures,
            State::Open { .. } | State::HalfOpen { .. } => self.failures,
        }
    }

    /// When the next probe may pass; absent while requests pass.
    pub(super) fn next_probe(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed(_) => None,
            State::Open { until } => Some(until),
            State::HalfOpen { .. } => Some(self.since),
        }
    }

    /// Whether a request may pass now. `Err` is when the next one may; that time is past while probes are under way.
    pub(super) fn pass(&mut self, now: Timestamp) -> Result<Pass, Timestamp> {
        match &mut self.state {
            State::Closed(_) => Ok(Pass::Free),
            State::Open { until } => {
                // A clock that was set back must not keep it open for longer than it was to be.
                *until = (*until).min(after(now, self.policy.open_ms));
                if now < *until {
                    return Err(*until);
                }
                self.enter(State::HalfOpen { probes: 1 }, now);
                Ok(Pass::Probe)
            }
            State::HalfOpen { probes } if *probes < self.policy.probes => {
                *probes += 1;
                Ok(Pass::Probe)
            }
            State::HalfOpen { .. } => Err(now),
        }
    }

    /// Learns from a request that passed; `true` when that changed the state.
    pub(super) fn learn(&mut self, pass: Pass, verdict: Verdict, now: Timestamp) -> bool {
        match (&mut self.state, pass, verdict) {
            (State::Closed(window), _, Verdict::Works | Verdict::Fails) => {
                let failed = verdict == Verdict::Fails;
                let one = Counts { calls: 1, failures: u32::from(failed) };
                window.add(now, self.policy.window_ms, one);
                let counts = window.counts(now, self.policy.window_ms);
                if !failed || !opens(&self.policy, counts) {
                    return false;
                }
                self.open(counts.failures, now);
                true
            }
            (State::HalfOpen { .. }, Pass::Probe, Verdict::Works) => {
                self.enter(State::Closed(Window::default()), now);
                true
            }
            (State::HalfOpen { .. }, Pass::Probe, Verdict::Fails) => {
                self.open(self.failures.saturating_add(1), now);
                true
            }
            (State::HalfOpen { probes }, Pass::Probe, Verdict::Unknown) => {
                *probes = probes.saturating_sub(1);
                false
            }
            // A request from before the opening says nothing new.
            _ => false,
        }
    }

    fn open(&mut self, failures: u32, now: Timestamp) {
        self.failures = failures;
        self.enter(State::Open { until: after(now, self.policy.open_ms) }, now);
    }

    fn enter(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.since = now;
    }
}

fn opens(policy: &BreakerPolicy, counts: Counts) -> bool {
    let part = f64::from(counts.failures) / f64::from(counts.calls.max(1));
    counts.failures >= policy.failures && policy.rate.is_none_or(|rate| part >= rate)
}

fn after(now: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_millis(ms)).unwrap_or(Timestamp::MAX)
}

/// What happened lately, in parts, so that a busy component costs no more than a quiet one.
#[derive(Debug, Default)]
struct Window {
    buckets: [Bucket; BUCKETS],
}

#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    /// Which part of time, counted from the epoch.
    number: i64,
    counts: Counts,
}

impl Bucket {
    fn is_within(&self, now: Timestamp, window_ms: u64) -> bool {
        (0..BUCKETS as i64).contains(&(number(now, window_ms) - self.number))
    }
}

/// The length of a part of the window, in milliseconds.
fn length(window_ms: u64) -> i64 {
    i64::try_from(window_ms / BUCKETS as u64).unwrap_or(i64::MAX).max(1)
}

/// In which part of time that is, counted from the epoch.
fn number(at: Timestamp, window_ms: u64) -> i64 {
    at.as_millisecond().div_euclid(length(window_ms))
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    calls: u32,
    failures: u32,
}

impl Window {
    fn of(recent: &[RecentRequests], window_ms: u64) -> Self {
        let mut window = Self::default();
        for part in recent {
            window.add(part.at, window_ms, Counts { calls: part.requests, failures: part.failures });
        }
        window
    }

    fn recent(&self, now: Timestamp, window_ms: u64) -> Vec<RecentRequests> {
        let mut within: Vec<&Bucket> =
            self.buckets.iter().filter(|bucket| bucket.is_within(now, window_ms)).collect();
        within.sort_by_key(|bucket| bucket.number);
        let at = |bucket: &Bucket| {
            Timestamp::from_millisecond(bucket.number.saturating_mul(length(window_ms))).unwrap_or(now)
        };
        within
            .into_iter()
            .filter(|bucket| bucket.counts.calls > 0)
            .map(|bucket| RecentRequests {
                at: at(bucket),
                requests: bucket.counts.calls,
                failures: bucket.counts.failures,
            })
            .collect()
    }

    fn add(&mut self, at: Timestamp, window_ms: u64, counts: Counts) {
        let number = number(at, window_ms);
        let place = usize::try_from(number.rem_euclid(BUCKETS as i64)).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(place) else { return };
        if bucket.number != number {
            *bucket = Bucket { number, counts: Counts::default() };
        }
        bucket.counts.calls = bucket.counts.calls.saturating_add(counts.calls);
        bucket.counts.failures = bucket.counts.failures.saturating_add(counts.failures);
    }

    fn counts(&self, now: Timestamp, window_ms: u64) -> Counts {
        self.buckets.iter().filter(|bucket| bucket.is_within(now, window_ms)).fold(
            Counts::default(),
            |sum, bucket| Counts {
                calls: sum.calls.saturating_add(bucket.counts.calls),
                failures: sum.failures.saturating_add(bucket.counts.failures),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: BreakerPolicy =
        BreakerPolicy { failures: 3, rate: None, window_ms: 10_000, open_ms: 5_000, probes: 1 };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn fail(breaker: &mut Breaker, ms: i64) -> bool {
        let pass = breaker.pass(at(ms)).unwrap();
        breaker.learn(pass, Verdict::Fails, at(ms))
    }

    /// R7.7
    #[test]
    fn it_opens_after_enough_failures_within_the_window_and_closes_after_a_good_probe() {
        let mut breaker = Breaker::new(POLICY, at(0));
        assert!(!fail(&mut breaker, 0) && !fail(&mut breaker, 1));
        // The first two are forgotten by then.
        assert!(!fail(&mut breaker, 12_000) && !fail(&mut breaker, 13_000));
        assert!(fail(&mut breaker, 14_000));
        assert_eq!((breaker.state(), breaker.failures(at(14_000))), (BreakerState::Open, 3));
        assert_eq!(breaker.pass(at(18_999)), Err(at(19_000)));
        assert_eq!(breaker.pass(at(19_000)), Ok(Pass::Probe));
        assert_eq!(breaker.pass(at(19_001)), Err(at(19_001)), "one probe at a time");
        assert!(breaker.learn(Pass::Probe, Verdict::Fails, at(19_500)));
        assert_eq!(breaker.pass(at(24_499)), Err(at(24_500)));
        assert_eq!(breaker.pass(at(24_500)), Ok(Pass::Probe));
        assert!(!breaker.learn(Pass::Probe, Verdict::Unknown, at(24_501)), "nobody was asked");
        assert_eq!(breaker.pass(at(24_502)), Ok(Pass::Probe));
        assert!(breaker.learn(Pass::Probe, Verdict::Works, at(24_503)));
        assert_eq!((breaker.state(), breaker.failures(at(24_503))), (BreakerState::Closed, 0));
    }

    /// R7.7
    #[test]
    fn with_a_rate_a_busy_component_may_fail_now_and_then() {
        let policy = BreakerPolicy { rate: Some(0.5), ..POLICY };
        let mut breaker = Breaker::new(policy, at(0));
        for _ in 0..4 {
            assert!(!breaker.learn(Pass::Free, Verdict::Works, at(0)));
        }
        assert!(!fail(&mut breaker, 1) && !fail(&mut breaker, 2) && !fail(&mut breaker, 3));
        assert!(fail(&mut breaker, 4), "4 of 8");
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_it_open() {
        let mut breaker = Breaker::restored(POLICY, &record(BreakerState::Open, Vec::new()));
        assert_eq!(breaker.pass(at(0)), Err(at(5_000)));
        assert_eq!(breaker.pass(at(3_000)), Err(at(5_000)));
        assert_eq!(breaker.pass(at(5_000)), Ok(Pass::Probe));
    }

    fn record(state: BreakerState, recent: Vec<RecentRequests>) -> BreakerRecord {
        let component = "node:a".parse().unwrap();
        let next_probe_at = (state != BreakerState::Closed).then(|| at(1_000_000));
        let status = BreakerStatus { component, state, since: at(0), failures: 3, next_probe_at };
        BreakerRecord { status, recent }
    }

    /// R7.7: failures before a restart count.
    #[test]
    fn what_the_window_holds_is_kept() {
        let mut breaker = Breaker::new(POLICY, at(0));
        assert!(!fail(&mut breaker, 100) && !fail(&mut breaker, 3_100));
        let recent = breaker.recent(at(3_200));
        assert_eq!(recent.len(), 2);
        let mut restored = Breaker::restored(POLICY, &record(BreakerState::Closed, recent));
        assert_eq!(restored.failures(at(3_200)), 2);
        assert_eq!(restored.failures(at(11_000)), 1, "the older one is forgotten");
        assert!(fail(&mut restored, 4_000));
        assert_eq!(restored.recent(at(4_000)), []);
    }

    proptest! {
        /// Never more probes than allowed, and never a request past an open breaker.
        #[test]
        fn probes_are_limited(steps in proptest::collection::vec((0_i64..3_000, 0_u8..3), 1..200), probes in 1_u32..4) {
            let mut breaker = Breaker::new(BreakerPolicy { probes, ..POLICY }, at(0));
            let (mut now, mut under_way) = (0, Vec::new());
            for (wait, what) in steps {
                now += wait;
                let before = breaker.state();
                match breaker.pass(at(now)) {
                    Ok(pass) => under_way.push(pass),
                    Err(next) => prop_assert!(before != BreakerState::Closed && next >= at(now)),
                }
                if breaker.state() == BreakerState::HalfOpen {
                    let count = under_way.iter().filter(|pass| **pass == Pass::Probe).count();
                    prop_assert!(count <= probes as usize);
                }
                if what < 2 && let Some(pass) = under_way.pop() {
                    let verdict = if what == 0 { Verdict::Fails } else { Verdict::Works };
                    if breaker.learn(pass, verdict, at(now)) {
                        // Whoever was sent before learns nothing that counts.
                        under_way.clear();
                    }
                }
            }
        }
    }
}
