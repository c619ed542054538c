//! The task that owns the run state of one execution: [`Dispatcher`], with one `select!`. It starts a node run for
//! each permit, tells running ones to stop, and takes a rollout from wave to wave. Nobody else changes any of this;
//! others send a [`Control`].
//!
//! It never waits for the hub, so that cancelling works while the store or a reader holds the events back: what
//! it has to tell waits in its outbox. It starts no task for a target that has no permit.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::{NodeOutcome, SkipReason, TimeoutPhase};
use pabawi_domain::ports::TerminateMode;
use pabawi_domain::rollout::{Mode, Rollout};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::control::{Cancelled, Control};
use super::health::{HealthChecks, HealthProbe, HealthReport};
use super::pressure::PressureWatch;
use super::rollout::RolloutState;
use super::stragglers::StragglerWatch;
use super::target_table::TargetTable;
use crate::emit::{MAX_ENDED, Message};
use crate::run::{Again, NodeEnd, NodeRun, Returned, RunContext, RunEnd, StopCause, StopOrder, give};
use crate::schedule::{Permit, QueuePlace, Registration, SchedulerHandle, Turn};
use pabawi_domain::panic_guard::panic_text;

/// What a dispatcher needs besides the run's context.
pub(crate) struct Orders {
    pub(crate) control: mpsc::Receiver<Control>,
    pub(crate) place: QueuePlace,
    pub(crate) concurrency: usize,
    pub(crate) execution_timeout: Option<Duration>,
    pub(crate) rollout: Rollout,
    pub(crate) health_checks: Option<HealthChecks>,
}

/// The task that owns an execution's run state.
pub(crate) struct Dispatcher {
    pub(super) context: Arc<RunContext>,
    pub(super) control: mpsc::Receiver<Control>,
    pub(super) place: QueuePlace,
    pub(super) concurrency: usize,
    /// A target that waits for another attempt keeps the next one from being started.
    pub(super) in_order: bool,
    pub(super) execution_timeout: Option<Duration>,
    pub(super) table: TargetTable,
    pub(super) rollout: RolloutState,
    pub(super) pause: Duration,
    pub(super) health_checks: Option<HealthChecks>,
    /// Targets of the open wave that have succeeded, where there are health checks.
    pub(super) succeeded: Vec<u32>,
    /// The check of the wave that is through.
    pub(super) probe: Option<HealthProbe>,
    /// The next wave opens at this time.
    pub(super) opens_at: Option<Instant>,
    pub(super) stragglers: Option<StragglerWatch>,
    /// How long a target may take, seen from the others.
    pub(super) straggler_limit: Option<Duration>,
    /// What the budget of output in memory allows.
    pub(super) pressure: PressureWatch,
    /// The targets that run.
    pub(super) running: HashMap<u32, RunningTarget>,
    /// Each gives its permit back to here.
    pub(super) tasks: JoinSet<Returned>,
    /// Which target a task runs.
    pub(super) task_targets: HashMap<Id, u32>,
    /// What the hub has to be told, in order. Bounded by the number of targets.
    pub(super) outbox: VecDeque<Message>,
    /// Permits that wait until the hub has been told that the execution started.
    pub(super) ready: Vec<Permit>,
    /// Permits of runs that have ended. They go back when the next ones have been asked for, so that the
    /// scheduler does not take an execution between two runs for one that wants nothing.
    pub(super) returned: Vec<Permit>,
    pub(super) started: bool,
    /// No further target is started, whatever the rollout says.
    pub(super) stopped: bool,
    pub(super) deadline: Option<Instant>,
    /// The last thing has been put into the outbox.
    pub(super) closing: bool,
}

/// A target that runs.
pub(super) struct RunningTarget {
    pub(super) stop: watch::Sender<Option<StopOrder>>,
    pub(super) since: Instant,
}

