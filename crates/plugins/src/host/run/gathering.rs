//! When those who wait are enough for a run of the tool: [`Gathering`], without a runtime and without a clock.
//!
//! As with a group commit, whoever comes while a run is under way waits for company. A run is begun as soon as nobody is
//! known to be on the way any more and at least as many wait as are still in runs; so the size adapts to how many nodes
//! may run at once and to how they end. A wait is never longer than [`BatchLimits::longest`].

use std::time::Duration;

use tokio::time::Instant;

/// How large a run may become, and how long it is waited for.
#[derive(Debug, Clone, Copy)]
pub(in crate::host) struct BatchLimits {
    /// Most nodes in one run.
    pub(in crate::host) most: usize,
    /// So long after the last one has come nobody else is expected.
    pub(in crate::host) quiet: Duration,
    /// The longest wait of anybody.
    pub(in crate::host) longest: Duration,
}

/// Those of one execution.
#[derive(Debug)]
pub(super) struct Gathering<W> {
    /// Have a session and have not asked yet.
    pub(super) coming: usize,
    waiting: Vec<(Instant, W)>,
    /// Are in runs that have not ended.
    pub(super) in_runs: usize,
}

impl<W> Default for Gathering<W> {
    fn default() -> Self {
        Self { coming: 0, waiting: Vec::new(), in_runs: 0 }
    }
}

impl<W> Gathering<W> {
    /// One more waits.
    pub(super) fn asked(&mut self, at: Instant, waiter: W) {
        self.coming = self.coming.saturating_sub(1);
        self.waiting.push((at, waiter));
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody is left.
    pub(super) fn is_over(&self) -> bool {
        self.coming == 0 && self.waiting.is_empty() && self.in_runs == 0
    }

    /// When a run is to begin, as far as is known now; never while nobody waits.
    pub(super) fn due(&self, limits: &BatchLimits) -> Option<Instant> {
        let ((first, _), (last, _)) = (self.waiting.first()?, self.waiting.last()?);
        if self.waiting.len() >= limits.most {
            return Some(*first);
        }
        let longest = *first + limits.longest;
        let others = self.coming > 0 || self.in_runs > self.waiting.len();
        Some(if others { longest } else { longest.min(*last + limits.quiet) })
    }

    /// Takes those who waited longest, as many as fit into one run.
    pub(super) fn take(&mut self, limits: &BatchLimits) -> Vec<W> {
        let many = self.waiting.len().min(limits.most.max(1));
        self.waiting.drain(..many).map(|(_, waiter)| waiter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BatchLimits =
        BatchLimits { most: 3, quiet: Duration::from_millis(2), longest: Duration::from_secs(1) };

    #[test]
    fn a_run_begins_when_no_other_is_on_the_way() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut all = Gathering { coming: 2, ..Gathering::default() };
        assert_eq!(all.due(&LIMITS), None);
        all.asked(after(0), "a");
        assert_eq!(all.due(&LIMITS), Some(after(1000)), "another one is on the way");
        all.asked(after(5), "b");
        assert_eq!(all.due(&LIMITS), Some(after(7)), "nobody is");
        all.in_runs = 3;
        assert_eq!(all.due(&LIMITS), Some(after(1000)), "more are in runs than wait");
        all.in_runs = 2;
        assert_eq!(all.due(&LIMITS), Some(after(7)));
        all.coming = 5;
        all.asked(after(8), "c");
        all.asked(after(9), "d");
        assert_eq!(all.due(&LIMITS), Some(after(0)), "full");
        assert_eq!((all.take(&LIMITS), all.waiting()), (vec!["a", "b", "c"], 1));
    }
}
