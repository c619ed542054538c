//! The task that gathers those who ask for a plugin, by execution: [`Desk`]. It calls no plugin itself and waits for none.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use pabawi_domain::action::Action;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{ExecutionRef, RunningAction, TransportError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::gathering::{BatchLimits, Gathering};
use super::start::Start;
use super::tool_run::{Place, RunCounts};
use crate::host::slot::Slot;

/// What the desk is told. The channel has no bound: each node run has at most one note of each kind in it, and a note that
/// is told by a drop cannot wait.
pub(super) enum Note {
    /// A node of this execution will ask.
    Coming(ExecutionId),
    /// It has gone away without asking.
    Left(ExecutionId),
    /// A node asks.
    Asked(Box<Waiter>),
    /// A node of a run has ended.
    Ended(ExecutionId),
}

/// A node that waits for a run.
pub(super) struct Waiter {
    pub(super) execution: ExecutionRef,
    pub(super) target: Target,
    pub(super) action: Arc<Action>,
    pub(super) ticket: Arc<Ticket>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a node gets: its part of a run, or why there is none.
pub(super) type Answer = Result<(Box<dyn RunningAction>, Place), TransportError>;

/// Whether a node still waits. Who changes it first decides.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicU8);

const WAITS: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Ticket {
    /// The node is taken into a run; `false` when it waits no longer.
    pub(super) fn take(&self) -> bool {
        self.change(TAKEN)
    }

    /// The node waits no longer; `false` when it is in a run already.
    pub(super) fn withdraw(&self) -> bool {
        self.change(WITHDRAWN)
    }

    fn change(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITS, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// Gathers for one plugin.
pub(super) struct Desk {
    pub(super) slot: Arc<Slot>,
    pub(super) limits: BatchLimits,
    pub(super) counts: Arc<RunCounts>,
    pub(super) notes: mpsc::UnboundedReceiver<Note>,
    /// For those that are sent off, weak so that the desk ends with those who ask.
    pub(super) way_here: mpsc::WeakUnboundedSender<Note>,
}

impl Desk {
    /// Works until nobody can ask any more.
    pub(super) async fn run(mut self) {
        let mut all: HashMap<ExecutionId, Gathering<Waiter>> = HashMap::new();
        // Ends with the channel.
        loop {
            let due =
                all.iter().filter_map(|(id, gathering)| Some((gathering.due(&self.limits)?, *id))).min();
            tokio::select! {
                biased;
                note = self.notes.recv() => match note {
                    Some(note) => self.take(&mut all, note),
                    None => return,
                },
                id = at(due) => if let Some(gathering) = all.get_mut(&id) {
                    self.send_off(gathering);
                    if gathering.is_over() {
                        all.remove(&id);
                    }
                },
            }
            let waiting: usize = all.values().map(Gathering::waiting).sum();
            self.counts.waiting.store(waiting as u64, Ordering::Relaxed);
        }
    }

    fn take(&self, all: &mut HashMap<ExecutionId, Gathering<Waiter>>, note: Note) {
        let id = match &note {
            Note::Coming(id) | Note::Left(id) | Note::Ended(id) => *id,
            Note::Asked(waiter) => waiter.execution.id,
        };
        let gathering = all.entry(id).or_default();
        match note {
            Note::Coming(_) => gathering.coming += 1,
            Note::Left(_) => gathering.coming = gathering.coming.saturating_sub(1),
            Note::Ended(_) => gathering.in_runs = gathering.in_runs.saturating_sub(1),
            Note::Asked(waiter) => gathering.asked(Instant::now(), *waiter),
        }
        if gathering.is_over() {
            all.remove(&id);
        }
    }

    fn send_off(&self, gathering: &mut Gathering<Waiter>) {
        let Some(desk) = self.way_here.upgrade() else { return };
        let mut waiters = gathering.take(&self.limits);
        waiters.retain(|waiter| waiter.ticket.take());
        let Some(first) = waiters.first() else { return };
        gathering.in_runs += waiters.len();
        let counts = Arc::clone(&self.counts);
        let execution = &first.execution;
        let correlation_id = execution.correlation_id.as_ref().map(|id| id.as_str());
        let span = tracing::error_span!("tool", execution_id = %execution.id, correlation_id);
        let start = Start { slot: Arc::clone(&self.slot), waiters, counts, desk };
        tokio::spawn(start.run().instrument(span));
    }
}

/// Returns when the first one is due, never without one.
async fn at(due: Option<(Instant, ExecutionId)>) -> ExecutionId {
    match due {
        Some((at, id)) => {
            tokio::time::sleep_until(at).await;
            id
        }
        None => std::future::pending().await,
    }
}
