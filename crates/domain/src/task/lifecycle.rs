//! The state machine of a graph that runs: [`GraphRun`]. It knows no time and no runtime: whoever runs the graph
//! asks what may start and says what has ended.
//!
//! A task goes `queued -> running -> ended`, or from `queued` to `skipped`, or it is parked as `interrupted`. What
//! may happen to a task is held by a token: [`ReadyTask`] may be started and gives a [`RunningTask`], which may be
//! ended. Tokens are made here only and used up by what they allow, so a task that starts before its prerequisites,
//! starts twice, or ends without having started does not compile.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::task::checked::CheckedGraph;
use crate::task::def::When;
use crate::task::status::{GraphStatus, SkipWhy, TaskCounts, TaskEnd, TaskStatus};

/// A task that may start now. Dropping it without starting leaves the task where it is for good; give it back
/// instead.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a task that is ready has to be started or given back"]
pub struct ReadyTask(usize);

/// A task that runs.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a task that runs has to be ended or parked"]
pub struct RunningTask(usize);

impl ReadyTask {
    /// Its index in the graph.
    pub fn index(&self) -> usize {
        self.0
    }
}

impl RunningTask {
    /// Its index in the graph.
    pub fn index(&self) -> usize {
        self.0
    }
}

/// A task that will not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedTask {
    /// Its index in the graph.
    pub index: usize,
    /// Why.
    pub why: SkipWhy,
}

/// Where a task stood when its graph was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask {
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it was skipped, where it was.
    pub why: Option<SkipWhy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// So many prerequisites have not ended.
    Waiting(usize),
    /// It may start.
    Ready,
    /// Its token is with whoever runs the graph.
    Taken,
    Running,
    /// Its end is not known; nothing that needs it can go on.
    Parked,
    Ended(TaskStatus, Option<SkipWhy>),
}

/// A graph that runs.
#[derive(Debug)]
pub struct GraphRun {
    graph: Arc<CheckedGraph>,
    states: Vec<State>,
    /// Places in the order of the graph of tasks that may start.
    ready: BTreeSet<usize>,
    counts: TaskCounts,
    /// Tasks whose token is out.
    taken: usize,
}

impl GraphRun {
    /// The start: every task is queued.
    pub fn new(graph: Arc<CheckedGraph>) -> Self {
        let queued = StoredTask { status: TaskStatus::Queued, why: None };
        let stored = vec![queued; graph.len()];
        // Nothing has ended, so nothing can be skipped yet.
        Self::resume(graph, &stored).0
    }

    /// Goes on where a graph was left: what has ended stays as it is, everything else is queued again. A task that
    /// was left running comes back as one that is ready. What has to be skipped now is returned.
    pub fn resume(graph: Arc<CheckedGraph>, stored: &[StoredTask]) -> (Self, Vec<SkippedTask>) {
        let mut counts = TaskCounts::default();
        let ended = |index: usize| {
            stored.get(index).filter(|task| {
                !matches!(task.status, TaskStatus::Queued | TaskStatus::Running | TaskStatus::Interrupted)
            })
        };
        let states: Vec<State> = (0..graph.len())
            .map(|index| match ended(index) {
                Some(task) => {
                    counts.add(task.status, task.why.as_ref());
                    State::Ended(task.status, task.why.clone())
                }
                None => {
                    counts.add(TaskStatus::Queued, None);
                    State::Waiting(graph.needs(index).iter().filter(|need| ended(**need).is_none()).count())
                }
            })
            .collect();
        let mut run = Self { graph, states, ready: BTreeSet::new(), counts, taken: 0 };
        let free = (0..run.states.len()).filter(|index| run.states.get(*index) == Some(&State::Waiting(0)));
        let skipped = run.release(free.collect());
        (run, skipped)
    }

    /// The graph.
    pub fn graph(&self) -> &Arc<CheckedGraph> {
        &self.graph
    }

    /// How many tasks stand where.
    pub fn counts(&self) -> TaskCounts {
        self.counts
    }

    /// The graph's status, folded from its tasks.
    pub fn status(&self) -> GraphStatus {
        self.counts.status()
    }

    /// Where a task stands.
    pub fn status_of(&self, task: usize) -> TaskStatus {
        match self.states.get(task) {
            Some(State::Running) => TaskStatus::Running,
            Some(State::Parked) => TaskStatus::Interrupted,
            Some(State::Ended(status, _)) => *status,
            Some(State::Waiting(_) | State::Ready | State::Taken) | None => TaskStatus::Queued,
        }
    }

    /// The next task that may start: all its prerequisites have ended, and as it wishes. Those that come first in
    /// the order of the graph are given first.
    pub fn next_ready(&mut self) -> Option<ReadyTask> {
        let place = self.ready.pop_first()?;
        let task = self.graph.order().get(place).copied()?;
        *self.states.get_mut(task)? = State::Taken;
        self.taken += 1;
        Some(ReadyTask(task))
    }

    /// The task cannot start now; it comes again, unless the graph was cancelled meanwhile: then it is skipped.
    pub fn give_back(&mut self, task: ReadyTask) {
        self.taken = self.taken.saturating_sub(1);
        if let Some(state) = self.states.get_mut(task.0) {
            *state = State::Ready;
            self.ready.insert(self.graph.place_of(task.0));
        }
    }

