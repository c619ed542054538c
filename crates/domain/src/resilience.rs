//! When something is tried again and when it is given up: [`RetryPolicy`], [`BreakerPolicy`].

use std::collections::BTreeSet;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::{NodeOutcome, TimeoutPhase};
use crate::validation as check;

/// How often and when a node run is tried again (R7.5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included.
    #[garde(range(min = 1, max = 100))]
    pub attempts: u32,
    /// The wait between two attempts.
    #[serde(default)]
    #[garde(dive)]
    pub backoff: Backoff,
    /// Outcomes that are tried again, by their words. Empty means those after which the command cannot have
    /// started and where waiting can help: a node that is unreachable or slow to log in, not one that refuses
    /// the login or has another host key.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[garde(custom(check::retried_outcomes))]
    pub on: BTreeSet<String>,
    /// The limit over all attempts, from the start of the first, in milliseconds. It ends an attempt that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_timeout))]
    pub deadline_ms: Option<u64>,
    /// Whether an action that may have run may be run again. Without it such an action is never repeated,
    /// whatever `on` says.
    #[serde(default)]
    #[garde(skip)]
    pub idempotent: bool,
}

impl RetryPolicy {
    /// So many attempts with the default backoff: 1 s, doubled each time, at most 60 s, a quarter of it by chance.
    pub fn new(attempts: u32) -> Self {
        Self {
            attempts,
            backoff: Backoff::default(),
            on: BTreeSet::new(),
            deadline_ms: None,
            idempotent: false,
        }
    }

    /// Whether an attempt that ended so is followed by another, as far as its outcome decides.
    pub fn repeats(&self, outcome: &NodeOutcome) -> bool {
        // Limits that follow from the whole execution stay reached.
        let whole = [TimeoutPhase::Queue, TimeoutPhase::Execution, TimeoutPhase::Straggler];
        let is_whole = matches!(outcome, NodeOutcome::TimedOut { phase, .. } if whole.contains(phase));
        if is_whole || (outcome.may_have_run() && !self.idempotent) {
            return false;
        }
        if !self.on.is_empty() {
            return self.on.contains(outcome.word());
        }
        match outcome {
            NodeOutcome::TimedOut { phase: TimeoutPhase::Connect, termination: None } => true,
            NodeOutcome::Unreachable { error, .. } => error.code.is_retryable(),
            _ => false,
        }
    }
}

/// The wait between two attempts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backoff {
    /// How it grows.
    #[serde(default)]
    #[garde(skip)]
    pub growth: Growth,
    /// The first wait, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub initial_ms: u64,
    /// The longest wait, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub max_ms: u64,
    /// The part of the wait that is drawn by chance, 0 to 1.
    #[serde(default)]
    #[garde(range(min = 0.0, max = 1.0))]
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { growth: Growth::default(), initial_ms: 1_000, max_ms: 60_000, jitter: 0.25 }
    }
}

impl Backoff {
    /// The wait after that many attempts. `chance` is a number from 0 to 1 that the caller draws: with a jitter
    /// of 0.25, the wait lies between three quarters of the full one and all of it.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 30 days")]
    pub fn wait_ms(&self, attempts: u32, chance: f64) -> u64 {
        let step = u64::from(attempts.max(1));
        let full = match self.growth {
            Growth::Constant => self.initial_ms,
            Growth::Linear => self.initial_ms.saturating_mul(step),
            Growth::Exponential => {
                let doubled = u32::try_from(step - 1).ok().and_then(|bits| 1_u64.checked_shl(bits));
                self.initial_ms.saturating_mul(doubled.unwrap_or(u64::MAX))
            }
        }
        .min(self.max_ms);
        let less = self.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0);
        (full as f64 * (1.0 - less)).round() as u64
    }
}

/// How waits grow from one attempt to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Growth {
    /// Always the same.
    Constant,
    /// By the first wait each time.
    Linear,
    /// Doubled each time.
    #[default]
    Exponential,
}

