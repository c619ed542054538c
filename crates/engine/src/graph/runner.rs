//! The one task that owns a graph run: [`Runner`]. Everything else sends it messages. What it tells is stored before.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{GraphStore, TerminateMode};
use pabawi_domain::request::Caller;
use pabawi_domain::task::{
    GraphEvent, GraphEventKind, GraphRun, GraphRunRecord, GraphUpdate, Reference, RunningTask, SkippedTask,
    TaskCounts, TaskProgress, TaskRecord, TaskStatus, references,
};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::cancel;
use crate::emit::EVERY;
use crate::graph::progress::{Teller, pace, sum};
use crate::graph::start::{Context, How, Told, run_task};
use crate::graph::values::Standing;

/// Rest before a store that cannot write now is asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// An order to a runner.
pub(super) enum Order {
    /// Cancel everything. The answer comes when the orders are given.
    Cancel { mode: TerminateMode, by: String, taken: oneshot::Sender<()> },
    /// Start nothing more and leave what runs to its end without waiting for it.
    Leave,
}

/// Owns a run.
pub(super) struct Runner {
    pub(super) context: Arc<Context>,
    pub(super) store: Arc<dyn GraphStore>,
    pub(super) run: GraphRun,
    pub(super) tasks: Vec<TaskRecord>,
    pub(super) submitted_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) inbox: mpsc::Receiver<Told>,
    pub(super) events: broadcast::Sender<Arc<GraphEvent>>,
    /// Tasks that have changed since the last write, with what is to be told when they are written.
    pub(super) changes: VecDeque<Change>,
    pub(super) running: HashMap<usize, RunningTask>,
    pub(super) teller: Teller,
    pub(super) seq: u64,
}

/// A task that has changed.
pub(super) struct Change {
    task: TaskRecord,
    counts: TaskCounts,
    at: Timestamp,
    has_started: bool,
}

impl Runner {
    /// Runs the graph to its end.
    pub(super) async fn run(mut self) {
        let mut poll = tokio::time::interval(self.context.engine.shared.limits.cancel_poll);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut progress = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
        progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Ends with the graph: every turn waits for a message of a task that runs.
        loop {
            self.start_ready();
            if self.run.is_idle() {
                break;
            }
            if !self.write(None).await {
                return;
            }
            tokio::select! {
                told = self.inbox.recv() => match told {
                    Some(told) => {
                        self.take(told).await;
                        // What else has come is written together.
                        while let Ok(told) = self.inbox.try_recv() {
                            self.take(told).await;
                        }
                    }
                    None => return,
                },
                order = self.orders.recv() => match order {
                    Some(Order::Cancel { mode, by, taken }) => {
                        self.cancel(mode, &by).await;
                        let _ = taken.send(());
                    }
                    Some(Order::Leave) | None => return,
                },
                _ = poll.tick() => self.look_for_cancel().await,
                _ = progress.tick() => self.tell_progress(),
            }
        }
        let now = self.now();
        for task in self.run.park_waiting() {
            self.change(task, false, |record| record.status = TaskStatus::Interrupted);
        }
        if self.write(Some(now)).await {
            if self.teller.has_told() {
                self.tell_progress();
            }
            let record = self.record(now);
            self.tell(now, record.counts, GraphEventKind::Finished { run: record });
        }
    }

    fn now(&self) -> Timestamp {
        self.context.engine.shared.clock.now()
    }

    /// Starts what may start, as many at once as executions may run.
    fn start_ready(&mut self) {
        let most = self.context.engine.shared.limits.max_running_executions;
        while self.running.len() < most {
            let Some(ready) = self.run.next_ready() else { return };
            let task = ready.index();
            self.running.insert(task, self.run.start(ready));
            let now = self.now();
            self.started_at.get_or_insert(now);
            let prerequisites = self.prerequisites(task);
            if let Some(record) = self.tasks.get_mut(task) {
                record.status = TaskStatus::Running;
                (record.reason, record.finished_at) = (None, None);
            }
            tokio::spawn(run_task(Arc::clone(&self.context), task, prerequisites).in_current_span());
        }
    }