impl Dispatcher {
    pub(crate) fn new(context: Arc<RunContext>, orders: Orders) -> Self {
        let count = context.targets.len();
        let Orders { control, place, concurrency, execution_timeout, rollout, health_checks } = orders;
        let in_order = matches!(rollout.mode, Mode::Sequential { .. });
        let pause = match &rollout.mode {
            Mode::Rolling(rolling) => Duration::from_millis(rolling.pause_ms),
            Mode::Parallel | Mode::Sequential { .. } => Duration::ZERO,
        };
        let state = RolloutState::new(&rollout, count);
        let mut table = TargetTable::new(count);
        table.open_window(state.window_end());
        let pressure = PressureWatch::new(&context.budget);
        Self {
            context,
            control,
            place,
            concurrency: if in_order { 1 } else { concurrency },
            in_order,
            execution_timeout,
            table,
            rollout: state,
            pause,
            health_checks,
            succeeded: Vec::new(),
            probe: None,
            opens_at: None,
            stragglers: rollout.stragglers.map(|policy| StragglerWatch::new(policy, count)),
            straggler_limit: None,
            pressure,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            task_targets: HashMap::new(),
            outbox: VecDeque::new(),
            ready: Vec::new(),
            returned: Vec::new(),
            started: false,
            stopped: false,
            deadline: None,
            closing: false,
        }
    }

