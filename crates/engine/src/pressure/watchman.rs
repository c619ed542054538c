//! Watches the budget: [`Watchman`], one task for the engine. At transitions it writes a log line, a count and a gauge,
//! has executions told, and has the rings of events cut to what somebody still needs. It holds nobody up.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::budget::MemoryBudget;
use crate::meter::Meter;
use crate::plan::Transports;
use crate::subscribe::Rings;

/// The least time between two reports: a flood that comes and goes many times a second is told once.
const BETWEEN: Duration = Duration::from_secs(1);
/// How often gauges are taken while something runs.
const GAUGES: Duration = Duration::from_secs(1);

/// The task that watches. It ends with the engine.
pub(crate) struct Watchman {
    pub(crate) budget: Arc<MemoryBudget>,
    pub(crate) rings: Weak<Rings>,
    pub(crate) transports: Arc<Transports>,
    pub(crate) meter: Meter,
    /// How many executions there are.
    pub(crate) live: watch::Receiver<usize>,
}

impl Watchman {
    /// Works until it is aborted.
    pub(crate) async fn run(mut self) {
        let mut pressed = self.budget.pressed();
        let mut told = false;
        let mut not_before = tokio::time::Instant::now();
        // Ends by being aborted when the engine goes.
        loop {
            let on = *pressed.borrow_and_update();
            let differs = on != told;
            let measuring = self.meter.is_on() && *self.live.borrow() > 0;
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(not_before), if differs => {
                    told = self.tell();
                    not_before = tokio::time::Instant::now() + BETWEEN;
                }
                changed = pressed.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(GAUGES), if measuring => self.measure(),
                changed = self.live.changed() => if changed.is_err() { return },
            }
            // At every beginning, told or not: rings are only ever cut as far as nobody waits for what is in them.
            if *pressed.borrow()
                && let Some(rings) = self.rings.upgrade()
            {
                rings.trim();
            }
        }
    }

    /// Tells how it stands now; whether it is on.
    fn tell(&self) -> bool {
        let report = self.budget.report();
        let (used_bytes, limit_bytes) = (report.used_bytes, report.limit_bytes);
        if report.on {
            tracing::warn!(
                used_bytes,
                limit_bytes,
                "output in memory has reached its budget; nodes are read no further until some of it is gone"
            );
        } else {
            tracing::info!(used_bytes, limit_bytes, "output in memory is within its budget again");
        }
        self.meter.backpressure(report.on);
        self.measure();
        report.on
    }

    fn measure(&self) {
        let memory = self.budget.stats();
        self.meter.buffered(memory.used_bytes, memory.limit_bytes);
        for transport in self.transports.all() {
            self.meter.transport(transport.name(), transport.stats());
            if let Some(runs) = transport.tool_runs() {
                self.meter.tool_runs(transport.name(), runs);
            }
        }
    }
}
