//! The circuit breaker of Pabawi's integrations: [`Breaker`], a state machine without a clock.
//!
//! It counts as Pabawi's does: failures add up and successes in between do not take them back. What is different: a failure
//! that lies far back and was followed by a success is forgotten, and while half open one call at a time passes.

use std::collections::VecDeque;

use napi_derive::napi;

/// A failure is remembered for so many reset times, and at least a minute.
const REMEMBERED: f64 = 10.0;
const AT_LEAST_MS: f64 = 60_000.0;

/// The states, by Pabawi's names.
#[napi(string_enum = "kebab-case")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// None does.
    Open,
    /// One at a time does, to see whether the other side works again.
    HalfOpen,
}

/// Whether a call may go ahead.
#[napi(string_enum = "camelCase")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// As all do while it is closed.
    Free,
    /// To try.
    Probe,
    /// Not now.
    Refused,
}

/// One breaker. Times are milliseconds of the caller's clock.
#[napi]
#[derive(Debug)]
pub struct Breaker {
    threshold: f64,
    reset_ms: f64,
    state: BreakerState,
    failures: VecDeque<f64>,
    successes: f64,
    last_failure: Option<f64>,
    last_success: Option<f64>,
    opened_at: Option<f64>,
    probing: bool,
}

#[napi]
impl Breaker {
    /// Opens after `threshold` failures, for `reset_ms`.
    #[napi(constructor, catch_unwind)]
    pub fn new(threshold: f64, reset_ms: f64) -> Self {
        Self {
            threshold,
            reset_ms,
            state: BreakerState::Closed,
            failures: VecDeque::new(),
            successes: 0.0,
            last_failure: None,
            last_success: None,
            opened_at: None,
            probing: false,
        }
    }

    /// A call wants to go ahead.
    #[napi(catch_unwind)]
    pub fn admit(&mut self, now: f64) -> Passage {
        if self.state == BreakerState::Open {
            let since = self.opened_at.map_or(f64::INFINITY, |opened| now - opened);
            // A clock that was set back must not keep it open for longer than it was to be.
            if (0.0..self.reset_ms).contains(&since) {
                return Passage::Refused;
            }
            self.state = BreakerState::HalfOpen;
            self.probing = false;
        }
        match self.state {
            BreakerState::Closed => Passage::Free,
            _ if self.probing => Passage::Refused,
            _ => {
                self.probing = true;
                Passage::Probe
            }
        }
    }

    /// A call that passed has succeeded.
    #[napi(catch_unwind)]
    pub fn succeeded(&mut self, probe: bool, now: f64) {
        self.successes += 1.0;
        self.last_success = Some(now);
        match self.state {
            BreakerState::HalfOpen if probe => self.close(),
            BreakerState::Closed => self.forget(now),
            _ => {}
        }
    }

    /// A call that passed has failed.
    #[napi(catch_unwind)]
    pub fn failed(&mut self, probe: bool, now: f64) {
        self.last_failure = Some(now);
        match self.state {
            BreakerState::HalfOpen if probe => {
                self.failures.push_back(now);
                self.open(now);
            }
            BreakerState::Closed => {
                self.failures.push_back(now);
                if length(&self.failures) >= self.threshold {
                    self.open(now);
                }
            }
            // A call from before it opened says nothing new.
            _ => {}
        }
    }

    /// Closes it, whatever was.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.state = BreakerState::Closed;
        self.failures.clear();
        self.successes = 0.0;
        self.opened_at = None;
        self.probing = false;
    }

    /// Opens it, whatever was.
    #[napi(catch_unwind)]
    pub fn open(&mut self, now: f64) {
        self.state = BreakerState::Open;
        self.opened_at = Some(now);
        self.probing = false;
    }

    /// Its state.
    #[napi(catch_unwind)]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Failures that count.
    #[napi(catch_unwind)]
    pub fn failures(&self) -> f64 {
        length(&self.failures)
    }

    /// Successes since it closed last.
    #[napi(catch_unwind)]
    pub fn successes(&self) -> f64 {
        self.successes
    }

    /// The last failure.
    #[napi(catch_unwind)]
    pub fn last_failure(&self) -> Option<f64> {
        self.last_failure
    }

    /// The last success.
    #[napi(catch_unwind)]
    pub fn last_success(&self) -> Option<f64> {
        self.last_success
    }

    /// When it opened; nothing while it is closed.
    #[napi(catch_unwind)]
    pub fn opened_at(&self) -> Option<f64> {
        self.opened_at
    }

    /// Forgets failures that lie far back.
    fn forget(&mut self, now: f64) {
        let remembered = (self.reset_ms * REMEMBERED).max(AT_LEAST_MS);
        while self.failures.front().is_some_and(|at| now - at > remembered) {
            self.failures.pop_front();
        }
    }
}

fn length(failures: &VecDeque<f64>) -> f64 {
    u32::try_from(failures.len()).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(2.0, 1_000.0);
        for now in [0.0, 10.0] {
            assert_eq!(breaker.admit(now), Passage::Free);
            breaker.failed(false, now);
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        breaker
    }

    /// R7.7
    #[test]
    fn failures_add_up_and_one_probe_passes_after_the_reset_time() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(1_009.0), Passage::Refused);
        assert_eq!(breaker.admit(1_010.0), Passage::Probe);
        assert_eq!(breaker.admit(1_010.0), Passage::Refused);
        // A call from before does not decide.
        breaker.succeeded(false, 1_011.0);
        breaker.failed(false, 1_011.0);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.failed(true, 1_012.0);
        assert_eq!((breaker.state(), breaker.admit(1_013.0)), (BreakerState::Open, Passage::Refused));
        assert_eq!(breaker.admit(2_012.0), Passage::Probe);
        breaker.succeeded(true, 2_013.0);
        assert_eq!((breaker.state(), breaker.failures()), (BreakerState::Closed, 0.0));
    }

    /// R7.7
    #[test]
    fn old_failures_are_forgotten_after_a_success_and_a_clock_set_back_ends_the_wait() {
        let mut breaker = Breaker::new(2.0, 1_000.0);
        breaker.failed(false, 0.0);
        breaker.succeeded(false, 50_000.0);
        assert_eq!(breaker.failures(), 1.0);
        breaker.succeeded(false, 60_001.0);
        assert_eq!(breaker.failures(), 0.0);
        assert_eq!(opened().admit(-5.0), Passage::Probe);
    }
}
