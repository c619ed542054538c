//! [`TracedStore`]: a store whose writes are told to [`Traces`] once they are on stable storage.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::condition::LastCondition;
use pabawi_domain::event::ExecutionEvent;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::ports::{CancelRequest, Created, DetachedName, ExecutionStore, StoreError, StoreWrite};
use pabawi_domain::record::{
    AttemptRecord, EventPage, EventTexts, ExecutionQuery, ExecutionRecord, ExecutionTotals, NewExecution,
    OutputChunk, OutputGroup, Page, TargetQuery, TargetRecord,
};

use crate::traces::Traces;

/// A store that is looked over the shoulder. Everything is left to the one behind it.
pub struct TracedStore {
    inner: Arc<dyn ExecutionStore>,
    traces: Traces,
}

impl TracedStore {
    /// Stands before a store.
    pub fn new(inner: Arc<dyn ExecutionStore>, traces: Traces) -> Self {
        Self { inner, traces }
    }
}

#[async_trait]
impl ExecutionStore for TracedStore {
    async fn create(&self, execution: NewExecution) -> Result<Created, StoreError> {
        let id = execution.id;
        // Before it is stored: its first events may come before the answer.
        self.traces.accepted(&execution);
        let created = self.inner.create(execution).await;
        if !matches!(created, Ok(Created::New)) {
            self.traces.forget(id);
        }
        created
    }

    async fn append(&self, writes: &[StoreWrite]) -> Result<(), StoreError> {
        self.inner.append(writes).await?;
        self.traces.stored(writes);
        Ok(())
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        self.inner.recover(now).await
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        self.inner.execution(id).await
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<ExecutionRecord>, StoreError> {
        self.inner.executions(query).await
    }

    async fn totals(&self, query: &ExecutionQuery) -> Result<ExecutionTotals, StoreError> {
        self.inner.totals(query).await
    }

    async fn targets(&self, id: ExecutionId, query: &TargetQuery) -> Result<Page<TargetRecord>, StoreError> {
        self.inner.targets(id, query).await
    }

    async fn ended_since(&self, id: ExecutionId, since: Timestamp) -> Result<u64, StoreError> {
        self.inner.ended_since(id, since).await
    }

    async fn unsettled(&self) -> Result<Vec<DetachedName>, StoreError> {
        self.inner.unsettled().await
    }

    async fn attempts(
        &self,
        id: ExecutionId,
        node: Option<&NodeId>,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        self.inner.attempts(id, node).await
    }

    async fn events(&self, id: ExecutionId, from_seq: u64, limit: u32) -> Result<EventPage, StoreError> {
        self.inner.events(id, from_seq, limit).await
    }

    async fn event_texts(&self, id: ExecutionId, from_seq: u64) -> Result<EventTexts, StoreError> {
        self.inner.event_texts(id, from_seq).await
    }

    async fn last_event(&self, id: ExecutionId) -> Result<Option<ExecutionEvent>, StoreError> {
        self.inner.last_event(id).await
    }

    async fn output(
        &self,
        hash: ContentHash,
        offset: u64,
        max_bytes: u32,
    ) -> Result<Option<OutputChunk>, StoreError> {
        self.inner.output(hash, offset, max_bytes).await
    }

    async fn output_groups(
        &self,
        id: ExecutionId,
        stream: StreamKind,
    ) -> Result<Vec<OutputGroup>, StoreError> {
        self.inner.output_groups(id, stream).await
    }

    async fn nodes_by_last(
        &self,
        condition: &LastCondition,
        now: Timestamp,
    ) -> Result<Vec<NodeId>, StoreError> {
        self.inner.nodes_by_last(condition, now).await
    }

    async fn abandoned(&self) -> Result<Vec<ExecutionId>, StoreError> {
        self.inner.abandoned().await
    }

    async fn request_cancel(&self, request: CancelRequest) -> Result<(), StoreError> {
        self.inner.request_cancel(request).await
    }

    async fn take_cancel_requests(&self) -> Result<Vec<CancelRequest>, StoreError> {
        self.inner.take_cancel_requests().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
