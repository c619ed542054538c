//! [`Store`]: the handle, and the ports it implements. Writes go to the one writer, reads to the pool;
//! what they do stands in the modules beside this one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::breaker::BreakerRecord;
use pabawi_domain::condition::LastCondition;
use pabawi_domain::event::ExecutionEvent;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::ports::{
    BreakerStore, CancelRequest, Created, DetachedName, ExecutionStore, PlanStore, StoreError, StoreWrite,
    StoredBreakers,
};
use pabawi_domain::preview::{PlanHash, PlanHead, StoredPlan};
use pabawi_domain::record::{
    AttemptRecord, EventPage, EventTexts, ExecutionQuery, ExecutionRecord, ExecutionTotals, NewExecution,
    OutputChunk, OutputGroup, Page, TargetQuery, TargetRecord,
};

use super::live::Live;
use super::output_rows::{KnownOutputs, read_output};
use super::place::Place;
use super::plan_orders::PlanOrder;
use super::presence::Presence;
use super::writer::{Writer, WriterHandle};
use super::{breakers, cancel, events, last, list, plans, read, unsettled};
use crate::db::{Connection, Connector, Pool};
use crate::large::LargeOutputs;
use crate::row::Encoder;

/// How long closing may take.
const CLOSING: Duration = Duration::from_secs(10);

/// The store on a database. It is opened with [`Store::open`].
///
/// Cloning gives another handle of the same store. A call that writes returns when the data is on stable
/// storage. When the last handle is dropped, what was asked for is written and the database is closed in the
/// background; [`ExecutionStore::close`] waits for it.
///
/// Times are kept to the nanosecond within the years 1677 to 2262. A limit outside its range is brought to
/// the nearest good one. Pages of executions end early, with a cursor, when their requests are large.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writer: WriterHandle,
    readers: Pool,
    encoder: Encoder,
    large: LargeOutputs,
    place: Arc<Place>,
    owner: String,
}

/// Everything that stands behind an opened store.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) place: Arc<Place>,
    pub(crate) large: LargeOutputs,
    /// Outputs up to this size, in bytes, stand in a row.
    pub(crate) inline_output_bytes: usize,
    pub(crate) presence: Presence,
    pub(crate) writer: Connection,
    pub(crate) connector: Connector,
    pub(crate) readers: Pool,
}

impl Store {
    /// The store of a database that has been opened. Starts the writer on the current runtime.
    pub(crate) fn over(opened: Opened) -> Self {
        let Opened { place, large, inline_output_bytes, presence, writer, connector, readers } = opened;
        let owner = presence.id().to_owned();
        let writer = Writer {
            place: Arc::clone(&place),
            presence,
            conn: Some(writer),
            connector,
            live: Live::default(),
            known: KnownOutputs::default(),
            told: Vec::new(),
        }
        .start();
        let encoder = Encoder::new(inline_output_bytes);
        Self { shared: Arc::new(Shared { writer, readers, encoder, large, place, owner }) }
    }

    /// The way to the one writer.
    pub(super) fn writer(&self) -> &WriterHandle {
        &self.shared.writer
    }

    /// What questions are asked with.
    pub(super) fn readers(&self) -> (&Pool, &Place) {
        (&self.shared.readers, &self.shared.place)
    }

    /// Where large outputs stand.
    pub(super) fn large(&self) -> (&LargeOutputs, &Arc<Place>) {
        (&self.shared.large, &self.shared.place)
    }

    /// Where it is, for people: a path, or a URL without its password.
    pub fn place(&self) -> &str {
        self.shared.place.shown()
    }
}

#[async_trait]
impl ExecutionStore for Store {
    async fn create(&self, execution: NewExecution) -> Result<Created, StoreError> {
        self.shared.writer.create(execution).await
    }