    /// How the tasks stand that this one refers to.
    fn prerequisites(&self, task: usize) -> HashMap<String, Standing> {
        let graph = self.run.graph();
        let Some(definition) = graph.task(task) else { return HashMap::new() };
        let names = references(&definition.request);
        let names = names.iter().filter_map(Reference::task);
        let standing = |name: &str| {
            let index = graph.index_of(name)?;
            let executions = self.tasks.get(index)?.executions.clone();
            Some((name.to_owned(), Standing { status: self.run.status_of(index), executions }))
        };
        names.filter_map(standing).collect()
    }

    async fn take(&mut self, told: Told) {
        match told {
            Told::Started { task, execution, is_new } => {
                let now = self.now();
                self.change(task, is_new, |record| {
                    record.started_at.get_or_insert(now);
                    if !record.executions.contains(&execution) {
                        record.executions.push(execution);
                    }
                });
                if *self.context.cancelled.borrow() {
                    // The order to cancel came while it was being accepted.
                    let grace = self.context.engine.shared.limits.termination_grace;
                    self.end_execution(execution, TerminateMode::Graceful { grace }).await;
                }
            }
            Told::Ended { task, how, nodes } => {
                let Some(running) = self.running.remove(&task) else { return };
                let now = self.now();
                match how {
                    How::Open(why) => {
                        self.run.park(running);
                        self.change(task, false, |record| {
                            record.status = TaskStatus::Interrupted;
                            (record.reason, record.nodes) = (Some(why), nodes);
                        });
                    }
                    How::Known(end) => {
                        let skipped = self.run.end(running, &end);
                        self.change(task, false, |record| {
                            record.status = end.status();
                            (record.reason, record.nodes) = (end.reason().map(str::to_owned), nodes);
                            record.finished_at = Some(now);
                        });
                        self.skip(skipped);
                    }
                }
            }
        }
    }

    /// Takes note of tasks that will not run.
    pub(super) fn skip(&mut self, skipped: Vec<SkippedTask>) {
        let now = self.now();
        for SkippedTask { index, why } in skipped {
            self.change(index, false, |record| {
                record.status = TaskStatus::Skipped;
                (record.skipped, record.finished_at) = (Some(why), Some(now));
            });
        }
    }

    fn change(&mut self, task: usize, has_started: bool, change: impl FnOnce(&mut TaskRecord)) {
        let (at, counts) = (self.now(), self.run.counts());
        if let Some(record) = self.tasks.get_mut(task) {
            change(record);
            self.changes.push_back(Change { task: record.clone(), counts, at, has_started });
        }
    }

    /// Writes what has changed and tells it then; `false` when it cannot be written for good. A store that cannot
    /// write now holds the graph up; what runs goes on.
    async fn write(&mut self, finished_at: Option<Timestamp>) -> bool {
        if self.changes.is_empty() && finished_at.is_none() {
            return true;
        }
        // The last change of a task is how it stands.
        let mut latest: HashMap<u64, &TaskRecord> = HashMap::new();
        for change in &self.changes {
            latest.insert(change.task.position, &change.task);
        }
        let update = GraphUpdate {
            id: self.context.run,
            tasks: latest.into_values().cloned().collect(),
            counts: self.run.counts(),
            started_at: self.started_at,
            finished_at,
        };
        let written = self.changes.len();
        let mut is_failing = false;
        // Ends when the store can write again, or never will.
        while let Err(error) = self.store.update_graph(&update).await {
            if !error.is_retryable() {
                tracing::error!(graph_id = %self.context.run, %error, "graph run is given up: it cannot be stored");
                return false;
            }
            if !std::mem::replace(&mut is_failing, true) {
                tracing::warn!(graph_id = %self.context.run, %error, "graph run is held up: it cannot be stored now");
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                // Who cancels must be heard while nothing can be written.
                order = self.orders.recv() => match order {
                    Some(Order::Cancel { mode, by, taken }) => {
                        self.cancel(mode, &by).await;
                        let _ = taken.send(());
                    }
                    Some(Order::Leave) | None => return false,
                },
            }
        }
        // What an order changed meanwhile is not written yet.
        let later = self.changes.split_off(written);
        for Change { task, counts, at, has_started } in std::mem::replace(&mut self.changes, later) {
            let kind = match (has_started, task.status) {
                (true, _) => GraphEventKind::TaskStarted { task },
                // An execution that was begun before a crash: it has been told.
                (false, TaskStatus::Running) => continue,
                (false, _) => GraphEventKind::TaskEnded { task },
            };
            self.tell(at, counts, kind);
        }
        self.changes.is_empty() || Box::pin(self.write(finished_at)).await
    }