    /// The task starts (R2.3).
    pub fn start(&mut self, task: ReadyTask) -> RunningTask {
        self.taken = self.taken.saturating_sub(1);
        if let Some(state) = self.states.get_mut(task.0) {
            *state = State::Running;
            self.counts.change(TaskStatus::Queued, TaskStatus::Running, None);
        }
        RunningTask(task.0)
    }

    /// The task has ended (R2.4, R2.5). Returns the tasks that are skipped because of it, each after what it needs.
    pub fn end(&mut self, task: RunningTask, end: &TaskEnd) -> Vec<SkippedTask> {
        let Some(state) = self.states.get_mut(task.0) else { return Vec::new() };
        *state = State::Ended(end.status(), None);
        self.counts.change(TaskStatus::Running, end.status(), None);
        let free = self.count_down(task.0);
        self.release(free)
    }

    /// The end of the task is not known. What needs it waits until the graph is resumed.
    pub fn park(&mut self, task: RunningTask) {
        if let Some(state) = self.states.get_mut(task.0) {
            *state = State::Parked;
            self.counts.change(TaskStatus::Running, TaskStatus::Interrupted, None);
        }
    }

    /// Nothing more is started: every task that waits is skipped. What runs, and what was taken, goes on to its end.
    pub fn cancel(&mut self) -> Vec<SkippedTask> {
        self.ready.clear();
        let mut skipped = Vec::new();
        for task in self.graph.order() {
            if let Some(state) = self.states.get_mut(*task)
                && matches!(state, State::Waiting(_) | State::Ready)
            {
                let why = SkipWhy::Cancelled;
                *state = State::Ended(TaskStatus::Skipped, Some(why.clone()));
                self.counts.change(TaskStatus::Queued, TaskStatus::Skipped, Some(&why));
                skipped.push(SkippedTask { index: *task, why });
            }
        }
        skipped
    }

    /// Whether nothing runs and nothing may start.
    pub fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.taken == 0 && self.counts.running == 0
    }

    /// Parks what still waits, when nothing goes on any more: it needs a task whose end is not known. Returns those
    /// tasks.
    pub fn park_waiting(&mut self) -> Vec<usize> {
        let mut parked = Vec::new();
        for (index, state) in self.states.iter_mut().enumerate() {
            if matches!(state, State::Waiting(_) | State::Ready) {
                *state = State::Parked;
                self.counts.change(TaskStatus::Queued, TaskStatus::Interrupted, None);
                parked.push(index);
            }
        }
        self.ready.clear();
        parked
    }

    /// One prerequisite less for each task that needs `task`; returns those that have none left.
    fn count_down(&mut self, task: usize) -> Vec<usize> {
        let mut free = Vec::new();
        for dependant in self.graph.needed_by(task) {
            if let Some(State::Waiting(open)) = self.states.get_mut(*dependant) {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    free.push(*dependant);
                }
            }
        }
        free
    }

    /// Tasks whose prerequisites have all ended become ready or are skipped, which may free others.
    fn release(&mut self, mut free: Vec<usize>) -> Vec<SkippedTask> {
        let mut skipped = Vec::new();
        // Ends: a task is freed once, by its last prerequisite.
        while let Some(task) = free.pop() {
            match self.verdict(task) {
                None => {
                    if let Some(state) = self.states.get_mut(task) {
                        *state = State::Ready;
                        self.ready.insert(self.graph.place_of(task));
                    }
                }
                Some(why) => {
                    if let Some(state) = self.states.get_mut(task) {
                        *state = State::Ended(TaskStatus::Skipped, Some(why.clone()));
                        self.counts.change(TaskStatus::Queued, TaskStatus::Skipped, Some(&why));
                        skipped.push(SkippedTask { index: task, why });
                    }
                    free.extend(self.count_down(task));
                }
            }
        }
        skipped.sort_by_key(|skipped| self.graph.place_of(skipped.index));
        skipped
    }

    /// Why a task whose prerequisites have all ended does not run, if it does not.
    fn verdict(&self, task: usize) -> Option<SkipWhy> {
        let failed = self.graph.needs(task).iter().find_map(|need| match self.states.get(*need) {
            // A rescue that was not needed stands in nobody's way.
            Some(
                State::Ended(TaskStatus::Completed, _)
                | State::Ended(TaskStatus::Skipped, Some(SkipWhy::NothingFailed)),
            )
            | None => None,
            Some(_) => Some(*need),
        });
        match (self.graph.task(task).map(|task| task.when).unwrap_or_default(), failed) {
            (When::Always, _) | (When::Succeeded, None) | (When::Failed, Some(_)) => None,
            (When::Failed, None) => Some(SkipWhy::NothingFailed),
            (When::Succeeded, Some(need)) => {
                let name = self.graph.task(need).map(|task| task.name.clone()).unwrap_or_default();
                Some(SkipWhy::Prerequisite { task: name, status: self.status_of(need) })
            }
        }
    }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
