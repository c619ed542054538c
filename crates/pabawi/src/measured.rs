//! [`Measured`]: a source of nodes or a provider of facts, with its answers counted and timed (R8.7).

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{
    FactProvider, FactProviderError, InventorySnapshot, InventorySource, InventorySourceError, NodeFacts,
};
use pabawi_domain::request::Caller;
use pabawi_engine::SourceMeter;

/// Where measurements go once there is an engine; sources are there before it.
pub(crate) type LateMeter = Arc<OnceLock<SourceMeter>>;

/// A source or provider that is measured.
pub(crate) struct Measured<T: ?Sized> {
    pub(crate) inner: Arc<T>,
    pub(crate) meter: LateMeter,
}

/// A question that is open. One that is given up, or whose source panics, has failed.
struct Open {
    meter: LateMeter,
    source: String,
    began: Instant,
    worked: u64,
    failed: u64,
}

impl Open {
    fn new(meter: &LateMeter, source: String, answers: usize) -> Self {
        let meter = Arc::clone(meter);
        Self { meter, source, began: Instant::now(), worked: 0, failed: answers as u64 }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(meter) = self.meter.get() {
            meter.answered(&self.source, self.worked, self.failed, self.began.elapsed());
        }
    }
}

#[async_trait]
impl InventorySource for Measured<dyn InventorySource> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn priority(&self) -> i32 {
        self.inner.priority()
    }

    fn is_there(&self) -> bool {
        self.inner.is_there()
    }

    fn revision(&self) -> Option<u64> {
        self.inner.revision()
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let mut open = Open::new(&self.meter, format!("inventory:{}", self.name()), 1);
        let answer = self.inner.fetch().await;
        if answer.is_ok() {
            (open.worked, open.failed) = (1, 0);
        }
        answer
    }
}

#[async_trait]
impl FactProvider for Measured<dyn FactProvider> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn priority(&self) -> i32 {
        self.inner.priority()
    }

    fn is_there(&self) -> bool {
        self.inner.is_there()
    }

    fn renewed_at(&self) -> Option<Timestamp> {
        self.inner.renewed_at()
    }

    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let mut open = Open::new(&self.meter, format!("facts:{}", self.name()), nodes.len());
        let answers = self.inner.collect(caller, nodes).await;
        open.worked = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        open.failed = open.failed.saturating_sub(open.worked);
        answers
    }
}
