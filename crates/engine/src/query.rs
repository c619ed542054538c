//! Questions about executions, answered by the store or from what runs here. Each asks the authorizer first:
//! `executions.list` for the history, `executions.show` for one execution.

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::pace::{ProgressReport, recent_since};
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::{
    AttemptRecord, ExecutionQuery, ExecutionRecord, ExecutionTotals, OutputChunk, OutputGroup, Page,
    TargetQuery, TargetRecord,
};
use pabawi_domain::request::Caller;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::subscribe::{Subscription, SubscriptionMode};

const SHOW: &str = "executions.show";
const LIST: &str = "executions.list";
/// Executions that are read at once to be counted.
const PAGE: u32 = 1000;

impl Engine {
    /// Where an execution stands: live where it runs here, otherwise as it is stored.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn status(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionRecord, EngineError> {
        self.may_show(caller, id).await?;
        let live = self.shared.registry.get(id);
        match (self.shared.store.execution(id).await, live) {
            (Ok(stored), Some(live)) => {
                let reruns = stored.map(|record| record.reruns).unwrap_or_default();
                Ok(ExecutionRecord { reruns, ..live.record() })
            }
            // What runs here is known without the store.
            (Err(_), Some(live)) => Ok(live.record()),
            (Ok(stored), None) => stored.ok_or(EngineError::NotFound(id)),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// How far an execution is and how fast it goes, also one that another process runs (R2.6, R5.4).
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn progress(&self, caller: &Caller, id: ExecutionId) -> Result<ProgressReport, EngineError> {
        self.may_show(caller, id).await?;
        self.report(id).await?.ok_or(EngineError::NotFound(id))
    }

    /// As [`Engine::progress`], without asking the authorizer.
    pub(crate) async fn report(&self, id: ExecutionId) -> Result<Option<ProgressReport>, StoreError> {
        let (now, store) = (self.shared.clock.now(), &self.shared.store);
        if let Some(live) = self.shared.registry.get(id) {
            return Ok(Some(live.progress(now)));
        }
        let Some(record) = store.execution(id).await? else { return Ok(None) };
        let (at, recent) = match record.finished_at {
            Some(at) => (at, 0),
            None => (now, store.ended_since(id, recent_since(now)).await?),
        };
        Ok(Some(ProgressReport::at(at, record.progress, record.started_at, recent)))
    }

    /// The events of an execution from a sequence number on (0 or 1 for all), live or replayed from the store; none where the
    /// execution is over and its last event has a lower number.
    /// Events of an execution that another process runs come from the store, as they are stored.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn events(
        &self,
        caller: &Caller,
        id: ExecutionId,
        from_seq: u64,
        mode: SubscriptionMode,
    ) -> Result<Subscription, EngineError> {
        self.may_show(caller, id).await?;
        if self.shared.registry.get(id).is_none() {
            self.exists(id).await?;
        }
        Ok(self.follow(id, from_seq, mode))
    }

    /// Executions, newest first (R5.5, R5.8). Those that run are shown as they are stored. What the caller may not look at is
    /// left out, so that a page may hold fewer than there are.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn executions(
        &self,
        caller: &Caller,
        query: &ExecutionQuery,
    ) -> Result<Page<ExecutionRecord>, EngineError> {
        self.may(caller, LIST).await?;
        let page = self.shared.store.executions(query).await?;
        Ok(Page { items: self.seen(caller, page.items).await?, ..page })
    }

    /// How many executions stand where, of all that the question is about and the caller may look at (R5.8). Where the
    /// authorizer decides about nodes, it is asked about each of them.
    ///
    /// # Errors
    /// [`EngineError`]; [`EngineError::Denied`] when asking takes too long, since nobody knows the rest.
    pub async fn totals(
        &self,
        caller: &Caller,
        query: &ExecutionQuery,
    ) -> Result<ExecutionTotals, EngineError> {
        self.may(caller, LIST).await?;
        if !self.looks_at_nodes() {
            return Ok(self.shared.store.totals(query).await?);
        }
        self.in_time(caller, LIST, &[], self.totals_of_seen(caller, query)).await?
    }

    async fn totals_of_seen(
        &self,
        caller: &Caller,
        query: &ExecutionQuery,
    ) -> Result<ExecutionTotals, EngineError> {
        let mut totals = ExecutionTotals::default();
        let mut query = ExecutionQuery { limit: Some(PAGE), cursor: None, ..query.clone() };
        // Ends with the last page.
        loop {
            let page = self.shared.store.executions(&query).await?;
            for record in self.seen(caller, page.items).await? {
                totals.add(record.status, 1);
            }
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(totals),
            }
        }
    }

    /// Targets of one execution in the order of its plan.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn targets(
        &self,
        caller: &Caller,
        id: ExecutionId,
        query: &TargetQuery,
    ) -> Result<Page<TargetRecord>, EngineError> {
        self.may_show(caller, id).await?;
        self.exists(id).await?;
        Ok(self.shared.store.targets(id, query).await?)
    }

    /// Attempts of one execution, or of one of its nodes, in the order of their start.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn attempts(
        &self,
        caller: &Caller,
        id: ExecutionId,
        node: Option<&NodeId>,
    ) -> Result<Vec<AttemptRecord>, EngineError> {
        self.may_show(caller, id).await?;
        self.exists(id).await?;
        Ok(self.shared.store.attempts(id, node).await?)
    }

    /// A part of a stored output: at most `max_bytes` from `offset` of what is kept. `None` when there is no
    /// such output.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn output(
        &self,
        caller: &Caller,
        hash: ContentHash,
        offset: u64,
        max_bytes: u32,
    ) -> Result<Option<OutputChunk>, EngineError> {
        self.may(caller, SHOW).await?;
        Ok(self.shared.store.output(hash, offset, max_bytes).await?)
    }

    /// The targets of an execution by equal output of one stream, the largest group first.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn output_groups(
        &self,
        caller: &Caller,
        id: ExecutionId,
        stream: StreamKind,
    ) -> Result<Vec<OutputGroup>, EngineError> {
        self.may_show(caller, id).await?;
        self.exists(id).await?;
        Ok(self.shared.store.output_groups(id, stream).await?)
    }

    async fn exists(&self, id: ExecutionId) -> Result<(), EngineError> {
        match self.shared.store.execution(id).await? {
            Some(_) => Ok(()),
            None => Err(EngineError::NotFound(id)),
        }
    }
}