    /// Works until every target has an outcome and the hub has been told.
    pub(crate) async fn run(mut self, scheduler: SchedulerHandle, turn: Turn) {
        let Some(mut permits) = scheduler.register(turn).await else { return };
        let context = Arc::clone(&self.context);
        // Ends with the last target.
        loop {
            self.start_ready();
            self.go_on();
            if self.table.open() == 0 && self.probe.is_none() && !self.closing {
                self.closing = true;
                self.outbox.push_back(Message::AllEnded);
            }
            if self.closing && self.outbox.is_empty() {
                return;
            }
            self.tell_pressure();
            permits.want(self.wanted());
            self.returned.clear();
            let (next_due, straggler_due) = (self.table.next_due(), self.straggler_due());
            tokio::select! {
                biased;
                order = self.control.recv() => match order {
                    Some(order) => self.obey(order),
                    // The registry lets go of an execution only when its hub has ended.
                    None => return self.give_up().await,
                },
                () = until(self.deadline) => self.time_is_up(),
                place = context.hub.reserve(), if !self.outbox.is_empty() => match place {
                    Ok(place) => if let Some(message) = self.outbox.pop_front() {
                        place.send(message);
                    },
                    Err(_) => return self.give_up().await,
                },
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    self.ended(ended);
                    while let Some(more) = self.tasks.try_join_next_with_id() {
                        self.ended(more);
                    }
                }
                Some(permit) = permits.granted() => self.take_permits(permit, &mut permits),
                report = report(&mut self.probe) => self.checked(report),
                () = until(self.opens_at) => self.open_wave(),
                () = until(straggler_due) => self.end_stragglers(),
                // What it means is counted and told by the next turn.
                () = self.pressure.changed() => {}
                // Its target is counted by the next turn.
                () = until(next_due), if self.outbox.is_empty() => {}
            }
        }
    }

    /// Permits that can be used: none while there is something to tell, so that a hub that is held holds new
    /// runs too.
    fn wanted(&mut self) -> usize {
        if self.stopped || !self.outbox.is_empty() {
            return 0;
        }
        if !self.started && self.table.open() > 0 {
            // Also where nothing of the first wave is left to start: the rollout goes on from its start.
            return self.concurrency.min(self.table.startable(Instant::now()).0.max(1));
        }
        let (waiting, due) = self.table.startable(Instant::now());
        // In order means that nobody overtakes one that waits for another attempt.
        let held = self.in_order && self.table.in_backoff() > 0;
        let waiting = if held { 0 } else { waiting };
        let busy = self.running.len() + self.ready.len();
        let startable = self.pressure.startable((waiting, due), busy);
        self.concurrency.saturating_sub(busy).min(startable.saturating_sub(self.ready.len()))
    }

    fn take_permits(&mut self, first: Permit, permits: &mut Registration) {
        self.ready.push(first);
        while let Some(permit) = permits.granted_now() {
            self.ready.push(permit);
        }
        if !self.started && self.table.open() > 0 && !self.stopped {
            self.started = true;
            self.place.leave_queue();
            self.deadline = self.execution_timeout.and_then(|limit| Instant::now().checked_add(limit));
            self.outbox.push_back(Message::Started);
            self.tell_wave();
        }
    }

    /// Starts a node for each permit that is there, once the hub knows what came before.
    fn start_ready(&mut self) {
        if !self.outbox.is_empty() {
            return;
        }
        let now = Instant::now();
        let may_start = self.pressure.startable(self.table.startable(now), self.running.len());
        // A permit beyond that was asked for before pressure began. It goes back by being dropped.
        for permit in std::mem::take(&mut self.ready).into_iter().take(may_start) {
            // So does one that finds no target.
            let Some(next) = self.table.take_next(now) else { continue };
            let (stop, ordered) = watch::channel(None);
            let context = Arc::clone(&self.context);
            let run = NodeRun { context, index: next.index, attempt: next.attempt, stop: ordered, permit };
            let span = tracing::error_span!("node", node = self.context.node(next.index).map(NodeId::as_str));
            let task = self.tasks.spawn(run.run().instrument(span));
            self.task_targets.insert(task.id(), next.index);
            self.running.insert(next.index, RunningTarget { stop, since: now });
        }
    }

    /// A node run's task has ended; its result has been told to the hub, unless it panicked or is tried again.
    fn ended(&mut self, ended: Result<(Id, Returned), JoinError>) {
        let (task, end) = match ended {
            Ok((task, returned)) => {
                self.returned.push(returned.permit);
                (task, Ok(returned.end))
            }
            Err(error) => {
                let task = error.id();
                let text = match error.try_into_panic() {
                    Ok(payload) => panic_text(&*payload),
                    Err(_) => "the run was aborted".to_owned(),
                };
                (task, Err(text))
            }
        };
        let Some(index) = self.task_targets.remove(&task) else { return };
        let running = self.running.remove(&index);
        let order = running.as_ref().and_then(|running| *running.stop.borrow());
        let since = running.map(|running| running.since);
        match end {
            Ok(RunEnd::Told(outcome)) => {
                self.table.end(index);
                self.count(index, &outcome, since);
            }
            Ok(RunEnd::Again(again)) if self.stopped || order.is_some() => {
                self.table.end(index);
                let mut end = again.end;
                if order.is_some_and(|order| order.cause == StopCause::Cancelled) {
                    // The attempt had ended by itself; what was cancelled is the next one.
                    end.outcome = NodeOutcome::Cancelled { termination: None };
                }
                self.count(index, &end.outcome, since);
                self.outbox.push_back(Message::NodeFinished { index, end: Box::new(end) });
            }
            Ok(RunEnd::Again(again)) => self.back_off(index, again),
            Err(panic) => {
                self.table.end(index);
                self.panicked(index, panic);
            }
        }
    }

    fn back_off(&mut self, index: u32, again: Box<Again>) {
        let now = Instant::now();
        self.outbox.push_back(Message::AttemptFailed {
            index,
            attempt: again.end.attempt,
            outcome: Box::new(again.end.outcome.clone()),
            retry_in: again.wait,
        });
        let at = now.checked_add(again.wait).unwrap_or(now);
        self.table.back_off(index, again, at);
    }

    fn panicked(&mut self, index: u32, text: String) {
        let Some(node) = self.context.node(index) else { return };
        tracing::error!(execution_id = %self.context.id, %node, panic = %text, "node run panicked");
        let error = NodeError::new(node.clone(), ErrorCode::Internal, text);
        let outcome = NodeOutcome::PluginFault { error };
        let end = NodeEnd::never_started(outcome.clone(), self.context.clock.now());
        self.outbox.push_back(Message::NodeFinished { index, end: Box::new(end) });
        self.count(index, &outcome, None);
    }

    fn obey(&mut self, order: Control) {
        match order {
            Control::Cancel { nodes, mode, by, taken } => {
                let cancelled = self.cancel(nodes, mode, by);
                // Whoever asked may have gone; the order stands.
                let _ = taken.send(cancelled);
            }
            Control::Drain => {
                self.stop_starting(&NodeOutcome::Skipped { why: SkipReason::Interrupted });
            }
            Control::Stop { mode } => {
                self.stop_starting(&NodeOutcome::Skipped { why: SkipReason::Interrupted });
                self.stop_running(StopOrder { cause: StopCause::Cancelled, mode }, None);
            }
        }
    }

    /// Doing it twice is the same as doing it once; a second order to kill overtakes a graceful one.
    fn cancel(&mut self, nodes: Option<Vec<NodeId>>, mode: TerminateMode, by: String) -> Cancelled {
        let (chosen, unknown) = match &nodes {
            None => (None, Vec::new()),
            Some(nodes) => {
                let (chosen, unknown) = self.places(nodes);
                (Some(chosen), unknown)
            }
        };
        if !unknown.is_empty() {
            return Cancelled { unknown, ..Cancelled::default() };
        }
        // Told first, so that the outcomes that follow from it come after it.
        let told = self.outbox.len();
        let kill = mode == TerminateMode::Kill;
        self.outbox.push_back(Message::CancelRequested { by, nodes, kill });
        let outcome = NodeOutcome::Cancelled { termination: None };
        let not_started =
            self.end_backoff(&outcome, chosen.as_ref()) + self.end_waiting(&outcome, chosen.as_ref());
        if chosen.is_none() {
            self.stopped = true;
            self.ready.clear();
            self.opens_at = None;
        }
        let stopping = self.stop_running(StopOrder { cause: StopCause::Cancelled, mode }, chosen.as_ref());
        if not_started + stopping == 0 && self.probe.is_none() {
            self.outbox.truncate(told);
        }
        Cancelled { not_started, stopping, unknown }
    }

    fn time_is_up(&mut self) {
        self.deadline = None;
        let outcome = NodeOutcome::TimedOut { phase: TimeoutPhase::Execution, termination: None };
        self.end_backoff(&outcome, None);
        self.stop_starting(&outcome);
        let grace = self.context.limits.termination_grace;
        let mode = TerminateMode::Graceful { grace };
        self.stop_running(StopOrder { cause: StopCause::ExecutionTimeout, mode }, None);
    }

    /// Ends the waiting targets, or the chosen ones among them, without starting them.
    pub(super) fn end_waiting(&mut self, outcome: &NodeOutcome, chosen: Option<&HashSet<usize>>) -> u64 {
        let ended = self.table.end_waiting(chosen);
        for indices in ended.chunks(MAX_ENDED) {
            let (indices, outcome) = (indices.to_vec(), Box::new(outcome.clone()));
            self.outbox.push_back(Message::NeverStarted { indices, outcome });
        }
        ended.len() as u64
    }

    /// Ends the targets that wait for another attempt, or the chosen ones among them, with this outcome.
    fn end_backoff(&mut self, outcome: &NodeOutcome, chosen: Option<&HashSet<usize>>) -> u64 {
        let ended = self.table.end_backoff(chosen);
        let count = ended.len() as u64;
        for (index, last) in ended {
            let end = NodeEnd { outcome: outcome.clone(), finished_at: self.context.clock.now(), ..last.end };
            self.outbox.push_back(Message::NodeFinished { index, end: Box::new(end) });
        }
        count
    }

    /// Orders the running targets, or the chosen ones among them, to end. Returns how many that changed.
    fn stop_running(&mut self, order: StopOrder, chosen: Option<&HashSet<usize>>) -> u64 {
        if chosen.is_none()
            && let Some(probe) = &self.probe
        {
            probe.stop(order.mode);
        }
        let mut changed = 0;
        for (index, running) in &self.running {
            let place = usize::try_from(*index).unwrap_or(usize::MAX);
            if chosen.is_none_or(|chosen| chosen.contains(&place)) {
                changed += u64::from(give(&running.stop, order));
            }
        }
        changed
    }

    /// The places of these nodes in the plan, and those that are not in it.
    fn places(&self, nodes: &[NodeId]) -> (HashSet<usize>, Vec<NodeId>) {
        let mut wanted: HashSet<&NodeId> = nodes.iter().collect();
        let mut found = HashSet::with_capacity(wanted.len());
        for (place, planned) in self.context.targets.iter().enumerate() {
            if wanted.remove(&planned.target.node) {
                found.insert(place);
            }
        }
        let mut unknown: Vec<NodeId> = wanted.into_iter().cloned().collect();
        unknown.sort();
        (found, unknown)
    }

    /// The hub is gone, so no result can be stored any more: ends what runs and leaves the rest to the store's
    /// recovery.
    async fn give_up(mut self) {
        let mode = TerminateMode::Graceful { grace: self.context.limits.termination_grace };
        self.stop_running(StopOrder { cause: StopCause::Cancelled, mode }, None);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Waits for the report of a check, for ever without one.
async fn report(probe: &mut Option<HealthProbe>) -> HealthReport {
    match probe {
        Some(probe) => probe.report().await,
        None => std::future::pending().await,
    }
}

/// Returns at the deadline, never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