/// When a failing component is no longer asked (R7.7).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BreakerPolicy {
    /// Failures within the window that open it; of a group, so many of its nodes.
    #[garde(range(min = 1))]
    pub failures: u32,
    /// The part of the requests within the window that has to have failed as well, above 0 and at most 1; any when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0.000_001, max = 1.0))]
    pub rate: Option<f64>,
    /// The window, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub window_ms: u64,
    /// How long it stays open, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub open_ms: u64,
    /// How many may try when that time is over. The first that succeeds closes it; when all have failed it opens again.
    #[garde(range(min = 1))]
    pub probes: u32,
}

impl Default for BreakerPolicy {
    /// 5 failures within 60 s open it for 30 s; one probe at a time.
    fn default() -> Self {
        Self { failures: 5, rate: None, window_ms: 60_000, open_ms: 30_000, probes: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorCode, NodeError};
    use crate::id::NodeId;
    use crate::outcome::Termination;

    fn error(code: ErrorCode) -> NodeError {
        NodeError::new(NodeId::new("web1").unwrap(), code, "x")
    }

    fn unreachable(code: ErrorCode, termination: Option<Termination>) -> NodeOutcome {
        NodeOutcome::Unreachable { error: error(code), termination }
    }

    /// R7.5
    #[test]
    fn what_may_have_run_is_repeated_only_when_it_is_idempotent() {
        let mut policy = RetryPolicy::new(3);
        let lost =
            unreachable(ErrorCode::ConnectionReset, Some(Termination::Unconfirmed { why: "lost".into() }));
        assert!(policy.repeats(&unreachable(ErrorCode::ConnectionRefused, None)));
        assert!(policy.repeats(&NodeOutcome::TimedOut { phase: TimeoutPhase::Connect, termination: None }));
        for refused in [
            lost.clone(),
            unreachable(ErrorCode::NotSsh, None),
            NodeOutcome::Exited { code: 1 },
            NodeOutcome::AuthFailed { error: error(ErrorCode::AuthFailed) },
            NodeOutcome::HostKeyRejected { error: error(ErrorCode::HostKeyChanged) },
            NodeOutcome::Cancelled { termination: None },
            NodeOutcome::Succeeded,
        ] {
            assert!(!policy.repeats(&refused), "{refused:?}");
        }
        policy.on = ["exited", "unreachable", "authFailed"].map(str::to_owned).into();
        assert!(!policy.repeats(&NodeOutcome::Exited { code: 1 }) && !policy.repeats(&lost));
        assert!(policy.repeats(&NodeOutcome::AuthFailed { error: error(ErrorCode::AuthFailed) }));
        policy.idempotent = true;
        assert!(policy.repeats(&NodeOutcome::Exited { code: 1 }) && policy.repeats(&lost));
        assert!(!policy.repeats(&NodeOutcome::Signalled { signal: "SEGV".into() }));
    }

    /// R7.5
    #[test]
    fn waits_grow_as_asked_and_never_past_the_cap() {
        let backoff = |growth, jitter| Backoff { growth, initial_ms: 100, max_ms: 1_000, jitter };
        let waits = |backoff: Backoff, chance| [1, 2, 3, 4, 5, 99].map(|n| backoff.wait_ms(n, chance));
        assert_eq!(waits(backoff(Growth::Constant, 0.0), 0.5), [100; 6]);
        assert_eq!(waits(backoff(Growth::Linear, 0.0), 0.5), [100, 200, 300, 400, 500, 1_000]);
        assert_eq!(waits(backoff(Growth::Exponential, 0.0), 0.5), [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(backoff(Growth::Exponential, 0.5).wait_ms(2, 1.0), 100);
        assert_eq!(backoff(Growth::Exponential, 1.0).wait_ms(2, 0.0), 200);
        assert_eq!(backoff(Growth::Constant, 1.0).wait_ms(0, 1.0), 0);
    }
}
