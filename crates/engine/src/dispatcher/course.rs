//! What follows for the other targets from the end of one: the part of the [`Dispatcher`] that takes a rollout from
//! wave to wave, stops it, and ends stragglers. What is allowed is decided by `rollout` and `stragglers`.

use std::time::Duration;

use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::ports::TerminateMode;
use tokio::time::Instant;

use super::health::HealthReport;
use super::task::Dispatcher;
use crate::emit::Message;
use crate::run::{StopCause, StopOrder, give};

impl Dispatcher {
    /// What follows for the others from the end of one.
    pub(super) fn count(&mut self, index: u32, outcome: &NodeOutcome, since: Option<Instant>) {
        if outcome.is_success() {
            if self.health_checks.is_some() {
                self.succeeded.push(index);
            }
            if let (Some(watch), Some(since)) = (&mut self.stragglers, since)
                && let Some(limit) = watch.succeeded(since.elapsed())
            {
                self.straggler_limit = Some(limit.duration());
                let (p95_ms, limit_ms) = (limit.p95_ms, limit.limit_ms);
                self.outbox.push_back(Message::StragglerLimit { p95_ms, limit_ms });
            }
        }
        if let Some(why) = self.rollout.ended(outcome) {
            self.stop_rollout(&why);
        }
    }

    /// Starts no further target: too many have failed, or a wave is not well.
    pub(super) fn stop_rollout(&mut self, why: &SkipReason) {
        if self.stopped {
            return;
        }
        // Told first, so that the outcomes that follow from it come after it.
        let told = self.outbox.len();
        let failures = self.rollout.failures();
        let skipped = self.stop_starting(&NodeOutcome::Skipped { why: why.clone() });
        self.outbox.insert(told, Message::RolloutStopped { why: why.clone(), failures, skipped });
    }

    /// From now on no target is started. Those that wait end so; those that wait for another attempt end as their
    /// last one did. Returns how many were never started.
    pub(super) fn stop_starting(&mut self, outcome: &NodeOutcome) -> u64 {
        self.stopped = true;
        self.ready.clear();
        self.opens_at = None;
        for (index, last) in self.table.end_backoff(None) {
            self.outbox.push_back(Message::NodeFinished { index, end: Box::new(last.end) });
        }
        self.end_waiting(outcome, None)
    }

    /// When the window is through: the health check, the pause, the next wave.
    pub(super) fn go_on(&mut self) {
        let Some(wave) = self.rollout.wave() else { return };
        let between = self.probe.is_some() || self.opens_at.is_some();
        let busy = !self.running.is_empty() || !self.ready.is_empty() || !self.table.window_is_through();
        if self.stopped || !self.started || between || busy {
            return;
        }
        let succeeded = std::mem::take(&mut self.succeeded);
        let targets = succeeded.iter().filter_map(|index| self.context.target(*index));
        let targets: Vec<_> = targets.map(|planned| planned.target.clone()).collect();
        self.probe = self.health_checks.as_ref().map(|checks| checks.begin(targets));
        if self.probe.is_none() {
            self.checked(HealthReport::default());
        } else {
            tracing::info!(execution_id = %self.context.id, wave = wave.number, "checking the wave");
        }
    }

    /// A wave is through and has been checked.
    pub(super) fn checked(&mut self, report: HealthReport) {
        self.probe = None;
        let Some(wave) = self.rollout.wave() else { return };
        let HealthReport { execution, unhealthy } = report;
        let more = unhealthy.is_none() && !self.stopped && self.rollout.open_next();
        let pause = if more { self.pause } else { Duration::ZERO };
        let sick = unhealthy.is_some();
        if let Some(why) = &unhealthy {
            tracing::warn!(execution_id = %self.context.id, wave = wave.number, why, "the wave is not well");
        }
        self.outbox.push_back(Message::WaveFinished { wave: wave.number, execution, unhealthy, pause });
        if sick {
            self.stop_rollout(&SkipReason::HealthCheckFailed);
        } else if more {
            self.opens_at = Instant::now().checked_add(pause);
        } else {
            self.stopped = true;
        }
    }

    pub(super) fn open_wave(&mut self) {
        self.opens_at = None;
        self.table.open_window(self.rollout.window_end());
        self.tell_wave();
    }

    pub(super) fn tell_wave(&mut self) {
        if let Some(wave) = self.rollout.wave() {
            self.outbox.push_back(Message::WaveStarted {
                wave: wave.number,
                waves: wave.of,
                targets: wave.targets,
            });
        }
    }

    /// When the first of the running targets becomes a straggler.
    pub(super) fn straggler_due(&self) -> Option<Instant> {
        let limit = self.straggler_limit?;
        let running = self.running.values().filter(|running| running.stop.borrow().is_none());
        running.filter_map(|running| running.since.checked_add(limit)).min()
    }

    pub(super) fn end_stragglers(&mut self) {
        let Some(limit) = self.straggler_limit else { return };
        let mode = TerminateMode::Graceful { grace: self.context.limits.termination_grace };
        for running in self.running.values() {
            if running.since.elapsed() >= limit {
                give(&running.stop, StopOrder { cause: StopCause::Straggler, mode });
            }
        }
    }
}