    /// Tells how far nodes are, where that differs from what was told last (R2.6). Everything is stored already: what
    /// runs shows what is, and changes of tasks are written before anything else is looked at.
    fn tell_progress(&mut self) {
        let now = self.now();
        let registry = &self.context.engine.shared.registry;
        let mut tasks = Vec::new();
        let mut nodes = Vec::new();
        for task in &self.tasks {
            let live = match task.status {
                TaskStatus::Running => task.executions.last().and_then(|id| registry.get(*id)),
                _ => None,
            };
            let progress = live.map(|live| live.progress(now));
            nodes.extend(progress.map(|progress| progress.counts).or(task.nodes));
            tasks.extend(progress.map(|nodes| TaskProgress {
                position: task.position,
                name: task.name.clone(),
                nodes,
            }));
        }
        let nodes = sum(nodes.iter());
        if self.teller.is_news(nodes, &tasks) {
            let counts = self.run.counts();
            let pace = pace(&self.tasks, &counts, self.started_at, None, now);
            self.tell(now, counts, GraphEventKind::Progress { nodes, pace, tasks });
        }
    }

    fn tell(&mut self, at: Timestamp, counts: TaskCounts, kind: GraphEventKind) {
        self.seq += 1;
        let event = GraphEvent { graph_id: self.context.run, seq: self.seq, at, counts, kind };
        // Nobody needs to listen.
        let _ = self.events.send(Arc::new(event));
    }

    fn record(&self, finished_at: Timestamp) -> GraphRunRecord {
        GraphRunRecord {
            id: self.context.run,
            caller: self.context.caller.clone(),
            name: self.run.graph().graph().name.clone(),
            status: self.run.status(),
            counts: self.run.counts(),
            submitted_at: self.submitted_at,
            started_at: self.started_at,
            finished_at: Some(finished_at),
        }
    }

    async fn look_for_cancel(&mut self) {
        if *self.context.cancelled.borrow() {
            return;
        }
        match self.store.graph_cancel_request(self.context.run).await {
            Ok(Some(by)) => {
                let grace = self.context.engine.shared.limits.termination_grace;
                self.cancel(TerminateMode::Graceful { grace }, &by).await;
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "requests to cancel a graph cannot be read now"),
        }
    }

    /// Skips what waits and ends what runs.
    async fn cancel(&mut self, mode: TerminateMode, by: &str) {
        tracing::info!(graph_id = %self.context.run, user = by, "graph run cancelled");
        self.context.cancelled.send_replace(true);
        let skipped = self.run.cancel();
        self.skip(skipped);
        let executions: Vec<ExecutionId> = self
            .running
            .keys()
            .filter_map(|task| self.tasks.get(*task)?.executions.last().copied())
            .collect();
        for execution in executions {
            self.end_execution(execution, mode).await;
        }
    }

    async fn end_execution(&self, id: ExecutionId, mode: TerminateMode) {
        let Caller { user, .. } = &self.context.caller;
        if let Some(live) = self.context.engine.shared.registry.get(id) {
            let _ = cancel::order(&live, None, mode, user.clone()).await;
        }
    }
}
