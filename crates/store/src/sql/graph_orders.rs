//! What callers want of the writer about graph runs: [`GraphOrder`], each in a transaction of its own.

use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::task::{GraphUpdate, NewGraphRun};

use super::graphs;
use super::writer::{Reply, Writer};
use crate::db::Connection;

/// An order about graph runs.
#[derive(Debug)]
pub(crate) enum GraphOrder {
    Create(Box<NewGraphRun>, Reply<()>),
    Update(Box<GraphUpdate>, Reply<()>),
    Recover(Timestamp, Reply<Vec<ExecutionId>>),
    Claim(ExecutionId, Reply<bool>),
    RequestCancel(ExecutionId, String, Reply<()>),
}

impl Writer {
    pub(super) async fn serve_graph(&mut self, order: GraphOrder) {
        // A caller that no longer waits loses nothing: what was committed is committed.
        match order {
            GraphOrder::Create(new, reply) => drop(reply.send(self.create_graph(&new).await)),
            GraphOrder::Update(update, reply) => drop(reply.send(self.update_graph(&update).await)),
            GraphOrder::Recover(now, reply) => drop(reply.send(self.recover_graphs(now).await)),
            GraphOrder::Claim(id, reply) => drop(reply.send(self.claim_graph(id).await)),
            GraphOrder::RequestCancel(id, by, reply) => {
                drop(reply.send(self.request_graph_cancel(id, &by).await));
            }
        }
    }

    async fn create_graph(&mut self, new: &NewGraphRun) -> Result<(), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = graphs::create(new, self.presence.id(), &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn update_graph(&mut self, update: &GraphUpdate) -> Result<(), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = graphs::update(update, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn claim_graph(&mut self, id: ExecutionId) -> Result<bool, StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = graphs::claim(id, self.presence.id(), &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn request_graph_cancel(&mut self, id: ExecutionId, by: &str) -> Result<(), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = graphs::request_cancel(id, by, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    /// One transaction for each run, so that many do not keep others from writing for long.
    async fn recover_graphs(&mut self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        let place = Arc::clone(&self.place);
        let mut conn = self.begin().await?;
        let owned = self.owned_by_the_dead(&mut conn).await;
        let owned = self.end_transaction(conn, owned).await?;
        let mut left = Vec::new();
        for (owner, key, id) in owned {
            let mut conn = self.begin().await?;
            let done = graphs::leave(key, &owner, now, &mut conn, &place).await;
            if self.end_transaction(conn, done).await? {
                left.push(id);
            }
        }
        Ok(left)
    }

    /// Runs whose owners are dead.
    async fn owned_by_the_dead(&mut self, conn: &mut Connection) -> Result<Vec<graphs::Owned>, StoreError> {
        let mut dead = Vec::new();
        for owned in graphs::owned_elsewhere(self.presence.id(), conn, &self.place).await? {
            if self.presence.is_dead(&owned.0, conn, &self.place).await? {
                dead.push(owned);
            }
        }
        Ok(dead)
    }
}
