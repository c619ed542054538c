//! What callers want of the writer about plans that are kept: [`PlanOrder`], each in a transaction of its own.

use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::ports::StoreError;
use pabawi_domain::preview::StoredPlan;

use super::plans;
use super::writer::{Reply, Writer};

/// What a caller wants.
#[derive(Debug)]
pub(crate) enum PlanOrder {
    Save(Box<StoredPlan>, Reply<()>),
    Forget(Timestamp, Reply<u64>),
}

impl Writer {
    pub(super) async fn serve_plan(&mut self, order: PlanOrder) {
        // A caller that no longer waits loses nothing: what was committed is committed.
        match order {
            PlanOrder::Save(plan, reply) => drop(reply.send(self.save_plan(&plan).await)),
            PlanOrder::Forget(before, reply) => drop(reply.send(self.forget_plans(before).await)),
        }
    }

    async fn save_plan(&mut self, plan: &StoredPlan) -> Result<(), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = plans::save(plan, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn forget_plans(&mut self, expired_before: Timestamp) -> Result<u64, StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = plans::forget(expired_before, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }
}
