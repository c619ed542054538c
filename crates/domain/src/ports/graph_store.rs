//! Port [`GraphStore`]: what is remembered of graph runs. As for executions, a call that writes returns when the
//! data is on stable storage.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::id::ExecutionId;
use crate::ports::StoreError;
use crate::record::Page;
use crate::task::{GraphQuery, GraphRunRecord, GraphUpdate, NewGraphRun, TaskGraph, TaskRecord};

/// Remembers graph runs. Each belongs to the process that runs it; a run that has ended or whose process has died
/// belongs to nobody.
#[async_trait]
pub trait GraphStore: Send + Sync + 'static {
    /// Writes a new run, with every task queued. It belongs to this process.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written.
    async fn create_graph(&self, run: NewGraphRun) -> Result<(), StoreError>;

    /// Writes what has changed.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, and the same call may be made again.
    async fn update_graph(&self, update: &GraphUpdate) -> Result<(), StoreError>;

    /// Finds runs whose process has died: their tasks that have not ended become `interrupted`, and they belong to
    /// nobody. Runs of processes that live are left alone. Returns those it found.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn recover_graphs(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError>;

    /// Takes an interrupted run that belongs to nobody, so that this process may go on with it. `false` when there
    /// is no such run, or when somebody else was quicker.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn claim_graph(&self, id: ExecutionId) -> Result<bool, StoreError>;

    /// One run.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn graph_run(&self, id: ExecutionId) -> Result<Option<GraphRunRecord>, StoreError>;

    /// The graph of a run, as it was written down.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn graph_of_run(&self, id: ExecutionId) -> Result<Option<TaskGraph>, StoreError>;

    /// The tasks of a run in the order of its graph; none for an unknown run.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn graph_tasks(&self, id: ExecutionId) -> Result<Vec<TaskRecord>, StoreError>;

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::BadCursor`] for a cursor that is not this store's.
    async fn graph_runs(&self, query: &GraphQuery) -> Result<Page<GraphRunRecord>, StoreError>;

    /// Leaves word for the process that a run belongs to. There is nobody to leave it for when it has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn request_graph_cancel(&self, id: ExecutionId, by: &str) -> Result<(), StoreError>;

    /// Who has asked to cancel the run, if anybody has.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn graph_cancel_request(&self, id: ExecutionId) -> Result<Option<String>, StoreError>;
}
