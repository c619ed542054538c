//! [`SqliteStore`]: the handle, and the ports it implements. Writes go to the one writer, reads to the pool;
//! what they do stands in the modules beside this one.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::breaker::BreakerRecord;
use pabawi_domain::condition::LastCondition;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::ports::{
    BreakerStore, CancelRequest, Created, DetachedName, ExecutionStore, PlanStore, StoreError, StoreWrite,
    StoredBreakers,
};
use pabawi_domain::preview::{PlanHash, PlanHead, StoredPlan};
use pabawi_domain::record::{
    AttemptRecord, EventPage, ExecutionQuery, ExecutionRecord, NewExecution, OutputChunk, OutputGroup, Page,
    TargetQuery, TargetRecord,
};
use sqlx::SqlitePool;

use super::live::Live;
use super::open::{Opened, blocking, open};
use super::options::SqliteOptions;
use super::output_rows::{KnownOutputs, read_output};
use super::place::Place;
use super::plan_orders::PlanOrder;
use super::writer::{Writer, WriterHandle};
use super::{breakers, cancel, events, last, list, plans, read, unsettled};
use crate::output_files::OutputFiles;
use crate::row::{EncodeFault, Encoder};

/// The store on SQLite.
///
/// Cloning gives another handle of the same store. A call that writes returns when the data is on stable
/// storage. When the last handle is dropped, what was asked for is written and the file is closed in the
/// background; [`ExecutionStore::close`] waits for it.
///
/// Times are kept to the nanosecond within the years 1677 to 2262. A limit outside its range is brought to
/// the nearest good one. Pages of executions end early, with a cursor, when their requests are large.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writer: WriterHandle,
    readers: SqlitePool,
    encoder: Encoder,
    files: OutputFiles,
    place: Arc<Place>,
    owner: String,
}

impl SqliteStore {
    /// Opens the file, making it when it is missing, and brings its schema to this program's version. Runs
    /// on the current tokio runtime, which has to live as long as the store.
    ///
    /// Executions of dead processes stay as they are until [`ExecutionStore::recover`] is called.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] for a database of a newer version, of which nothing is changed;
    /// [`StoreError::ReadOnly`], [`StoreError::Full`]; [`StoreError::Corrupt`] for a file that is no
    /// database or a broken one; [`StoreError::Unavailable`] for the rest. Each names the file and says what
    /// to do.
    pub async fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        let Opened { place, files, owners, owner, writer, writer_options, readers } = open(&options).await?;
        let encoder = Encoder::new(files.clone(), options.inline_output_bytes);
        let id = owner.id().to_owned();
        let writer = Writer {
            place: Arc::clone(&place),
            owners,
            owner,
            conn: Some(writer),
            options: writer_options,
            live: Live::default(),
            known: KnownOutputs::default(),
        }
        .start();
        Ok(Self { shared: Arc::new(Shared { writer, readers, encoder, files, place, owner: id }) })
    }

    /// The way to the one writer.
    pub(super) fn writer(&self) -> &WriterHandle {
        &self.shared.writer
    }

    /// What questions are asked with.
    pub(super) fn readers(&self) -> (&SqlitePool, &Place) {
        (&self.shared.readers, &self.shared.place)
    }

    /// Where large outputs stand.
    pub(super) fn files(&self) -> &OutputFiles {
        &self.shared.files
    }

    /// The database file.
    pub fn path(&self) -> &std::path::Path {
        self.shared.place.path()
    }
}

#[async_trait]
impl ExecutionStore for SqliteStore {
    async fn create(&self, execution: NewExecution) -> Result<Created, StoreError> {
        self.shared.writer.create(execution).await
    }

    async fn append(&self, writes: &[StoreWrite]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let shared = &self.shared;
        let fault = |place: &Place, fault| match fault {
            EncodeFault::Store(error) => error,
            EncodeFault::File(fault) => place.io(fault.doing, &fault.path, &fault.error),
        };
        let rows = if shared.encoder.will_block(writes) {
            let (encoder, place, writes) =
                (shared.encoder.clone(), Arc::clone(&shared.place), writes.to_vec());
            blocking(move || encoder.encode(&writes).map_err(|error| fault(&place, error))).await?
        } else {
            shared.encoder.encode(writes).map_err(|error| fault(&shared.place, error))?
        };
        shared.writer.append(rows).await
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

    async fn output(
        &self,
        hash: ContentHash,
        offset: u64,
        max_bytes: u32,
    ) -> Result<Option<OutputChunk>, StoreError> {
        let shared = &self.shared;
        read_output(hash, offset, max_bytes, &shared.readers, &shared.files, &shared.place).await
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
        // Readers first, so that the writer is the last to close and SQLite tidies its log away.
        self.shared.readers.close().await;
        self.shared.writer.close().await;
    }
}

#[async_trait]
impl BreakerStore for SqliteStore {
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
impl PlanStore for SqliteStore {
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
