//! Takes the time of the parts of an attempt: [`PhaseWatch`].

use pabawi_domain::phases::RunPhases;
use tokio::time::Instant;

/// A started action.
#[derive(Debug, Clone, Copy)]
pub(super) struct PhaseWatch {
    started: Instant,
    phases: RunPhases,
    ended: Option<Instant>,
}

impl PhaseWatch {
    /// The action has been started, which began at `starting`.
    pub(super) fn started(starting: Instant) -> Self {
        let started = Instant::now();
        let phases = RunPhases { start_us: micros(starting, started), ..RunPhases::default() };
        Self { started, phases, ended: None }
    }

    /// There is output.
    pub(super) fn output(&mut self) {
        self.phases.first_byte_us.get_or_insert_with(|| micros(self.started, Instant::now()));
    }

    /// The action has ended.
    pub(super) fn ended(&mut self) {
        let now = Instant::now();
        self.phases.run_us = micros(self.started, now);
        self.ended = Some(now);
    }

    /// What was taken; all output has been told and kept.
    pub(super) fn phases(self) -> RunPhases {
        let now = Instant::now();
        match self.ended {
            Some(ended) => RunPhases { drain_us: micros(ended, now), ..self.phases },
            // It was left in the middle: a panic.
            None => RunPhases { run_us: micros(self.started, now), ..self.phases },
        }
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
