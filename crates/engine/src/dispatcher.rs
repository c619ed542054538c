//! Owns the run state of one execution: [`Dispatcher`], one task with one `select!`. It starts a node run for
//! each permit, tells running ones to stop, and knows which targets wait, run and have ended. Nobody else
//! changes any of this; others send a [`Control`].
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
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::emit::{MAX_ENDED, Message};
use crate::panic_guard::panic_text;
use crate::run::{NodeEnd, NodeRun, RunContext, StopCause, StopOrder, give};
use crate::schedule::{Permit, QueuePlace, Registration, SchedulerHandle};

/// An order to a dispatcher.
pub(crate) enum Control {
    /// End all targets or some of them.
    Cancel { nodes: Option<Vec<NodeId>>, mode: TerminateMode, by: String, taken: oneshot::Sender<Cancelled> },
    /// Start no more nodes: those that wait are skipped. Those that run go on.
    Drain,
    /// End everything: the engine stops.
    Stop { mode: TerminateMode },
}

/// What an order to cancel did.
#[derive(Debug, Default)]
pub(crate) struct Cancelled {
    /// Waiting targets that will not be started.
    pub(crate) not_started: u64,
    /// Running targets that were told to end, or to end at once.
    pub(crate) stopping: u64,
    /// Nodes that are no targets of this execution.
    pub(crate) unknown: Vec<NodeId>,
}

/// Where a target stands. What its outcome was is the hub's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TargetState {
    Waiting,
    Running,
    Ended,
}

/// The task that owns an execution's run state.
pub(crate) struct Dispatcher {
    context: Arc<RunContext>,
    control: mpsc::Receiver<Control>,
    place: QueuePlace,
    concurrency: usize,
    execution_timeout: Option<Duration>,
    states: Vec<TargetState>,
    /// No target before this place waits.
    first_waiting: usize,
    waiting: usize,
    /// Targets without an outcome.
    open: usize,
    /// How to stop each running target.
    running: HashMap<u32, watch::Sender<Option<StopOrder>>>,
    /// Each gives its permit back to here.
    tasks: JoinSet<Permit>,
    /// Which target a task runs.
    task_targets: HashMap<Id, u32>,
    /// What the hub has to be told, in order. Bounded by the number of targets.
    outbox: VecDeque<Message>,
    /// Permits that wait until the hub has been told that the execution started.
    ready: Vec<Permit>,
    /// Permits of runs that have ended. They go back when the next ones have been asked for, so that the
    /// scheduler does not take an execution between two runs for one that wants nothing.
    returned: Vec<Permit>,
    started: bool,
    draining: bool,
    deadline: Option<Instant>,
    /// The last thing has been put into the outbox.
    closing: bool,
}

impl Dispatcher {
    pub(crate) fn new(
        context: Arc<RunContext>,
        control: mpsc::Receiver<Control>,
        place: QueuePlace,
        concurrency: usize,
        execution_timeout: Option<Duration>,
    ) -> Self {
        let count = context.targets.len();
        Self {
            context,
            control,
            place,
            concurrency,
            execution_timeout,
            states: vec![TargetState::Waiting; count],
            first_waiting: 0,
            waiting: count,
            open: count,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            task_targets: HashMap::new(),
            outbox: VecDeque::new(),
            ready: Vec::new(),
            returned: Vec::new(),
            started: false,
            draining: false,
            deadline: None,
            closing: false,
        }
    }

