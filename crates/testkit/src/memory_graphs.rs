//! Graph runs in [`MemoryStore`]: the port [`GraphStore`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{GraphStore, StoreError};
use pabawi_domain::record::Page;
use pabawi_domain::task::{
    GraphQuery, GraphRunRecord, GraphStatus, GraphUpdate, NewGraphRun, TaskCounts, TaskGraph, TaskRecord,
    TaskStatus,
};

use crate::memory_store::{MemoryStore, page};

/// All runs.
#[derive(Debug, Default)]
pub(crate) struct Graphs {
    runs: BTreeMap<ExecutionId, Run>,
}

#[derive(Debug)]
struct Run {
    record: GraphRunRecord,
    graph: TaskGraph,
    tasks: Vec<TaskRecord>,
    owner: Owner,
    cancel_by: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Owner {
    This,
    /// Its process counts as dead, and nobody has noticed.
    Dead,
    Nobody,
}

impl Graphs {
    /// The processes of all runs die.
    pub(crate) fn orphan_all(&mut self) {
        for run in self.runs.values_mut().filter(|run| run.owner == Owner::This) {
            run.owner = Owner::Dead;
        }
    }
}

impl Run {
    fn leave(&mut self, now: Timestamp) {
        let mut counts = TaskCounts::default();
        for task in &mut self.tasks {
            if matches!(task.status, TaskStatus::Queued | TaskStatus::Running) {
                task.status = TaskStatus::Interrupted;
            }
            counts.add(task.status, task.skipped.as_ref());
        }
        (self.owner, self.cancel_by) = (Owner::Nobody, None);
        (self.record.counts, self.record.status) = (counts, counts.status());
        self.record.finished_at = Some(now);
    }
}

#[async_trait]
impl GraphStore for MemoryStore {
    async fn create_graph(&self, new: NewGraphRun) -> Result<(), StoreError> {
        let mut counts = TaskCounts::default();
        for _ in &new.graph.tasks {
            counts.add(TaskStatus::Queued, None);
        }
        let tasks =
            (0..).zip(&new.graph.tasks).map(|(at, task)| TaskRecord::queued(at, &task.name)).collect();
        let record = GraphRunRecord {
            id: new.id,
            caller: new.caller,
            name: new.graph.name.clone(),
            status: counts.status(),
            counts,
            submitted_at: new.submitted_at,
            started_at: None,
            finished_at: None,
        };
        let run = Run { record, graph: new.graph, tasks, owner: Owner::This, cancel_by: None };
        self.graphs()?.runs.entry(new.id).or_insert(run);
        Ok(())
    }

    async fn update_graph(&self, update: &GraphUpdate) -> Result<(), StoreError> {
        let mut graphs = self.graphs()?;
        let Some(run) = graphs.runs.get_mut(&update.id) else { return Ok(()) };
        for task in &update.tasks {
            let place = usize::try_from(task.position).unwrap_or(usize::MAX);
            if let Some(stored) = run.tasks.get_mut(place) {
                *stored = task.clone();
            }
        }
        (run.record.counts, run.record.status) = (update.counts, update.counts.status());
        run.record.started_at = run.record.started_at.or(update.started_at);
        run.record.finished_at = update.finished_at;
        if update.finished_at.is_some() {
            run.owner = Owner::Nobody;
        }
        Ok(())
    }

    async fn recover_graphs(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        let mut graphs = self.graphs()?;
        let dead = graphs.runs.values_mut().filter(|run| run.owner == Owner::Dead);
        Ok(dead
            .map(|run| {
                run.leave(now);
                run.record.id
            })
            .collect())
    }

    async fn claim_graph(&self, id: ExecutionId) -> Result<bool, StoreError> {
        let mut graphs = self.graphs()?;
        let Some(run) = graphs.runs.get_mut(&id) else { return Ok(false) };
        let is_free = run.owner == Owner::Nobody && run.record.status == GraphStatus::Interrupted;
        if is_free {
            (run.owner, run.record.finished_at) = (Owner::This, None);
        }
        Ok(is_free)
    }

    async fn graph_run(&self, id: ExecutionId) -> Result<Option<GraphRunRecord>, StoreError> {
        Ok(self.graphs()?.runs.get(&id).map(|run| run.record.clone()))
    }

    async fn graph_of_run(&self, id: ExecutionId) -> Result<Option<TaskGraph>, StoreError> {
        Ok(self.graphs()?.runs.get(&id).map(|run| run.graph.clone()))
    }

    async fn graph_tasks(&self, id: ExecutionId) -> Result<Vec<TaskRecord>, StoreError> {
        Ok(self.graphs()?.runs.get(&id).map(|run| run.tasks.clone()).unwrap_or_default())
    }

    async fn graph_runs(&self, query: &GraphQuery) -> Result<Page<GraphRunRecord>, StoreError> {
        let graphs = self.graphs()?;
        let wanted = |run: &&Run| query.status.is_empty() || query.status.contains(&run.record.status);
        let found = graphs.runs.values().rev().filter(wanted).map(|run| run.record.clone()).collect();
        page(found, |record| record.id.to_string(), query.limit, 50, query.cursor.as_deref())
    }

    async fn request_graph_cancel(&self, id: ExecutionId, by: &str) -> Result<(), StoreError> {
        if let Some(run) = self.graphs()?.runs.get_mut(&id).filter(|run| run.owner != Owner::Nobody) {
            run.cancel_by.get_or_insert_with(|| by.to_owned());
        }
        Ok(())
    }

    async fn graph_cancel_request(&self, id: ExecutionId) -> Result<Option<String>, StoreError> {
        Ok(self.graphs()?.runs.get(&id).and_then(|run| run.cancel_by.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::contract::GraphSubject;
    use crate::memory_store::MemoryStore;

    async fn subject() -> GraphSubject {
        let store = Arc::new(MemoryStore::new());
        GraphSubject::new(store, ())
    }

    crate::graph_store_contract!(contract, super::subject);
}
