//! The order to end a node run: [`StopOrder`]. It travels in a `watch` channel from the dispatcher to the run,
//! so that a later, harsher order replaces an earlier one.

use pabawi_domain::outcome::{NodeOutcome, Termination, TimeoutPhase};
use pabawi_domain::ports::TerminateMode;
use tokio::sync::watch;

/// Why a run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// Somebody cancelled it, or the engine is shut down.
    Cancelled,
    /// The execution's own limit of time ran out.
    ExecutionTimeout,
    /// It takes much longer than the others.
    Straggler,
}

/// The order to end a node run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StopOrder {
    pub(crate) cause: StopCause,
    pub(crate) mode: TerminateMode,
}

impl StopOrder {
    /// The outcome of a run that was ended by this order.
    pub(crate) fn outcome(self, termination: Option<Termination>) -> NodeOutcome {
        match self.cause {
            StopCause::Cancelled => NodeOutcome::Cancelled { termination },
            StopCause::ExecutionTimeout => {
                NodeOutcome::TimedOut { phase: TimeoutPhase::Execution, termination }
            }
            StopCause::Straggler => NodeOutcome::TimedOut { phase: TimeoutPhase::Straggler, termination },
        }
    }
}

/// Gives an order, unless the same or a harsher one stands already. Returns whether it changed anything. The
/// cause that was first stays.
pub(crate) fn give(sender: &watch::Sender<Option<StopOrder>>, order: StopOrder) -> bool {
    sender.send_if_modified(|standing| match standing {
        None => {
            *standing = Some(order);
            true
        }
        Some(old) if order.mode == TerminateMode::Kill && old.mode != TerminateMode::Kill => {
            old.mode = TerminateMode::Kill;
            true
        }
        Some(_) => false,
    })
}

/// Returns when there is an order. A dispatcher that has died is one too.
pub(super) async fn ordered(stop: &mut watch::Receiver<Option<StopOrder>>) -> StopOrder {
    let gone = StopOrder { cause: StopCause::Cancelled, mode: TerminateMode::Kill };
    match stop.wait_for(Option::is_some).await {
        Ok(order) => (*order).unwrap_or(gone),
        Err(_) => gone,
    }
}

/// Whether the order stands to kill at once.
pub(super) fn kill_is_ordered(stop: &watch::Receiver<Option<StopOrder>>) -> bool {
    stop.borrow().is_some_and(|order| order.mode == TerminateMode::Kill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// R8.8
    #[test]
    fn a_harsher_order_replaces_and_an_equal_one_changes_nothing() {
        let (sender, receiver) = watch::channel(None);
        let graceful = TerminateMode::Graceful { grace: Duration::from_secs(1) };
        assert!(give(&sender, StopOrder { cause: StopCause::ExecutionTimeout, mode: graceful }));
        assert!(!give(&sender, StopOrder { cause: StopCause::Cancelled, mode: graceful }));
        assert!(give(&sender, StopOrder { cause: StopCause::Cancelled, mode: TerminateMode::Kill }));
        assert!(!give(&sender, StopOrder { cause: StopCause::Cancelled, mode: graceful }));
        assert!(kill_is_ordered(&receiver));
        assert_eq!(receiver.borrow().unwrap().cause, StopCause::ExecutionTimeout);
    }
}