    /// Works until every target has an outcome and the hub has been told.
    pub(crate) async fn run(mut self, scheduler: SchedulerHandle, priority: i32) {
        let Some(mut permits) = scheduler.register(priority, self.concurrency).await else { return };
        let context = Arc::clone(&self.context);
        // Ends with the last target.
        loop {
            self.start_ready();
            if self.open == 0 && !self.closing {
                self.closing = true;
                self.outbox.push_back(Message::AllEnded);
            }
            if self.closing && self.outbox.is_empty() {
                return;
            }
            permits.want(self.wanted());
            self.returned.clear();
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
            }
        }
    }

    /// Permits that can be used: none while there is something to tell, so that a hub that is held holds new
    /// runs too.
    fn wanted(&self) -> usize {
        if self.draining || !self.outbox.is_empty() {
            return 0;
        }
        let busy = self.running.len() + self.ready.len();
        self.concurrency.saturating_sub(busy).min(self.waiting.saturating_sub(self.ready.len()))
    }

    fn take_permits(&mut self, first: Permit, permits: &mut Registration) {
        self.ready.push(first);
        while let Some(permit) = permits.granted_now() {
            self.ready.push(permit);
        }
        if !self.started && self.waiting > 0 && !self.draining {
            self.started = true;
            self.place.leave_queue();
            self.deadline = self.execution_timeout.and_then(|limit| Instant::now().checked_add(limit));
            self.outbox.push_back(Message::Started);
        }
    }

    /// Starts a node for each permit that is there, once the hub knows what came before.
    fn start_ready(&mut self) {
        if !self.outbox.is_empty() {
            return;
        }
        for permit in std::mem::take(&mut self.ready) {
            // A permit that finds no target goes back by being dropped.
            let Some(index) = self.next_waiting() else { continue };
            let (stop, ordered) = watch::channel(None);
            let run = NodeRun { context: Arc::clone(&self.context), index, stop: ordered, permit };
            let task = self.tasks.spawn(run.run());
            self.task_targets.insert(task.id(), index);
            self.running.insert(index, stop);
        }
    }

    /// Takes the next waiting target and marks it as running.
    fn next_waiting(&mut self) -> Option<u32> {
        let rest = self.states.get_mut(self.first_waiting..)?;
        let found = rest.iter_mut().enumerate().find(|(_, state)| **state == TargetState::Waiting);
        let Some((offset, state)) = found else {
            self.first_waiting = self.states.len();
            return None;
        };
        *state = TargetState::Running;
        let place = self.first_waiting + offset;
        self.first_waiting = place + 1;
        self.waiting -= 1;
        u32::try_from(place).ok()
    }

    /// A node run's task has ended; its result has been told to the hub, unless it panicked.
    fn ended(&mut self, ended: Result<(Id, Permit), JoinError>) {
        let (task, panic) = match ended {
            Ok((task, permit)) => {
                self.returned.push(permit);
                (task, None)
            }
            Err(error) => {
                let task = error.id();
                let text = match error.try_into_panic() {
                    Ok(payload) => panic_text(&*payload),
                    Err(_) => "the run was aborted".to_owned(),
                };
                (task, Some(text))
            }
        };
        let Some(index) = self.task_targets.remove(&task) else { return };
        self.running.remove(&index);
        self.end(index);
        if let Some(text) = panic
            && let Some(node) = self.context.node(index)
        {
            tracing::error!(execution_id = %self.context.id, %node, panic = %text, "node run panicked");
            let error = NodeError::new(node.clone(), ErrorCode::Internal, text);
            let end = Box::new(NodeEnd {
                attempt: 0,
                outcome: NodeOutcome::PluginFault { error },
                started_at: None,
                finished_at: self.context.clock.now(),
                duration_ms: 0,
                stdout: None,
                stderr: None,
            });
            self.outbox.push_back(Message::NodeFinished { index, end });
        }
    }

    fn end(&mut self, index: u32) {
        let state = usize::try_from(index).ok().and_then(|place| self.states.get_mut(place));
        if let Some(state) = state
            && *state != TargetState::Ended
        {
            *state = TargetState::Ended;
            self.open -= 1;
        }
    }

    fn obey(&mut self, order: Control) {
        match order {
            Control::Cancel { nodes, mode, by, taken } => {
                let cancelled = self.cancel(nodes, mode, by);
                // Whoever asked may have gone; the order stands.
                let _ = taken.send(cancelled);
            }
            Control::Drain => {
                self.draining = true;
                self.ready.clear();
                self.end_waiting(&NodeOutcome::Skipped { why: SkipReason::Interrupted }, None);
            }
            Control::Stop { mode } => {
                self.draining = true;
                self.ready.clear();
                self.end_waiting(&NodeOutcome::Skipped { why: SkipReason::Interrupted }, None);
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
        let not_started = self.end_waiting(&outcome, chosen.as_ref());
        let stopping = self.stop_running(StopOrder { cause: StopCause::Cancelled, mode }, chosen.as_ref());
        if not_started + stopping == 0 {
            self.outbox.truncate(told);
        }
        Cancelled { not_started, stopping, unknown }
    }

    fn time_is_up(&mut self) {
        self.deadline = None;
        let outcome = NodeOutcome::TimedOut { phase: TimeoutPhase::Execution, termination: None };
        self.ready.clear();
        self.end_waiting(&outcome, None);
        let grace = self.context.limits.termination_grace;
        let mode = TerminateMode::Graceful { grace };
        self.stop_running(StopOrder { cause: StopCause::ExecutionTimeout, mode }, None);
    }

    /// Ends the waiting targets, or the chosen ones among them, without starting them.
    fn end_waiting(&mut self, outcome: &NodeOutcome, chosen: Option<&HashSet<usize>>) -> u64 {
        let mut ended: Vec<u32> = Vec::new();
        for (place, state) in self.states.iter_mut().enumerate().skip(self.first_waiting) {
            if *state == TargetState::Waiting
                && chosen.is_none_or(|chosen| chosen.contains(&place))
                && let Ok(index) = u32::try_from(place)
            {
                *state = TargetState::Ended;
                ended.push(index);
            }
        }
        self.waiting -= ended.len();
        self.open -= ended.len();
        for indices in ended.chunks(MAX_ENDED) {
            let (indices, outcome) = (indices.to_vec(), Box::new(outcome.clone()));
            self.outbox.push_back(Message::NeverStarted { indices, outcome });
        }
        ended.len() as u64
    }

    /// Orders the running targets, or the chosen ones among them, to end. Returns how many that changed.
    fn stop_running(&mut self, order: StopOrder, chosen: Option<&HashSet<usize>>) -> u64 {
        let mut changed = 0;
        for (index, stop) in &self.running {
            let place = usize::try_from(*index).unwrap_or(usize::MAX);
            if chosen.is_none_or(|chosen| chosen.contains(&place)) {
                changed += u64::from(give(stop, order));
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

/// Returns at the deadline, never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
