//! What the budget of output in memory means for one execution: [`PressureWatch`]. It says how many nodes may be started
//! and what is to be told; it starts and tells nothing itself.

use tokio::sync::watch;

use super::task::Dispatcher;
use crate::emit::Message;
use crate::pressure::{MemoryBudget, PressureReport};

/// One execution's view of the budget.
pub(super) struct PressureWatch {
    pressed: watch::Receiver<bool>,
    reports: watch::Receiver<PressureReport>,
    /// What the execution's readers know.
    told_on: bool,
}

impl PressureWatch {
    pub(super) fn new(budget: &MemoryBudget) -> Self {
        Self { pressed: budget.pressed(), reports: budget.reports(), told_on: false }
    }

    /// Returns when something has changed. Dropping the future loses nothing.
    pub(super) async fn changed(&mut self) {
        // The senders live in the budget, which outlives the execution.
        tokio::select! {
            _ = self.pressed.changed() => {}
            _ = self.reports.changed() => {}
        }
    }

    /// How many of the targets that could be started may be, while `running` run. Under pressure those whose next
    /// attempt is due may, since it frees what is kept of the last one, and otherwise one, so that no execution waits
    /// for what others hold.
    pub(super) fn startable(&self, (waiting, due): (usize, usize), running: usize) -> usize {
        if !*self.pressed.borrow() {
            waiting + due
        } else if running == 0 {
            due.max(1).min(waiting + due)
        } else {
            due
        }
    }

    /// What has to be told now.
    fn news(&mut self) -> Option<PressureReport> {
        let report = *self.reports.borrow();
        (std::mem::replace(&mut self.told_on, report.on) != report.on).then_some(report)
    }
}

impl Dispatcher {
    /// Tells the hub when nodes are held from now on, or no longer.
    pub(super) fn tell_pressure(&mut self) {
        if !self.started || self.closing {
            return;
        }
        if let Some(PressureReport { on, used_bytes, limit_bytes }) = self.pressure.news() {
            let (used_bytes, limit_bytes) = (used_bytes as u64, limit_bytes as u64);
            self.outbox.push_back(Message::Backpressure { on, used_bytes, limit_bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R8.6
    #[test]
    fn under_pressure_an_execution_starts_one_node_at_a_time() {
        let budget = MemoryBudget::new(100);
        let watch = PressureWatch::new(&budget);
        assert_eq!(watch.startable((7, 2), 3), 9);
        let _held = budget.hold(100);
        assert_eq!(watch.startable((7, 0), 0), 1);
        assert_eq!(watch.startable((7, 0), 1), 0);
        assert_eq!(watch.startable((7, 2), 0), 2);
        assert_eq!(watch.startable((7, 2), 1), 2);
        assert_eq!(watch.startable((0, 0), 0), 0);
    }
}