    async fn append(&self, writes: &[StoreWrite]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let shared = &self.shared;
        let large = shared.encoder.large(writes);
        if !large.is_empty() {
            shared.large.keep(large, &shared.place).await?;
        }
        let rows = shared.encoder.encode(writes)?;
        shared.writer.append(rows, || shared.encoder.encode_told(writes)).await
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        self.shared.writer.recover(now).await
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        read::execution(id, &self.shared.readers, &self.shared.place).await
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<ExecutionRecord>, StoreError> {
        list::executions(query, &self.shared.readers, &self.shared.place).await
    }

    async fn totals(&self, query: &ExecutionQuery) -> Result<ExecutionTotals, StoreError> {
        list::totals(query, &self.shared.readers, &self.shared.place).await
    }

    async fn targets(&self, id: ExecutionId, query: &TargetQuery) -> Result<Page<TargetRecord>, StoreError> {
        read::targets(id, query, &self.shared.readers, &self.shared.place).await
    }

    async fn ended_since(&self, id: ExecutionId, since: Timestamp) -> Result<u64, StoreError> {
        read::ended_since(id, since, &self.shared.readers, &self.shared.place).await
    }

    async fn unsettled(&self) -> Result<Vec<DetachedName>, StoreError> {
        unsettled::all(&self.shared.readers, &self.shared.place).await
    }

    async fn attempts(
        &self,
        id: ExecutionId,
        node: Option<&NodeId>,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        read::attempts(id, node, &self.shared.readers, &self.shared.place).await
    }

    async fn events(&self, id: ExecutionId, from_seq: u64, limit: u32) -> Result<EventPage, StoreError> {
        events::page(id, from_seq, limit, &self.shared.readers, &self.shared.place).await
    }

    async fn event_texts(&self, id: ExecutionId, from_seq: u64) -> Result<EventTexts, StoreError> {
        events::texts(id, from_seq, &self.shared.readers, &self.shared.place).await
    }

    async fn last_event(&self, id: ExecutionId) -> Result<Option<ExecutionEvent>, StoreError> {
        events::last(id, &self.shared.readers, &self.shared.place).await
    }

    async fn output(
        &self,
        hash: ContentHash,
        offset: u64,
        max_bytes: u32,
    ) -> Result<Option<OutputChunk>, StoreError> {
        let shared = &self.shared;
        read_output(hash, offset, max_bytes, &shared.readers, &shared.large, &shared.place).await
    }

    async fn output_groups(
        &self,
        id: ExecutionId,
        stream: StreamKind,
    ) -> Result<Vec<OutputGroup>, StoreError> {
        read::output_groups(id, stream, &self.shared.readers, &self.shared.place).await
    }

    async fn nodes_by_last(
        &self,
        condition: &LastCondition,
        now: Timestamp,
    ) -> Result<Vec<NodeId>, StoreError> {
        last::nodes(condition, now, &self.shared.readers, &self.shared.place).await
    }

    async fn abandoned(&self) -> Result<Vec<ExecutionId>, StoreError> {
        self.shared.writer.abandoned().await
    }

    async fn request_cancel(&self, request: CancelRequest) -> Result<(), StoreError> {
        self.shared.writer.request_cancel(request).await
    }

    async fn take_cancel_requests(&self) -> Result<Vec<CancelRequest>, StoreError> {
        let shared = &self.shared;
        if !cancel::any(&shared.owner, &shared.readers, &shared.place).await? {
            return Ok(Vec::new());
        }
        shared.writer.take_cancel_requests().await
    }

    async fn close(&self) {
        let shared = &self.shared;
        let closing = async {
            // Readers first, so that the writer is the last to close and SQLite tidies its log away.
            shared.readers.close().await;
            shared.writer.close().await;
        };
        // A question that waits for a lock, and a server that says nothing, would hold it for as long as they like.
        // Nothing that was acknowledged is open then; the writer comes to its end in the background.
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            tracing::warn!(database = shared.place.shown(), "the database was not closed in time");
            shared.writer.end();
        }
    }
}

#[async_trait]
impl BreakerStore for Store {
    async fn save_breakers(&self, breakers: &[BreakerRecord]) -> Result<(), StoreError> {
        if breakers.is_empty() {
            return Ok(());
        }
        self.shared.writer.breakers(breakers.to_vec()).await
    }

    async fn breakers(&self, after: u64) -> Result<StoredBreakers, StoreError> {
        breakers::written_after(after, &self.shared.readers, &self.shared.place).await
    }
}

#[async_trait]
impl PlanStore for Store {
    async fn save_plan(&self, plan: &StoredPlan) -> Result<(), StoreError> {
        let plan = Box::new(plan.redacted());
        self.shared.writer.plan(|reply| PlanOrder::Save(plan, reply)).await
    }

    async fn plan(&self, hash: PlanHash) -> Result<Option<StoredPlan>, StoreError> {
        plans::one(hash, &self.shared.readers, &self.shared.place).await
    }

    async fn plans(&self, beginning: &str, limit: u32) -> Result<Vec<PlanHead>, StoreError> {
        plans::heads(beginning, limit, &self.shared.readers, &self.shared.place).await
    }

    async fn forget_plans(&self, expired_before: Timestamp) -> Result<u64, StoreError> {
        self.shared.writer.plan(|reply| PlanOrder::Forget(expired_before, reply)).await
    }
}
