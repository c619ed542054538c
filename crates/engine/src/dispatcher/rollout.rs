//! How far a rollout may go: [`RolloutState`], a state machine without a runtime. It knows waves and tolerated failures;
//! it starts nothing and tells nobody.

use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::rollout::{Mode, Rollout, wave_lengths};

/// How far an execution may go.
#[derive(Debug)]
pub(super) struct RolloutState {
    /// The place behind the last target of each wave; one for everything that has no waves.
    ends: Vec<usize>,
    /// Which wave is open, from 0.
    wave: usize,
    /// Whether there are waves to tell of.
    rolling: bool,
    /// Failures that are tolerated.
    tolerated: Option<u64>,
    failures: u64,
    why: SkipReason,
}

impl RolloutState {
    /// The first wave is open.
    pub(super) fn new(rollout: &Rollout, targets: usize) -> Self {
        let total = targets as u64;
        let (ends, rolling) = match &rollout.mode {
            Mode::Rolling(rolling) => (ends(&wave_lengths(&rolling.waves, total)), true),
            Mode::Parallel | Mode::Sequential { .. } => (vec![targets], false),
        };
        let tolerated = rollout.tolerated(total);
        let none_by_wish =
            rollout.fail_fast || matches!(rollout.mode, Mode::Sequential { stop_at_failure: true });
        let why = if none_by_wish { SkipReason::FailFast } else { SkipReason::MaxFailures };
        Self { ends, wave: 0, rolling, tolerated, failures: 0, why }
    }

    /// Targets before this place may be started.
    pub(super) fn window_end(&self) -> usize {
        self.ends.get(self.wave).or(self.ends.last()).copied().unwrap_or(0)
    }

    /// The open wave, from 1, how many there are, and its number of targets; `None` where there are no waves.
    pub(super) fn wave(&self) -> Option<Wave> {
        let before = self.wave.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.rolling.then(|| Wave {
            number: self.wave as u64 + 1,
            of: self.ends.len() as u64,
            targets: self.window_end().saturating_sub(before) as u64,
        })
    }

    /// Opens the next wave; `false` after the last one.
    pub(super) fn open_next(&mut self) -> bool {
        let more = self.wave + 1 < self.ends.len();
        self.wave += usize::from(more);
        more
    }

    /// Counts the end of a target. The reason, when no further one may be started: said once.
    pub(super) fn ended(&mut self, outcome: &NodeOutcome) -> Option<SkipReason> {
        if !outcome.is_failure() {
            return None;
        }
        self.failures += 1;
        let tolerated = self.tolerated?;
        (self.failures == tolerated + 1).then(|| self.why.clone())
    }

    /// Targets that have failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }
}

/// A wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wave {
    pub(super) number: u64,
    pub(super) of: u64,
    pub(super) targets: u64,
}

fn ends(lengths: &[u64]) -> Vec<usize> {
    let mut end = 0_usize;
    lengths
        .iter()
        .map(|length| {
            end = end.saturating_add(usize::try_from(*length).unwrap_or(usize::MAX));
            end
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::outcome::TimeoutPhase;
    use pabawi_domain::rollout::{Rolling, Share};

    fn rolling(waves: &[Share], max_failures: Option<Share>) -> Rollout {
        let waves = waves.to_vec();
        let mode = Mode::Rolling(Rolling { waves, pause_ms: 0, health_check: None });
        Rollout { mode, max_failures, ..Rollout::default() }
    }

    #[test]
    fn waves_open_one_after_the_other() {
        let mut state = RolloutState::new(&rolling(&[Share::Count(1), Share::Percent(50.0)], None), 9);
        let mut seen = Vec::new();
        loop {
            seen.push((state.window_end(), state.wave().unwrap().number, state.wave().unwrap().targets));
            if !state.open_next() {
                break;
            }
        }
        assert_eq!(seen, [(1, 1, 1), (6, 2, 5), (9, 3, 3)]);
        assert_eq!(state.window_end(), 9);
    }

    /// What is unreachable, too slow or refused counts; what somebody cancelled does not.
    #[test]
    fn the_failure_that_is_too_many_is_told_once() {
        let mut state = RolloutState::new(&rolling(&[Share::Count(3)], Some(Share::Count(1))), 9);
        let slow = NodeOutcome::TimedOut { phase: TimeoutPhase::Connect, termination: None };
        assert_eq!(state.ended(&NodeOutcome::Cancelled { termination: None }), None);
        assert_eq!(state.ended(&slow), None);
        assert_eq!(state.ended(&NodeOutcome::Succeeded), None);
        assert_eq!(state.ended(&NodeOutcome::Exited { code: 1 }), Some(SkipReason::MaxFailures));
        assert_eq!(state.ended(&slow), None);
        assert_eq!(state.failures(), 3);
    }

    #[test]
    fn where_nothing_was_said_nothing_stops() {
        let mut state = RolloutState::new(&Rollout::default(), 3);
        assert_eq!((state.window_end(), state.wave()), (3, None));
        for _ in 0..3 {
            assert_eq!(state.ended(&NodeOutcome::Exited { code: 1 }), None);
        }
        assert!(!state.open_next());
    }
}
