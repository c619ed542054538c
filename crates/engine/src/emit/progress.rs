//! When an execution's progress is told: [`ProgressTeller`]. It only decides; the hub tells.
//!
//! For executions of several targets, at most once [`EVERY`], and only when a count has changed. A count changes with
//! at least two other events of its node, so these events are never as many as the others.

use std::time::Duration;

use pabawi_domain::summary::Progress;
use tokio::time::Instant;

/// The least time between two of them, and before the first.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// What has been told so far.
#[derive(Debug, Default)]
pub(super) struct ProgressTeller {
    /// Absent before the start, and for an execution of one target, of which its own events tell everything.
    last: Option<Last>,
    has_told: bool,
}

#[derive(Debug)]
struct Last {
    at: Instant,
    counts: Progress,
}

impl ProgressTeller {
    /// The execution starts.
    pub(super) fn begin(&mut self, at: Instant, counts: Progress) {
        self.last = (counts.total > 1).then_some(Last { at, counts });
    }

    /// When these counts are to be told, if they are.
    pub(super) fn due(&self, counts: Progress) -> Option<Instant> {
        let last = self.last.as_ref().filter(|last| last.counts != counts)?;
        last.at.checked_add(EVERY)
    }

    /// These counts are told.
    pub(super) fn told(&mut self, at: Instant, counts: Progress) {
        self.last = Some(Last { at, counts });
        self.has_told = true;
    }

    /// Whether who has been told something before would miss these last counts.
    pub(super) fn is_behind(&self, counts: Progress) -> bool {
        self.has_told && self.last.as_ref().is_some_and(|last| last.counts != counts)
    }
}
