//! The port of graph runs on [`SqliteStore`]: writes go to the one writer, reads to the pool.

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{GraphStore, StoreError};
use pabawi_domain::record::Page;
use pabawi_domain::task::{GraphQuery, GraphRunRecord, GraphUpdate, NewGraphRun, TaskGraph, TaskRecord};

use super::graph_orders::GraphOrder;
use super::graphs;
use super::store::Store;

#[async_trait]
impl GraphStore for Store {
    async fn create_graph(&self, run: NewGraphRun) -> Result<(), StoreError> {
        self.writer().graph(|reply| GraphOrder::Create(Box::new(run), reply)).await
    }

    async fn update_graph(&self, update: &GraphUpdate) -> Result<(), StoreError> {
        self.writer().graph(|reply| GraphOrder::Update(Box::new(update.clone()), reply)).await
    }

    async fn recover_graphs(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        self.writer().graph(|reply| GraphOrder::Recover(now, reply)).await
    }

    async fn claim_graph(&self, id: ExecutionId) -> Result<bool, StoreError> {
        self.writer().graph(|reply| GraphOrder::Claim(id, reply)).await
    }

    async fn graph_run(&self, id: ExecutionId) -> Result<Option<GraphRunRecord>, StoreError> {
        let (pool, place) = self.readers();
        graphs::run(id, pool, place).await
    }

    async fn graph_of_run(&self, id: ExecutionId) -> Result<Option<TaskGraph>, StoreError> {
        let (pool, place) = self.readers();
        graphs::graph(id, pool, place).await
    }

    async fn graph_tasks(&self, id: ExecutionId) -> Result<Vec<TaskRecord>, StoreError> {
        let (pool, place) = self.readers();
        graphs::tasks(id, pool, place).await
    }

    async fn graph_runs(&self, query: &GraphQuery) -> Result<Page<GraphRunRecord>, StoreError> {
        let (pool, place) = self.readers();
        graphs::runs(query, pool, place).await
    }

    async fn request_graph_cancel(&self, id: ExecutionId, by: &str) -> Result<(), StoreError> {
        self.writer().graph(|reply| GraphOrder::RequestCancel(id, by.to_owned(), reply)).await
    }

    async fn graph_cancel_request(&self, id: ExecutionId) -> Result<Option<String>, StoreError> {
        let (pool, place) = self.readers();
        graphs::cancel_request(id, pool, place).await
    }
}
