//! One breaker: [`Breaker`], a state machine without a runtime and without a clock. Times are this machine's, since the
//! state outlives the process.
//!
//! ```text
//! closed -- enough failures within the window --> open
//! open -- its time is over, the next request passes as a probe --> half open
//! half open -- a probe succeeds --> closed
//! half open -- as many probes as may try have failed --> open
//! ```
//!
//! Several processes may have one and the same breaker. Of what they say about it, the state stands that was entered
//! last, so the time since when a breaker is in its state never goes backwards, whatever the clock does.

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus};
use pabawi_domain::id::NodeId;
use pabawi_domain::resilience::BreakerPolicy;

use super::window::{Counts, Window};

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
    HalfOpen { under_way: u32, failed: u32 },
}

impl Breaker {
    /// Of a component about which nothing is known. It counts as closed since its window began, so that it never has
    /// the last word over a change that another process has just made.
    pub(super) fn new(policy: BreakerPolicy, now: Timestamp) -> Self {
        Self {
            policy,
            state: State::Closed(Window::default()),
            since: begin_of_window(&policy, now),
            failures: 0,
        }
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

    /// The breaker as it is to be stored.
    pub(super) fn record(&self, status: BreakerStatus, now: Timestamp) -> BreakerRecord {
        let recent = match &self.state {
            State::Closed(window) => window.recent(now, self.policy.window_ms),
            State::Open { .. } | State::HalfOpen { .. } => Vec::new(),
        };
        BreakerRecord { status, recent }
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

    /// Whether it is closed and has seen no failure lately.
    pub(super) fn is_quiet(&self, now: Timestamp) -> bool {
        self.state() == BreakerState::Closed && self.failures(now) == 0
    }

    /// Whether it says no more than [`Breaker::new`] would: then it need not be held.
    pub(super) fn says_nothing(&self, now: Timestamp) -> bool {
        let State::Closed(window) = &self.state else { return false };
        let counts = window.counts(now, self.policy.window_ms);
        let seen = if self.policy.rate.is_some() { counts.calls } else { counts.failures };
        seen == 0 && self.since <= begin_of_window(&self.policy, now)
    }

    /// When the next probe may pass; absent while requests pass.
    pub(super) fn next_probe(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed(_) => None,
            State::Open { until } => Some(until),
            State::HalfOpen { .. } => Some(self.since),
        }
    }

    /// When the next request may pass, where none may now; that time is past while probes are under way.
    pub(super) fn refuses(&mut self, now: Timestamp) -> Option<Timestamp> {
        match &mut self.state {
            State::Closed(_) => None,
            State::Open { until } => {
                // A clock that was set back must not keep it open for longer than it was to be.
                *until = (*until).min(after(now, self.policy.open_ms));
                (now < *until).then_some(*until)
            }
            State::HalfOpen { under_way, failed } => {
                (under_way.saturating_add(*failed) >= self.policy.probes).then_some(now)
            }
        }
    }

    /// Lets a request pass that is not refused.
    pub(super) fn pass(&mut self, now: Timestamp) -> Pass {
        match &mut self.state {
            State::Closed(_) => Pass::Free,
            State::Open { .. } => {
                self.enter(State::HalfOpen { under_way: 1, failed: 0 }, now);
                Pass::Probe
            }
            State::HalfOpen { under_way, .. } => {
                *under_way = under_way.saturating_add(1);
                Pass::Probe
            }
        }
    }

    /// Learns from a request that passed; `true` when that changed the state. A failure of a `member` counts once
    /// within the window.
    pub(super) fn learn(
        &mut self,
        pass: Pass,
        verdict: Verdict,
        member: Option<&NodeId>,
        now: Timestamp,
    ) -> bool {
        match (&mut self.state, pass, verdict) {
            (State::Closed(window), _, Verdict::Works) => {
                window.add(now, self.policy.window_ms, Counts::WORKED);
                false
            }
            (State::Closed(window), _, Verdict::Fails) => {
                match member {
                    None => window.add(now, self.policy.window_ms, Counts::FAILED),
                    Some(member) => window.add_failed(member, now, &self.policy),
                }
                let counts = window.counts(now, self.policy.window_ms);
                let opens = opens(&self.policy, counts);
                if opens {
                    self.open(counts.failures, now);
                }
                opens
            }
            (State::HalfOpen { .. }, Pass::Probe, Verdict::Works) => {
                self.enter(State::Closed(Window::default()), now);
                true
            }
            (State::HalfOpen { under_way, failed }, Pass::Probe, Verdict::Fails) => {
                *under_way = under_way.saturating_sub(1);
                *failed = failed.saturating_add(1);
                let failed = *failed;
                let opens = failed >= self.policy.probes;
                if opens {
                    self.open(self.failures.saturating_add(failed), now);
                }
                opens
            }
            (State::HalfOpen { under_way, .. }, Pass::Probe, Verdict::Unknown) => {
                *under_way = under_way.saturating_sub(1);
                false
            }
            // A request from before the opening says nothing new.
            _ => false,
        }
    }

    /// Closes it and forgets what it has seen.
    pub(super) fn close(&mut self, now: Timestamp) {
        self.enter(State::Closed(Window::default()), now);
    }

    /// Takes over what another process says about it; `true` when that changed the state.
    pub(super) fn adopt(&mut self, record: &BreakerRecord) -> bool {
        let (theirs, before) = (&record.status, self.state());
        let is_newer = theirs.since > self.since;
        match (&mut self.state, theirs.state) {
            // It was closed there after failures that are counted here still.
            (State::Closed(_), BreakerState::Closed) if is_newer && theirs.failures == 0 => {}
            // Both count, and neither knows how much of it the other has seen too.
            (State::Closed(window), BreakerState::Closed) => {
                window.raise(&record.recent, self.policy.window_ms);
                self.since = self.since.max(theirs.since);
                return false;
            }
            _ if !is_newer => return false,
            // Each process sends probes of its own.
            (State::Open { .. } | State::HalfOpen { .. }, BreakerState::HalfOpen) => return false,
            _ => {}
        }
        *self = Self::restored(self.policy, record);
        self.state() != before
    }

    fn open(&mut self, failures: u32, now: Timestamp) {
        self.failures = failures;
        self.enter(State::Open { until: after(now, self.policy.open_ms) }, now);
    }

    fn enter(&mut self, state: State, now: Timestamp) {
        self.state = state;
        let later = self.since.checked_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        self.since = now.max(later);
    }
}

fn opens(policy: &BreakerPolicy, counts: Counts) -> bool {
    counts.failures >= policy.failures && policy.rate.is_none_or(|rate| counts.rate() >= rate)
}

fn begin_of_window(policy: &BreakerPolicy, now: Timestamp) -> Timestamp {
    now.checked_sub(millis(policy.window_ms)).unwrap_or(Timestamp::MIN)
}

fn after(now: Timestamp, ms: u64) -> Timestamp {
    now.checked_add(millis(ms)).unwrap_or(Timestamp::MAX)
}

fn millis(ms: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
