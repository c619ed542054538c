//! The port [`RetentionStore`] of [`Store`], and what callers want of the writer about it: [`RetentionOrder`], each in a
//! transaction of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::journal::{
    ExecutionCut, ExecutionLimit, JournalCut, JournalLimit, OutputCut, OutputPlace, PrunedExecutions,
    PrunedJournal, PrunedOutputs,
};
use pabawi_domain::ports::{RetentionStore, StoreError};

use super::retention_cuts::Among;
use super::store::Store;
use super::writer::{Reply, Writer};
use super::{journal_prune, retention, retention_cuts, retention_outputs};

/// A large output that was used so lately stays: somebody may be about to point to it again. The sweep when a store is
/// opened finds it.
const SETTLED: Duration = Duration::from_secs(60 * 60);

/// What a caller wants.
#[derive(Debug)]
pub(crate) enum RetentionOrder {
    /// From a place on.
    Journal(Vec<JournalCut>, (i64, i64), u32, Reply<PrunedJournal>),
    Executions(Vec<ExecutionCut>, i64, u32, Reply<(PrunedExecutions, Vec<retention::DeadOutput>)>),
    Outputs(OutputCut, OutputPlace, u32, Reply<(PrunedOutputs, Vec<retention::DeadOutput>)>),
    Claim(Timestamp, Duration, Reply<Option<Duration>>),
}

impl Writer {
    pub(super) async fn serve_retention(&mut self, order: RetentionOrder) {
        // A caller that no longer waits loses nothing: what was committed is committed.
        match order {
            RetentionOrder::Journal(cuts, from, at_most, reply) => {
                drop(reply.send(self.prune_journal(&cuts, from, at_most).await));
            }
            RetentionOrder::Executions(cuts, from, at_most, reply) => {
                drop(reply.send(self.prune_executions(&cuts, from, at_most).await));
            }
            RetentionOrder::Outputs(cut, from, at_most, reply) => {
                drop(reply.send(self.prune_outputs(&cut, from, at_most).await));
            }
            RetentionOrder::Claim(now, every, reply) => {
                drop(reply.send(self.claim_retention(now, every).await));
            }
        }
    }

    async fn claim_retention(
        &mut self,
        now: Timestamp,
        every: Duration,
    ) -> Result<Option<Duration>, StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = retention::claim(now, every, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn prune_journal(
        &mut self,
        cuts: &[JournalCut],
        from: (i64, i64),
        at_most: u32,
    ) -> Result<PrunedJournal, StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = journal_prune::prune(cuts, from, at_most, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn prune_executions(
        &mut self,
        cuts: &[ExecutionCut],
        from: i64,
        at_most: u32,
    ) -> Result<(PrunedExecutions, Vec<retention::DeadOutput>), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = retention::prune(cuts, from, at_most, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn prune_outputs(
        &mut self,
        cut: &OutputCut,
        from: OutputPlace,
        at_most: u32,
    ) -> Result<(PrunedOutputs, Vec<retention::DeadOutput>), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = retention_outputs::prune(cut, from, at_most, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }
}

#[async_trait]
impl RetentionStore for Store {
    async fn journal_cuts(&self, limits: &[JournalLimit]) -> Result<Vec<JournalCut>, StoreError> {
        let (pool, place) = self.readers();
        journal_prune::cuts(limits, pool, place).await
    }

    async fn prune_journal(
        &self,
        cuts: &[JournalCut],
        from: Option<(i64, i64)>,
        at_most: u32,
    ) -> Result<PrunedJournal, StoreError> {
        // Readers keep nobody from writing: what stays is passed over by them.
        let (pool, place) = self.readers();
        let Some(from) = journal_prune::next(cuts, from, pool, place).await? else {
            return Ok(PrunedJournal::default());
        };
        let cuts = cuts.to_vec();
        self.writer().retention(|reply| RetentionOrder::Journal(cuts, from, at_most, reply)).await
    }

    async fn execution_cuts(&self, limits: &[ExecutionLimit]) -> Result<Vec<ExecutionCut>, StoreError> {
        let (pool, place) = self.readers();
        retention_cuts::cuts(limits, Among::All, pool, place).await
    }

    async fn prune_executions(
        &self,
        cuts: &[ExecutionCut],
        from: Option<i64>,
        at_most: u32,
    ) -> Result<PrunedExecutions, StoreError> {
        let (pool, place) = self.readers();
        let Some(from) = retention_cuts::next(cuts, from, Among::All, pool, place).await? else {
            return Ok(PrunedExecutions::default());
        };
        let cuts = cuts.to_vec();
        let (done, dead) =
            self.writer().retention(|reply| RetentionOrder::Executions(cuts, from, at_most, reply)).await?;
        self.forget(dead).await;
        Ok(done)
    }

    async fn output_cut(&self, limits: &[ExecutionLimit]) -> Result<OutputCut, StoreError> {
        let (pool, place) = self.readers();
        retention_outputs::cut(limits, pool, place).await
    }

    async fn prune_outputs(
        &self,
        cut: &OutputCut,
        from: Option<OutputPlace>,
        at_most: u32,
    ) -> Result<PrunedOutputs, StoreError> {
        let (pool, place) = self.readers();
        let Some(from) = retention_outputs::next(cut, from, pool, place).await? else {
            return Ok(PrunedOutputs::default());
        };
        let cut = cut.clone();
        let (done, dead) =
            self.writer().retention(|reply| RetentionOrder::Outputs(cut, from, at_most, reply)).await?;
        self.forget(dead).await;
        Ok(done)
    }

    async fn claim_retention(&self, now: Timestamp, every: Duration) -> Result<Option<Duration>, StoreError> {
        self.writer().retention(|reply| RetentionOrder::Claim(now, every, reply)).await
    }
}

impl Store {
    /// Removes large outputs that no row points to any more.
    async fn forget(&self, dead: Vec<retention::DeadOutput>) {
        let (large, place) = self.large();
        large.remove(dead, SETTLED, place).await;
    }
}
