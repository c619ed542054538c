//! An engine with an inventory that changes, for what is planned now and applied later: [`Bench`].

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::ports::{Authorizer, ExecutionStore as _, TargetError, TargetResolver};
use pabawi_domain::preview::{ExecutionPreview, PlanChange, PlanHash};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::rollout::{Mode, Rolling, Share};
use pabawi_domain::validation::ValidationError;
use pabawi_engine::{AllowAll, ApplyOptions, Engine, EngineLimits, PlanError};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::ScriptedTransport;

use super::support::{ann, command, node};

/// An inventory that changes: every expression selects all of it, but a name in it only that node.
#[derive(Clone, Default)]
pub(crate) struct Inventory(Arc<Mutex<Vec<Target>>>);

impl Inventory {
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let new = Self::default();
        new.set(names.into_iter().map(target));
        new
    }

    pub(crate) fn set(&self, targets: impl IntoIterator<Item = Target>) {
        *self.0.lock().unwrap() = targets.into_iter().collect();
    }

    pub(crate) fn get(&self) -> Vec<Target> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) fn target(name: &str) -> Target {
    Target::new(node(name), Endpoint::default())
}

#[async_trait]
impl TargetResolver for Inventory {
    async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, TargetError> {
        let wanted = expression.as_str();
        let found = self.get().into_iter().filter(|one| wanted == "all" || one.node.as_str() == wanted);
        let found: Vec<Target> = found.collect();
        if found.is_empty() {
            return Err(ValidationError::of("targets", format!("{wanted} is in no inventory")).into());
        }
        Ok(found)
    }
}

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) inventory: Inventory,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) transport: ScriptedTransport,
    pub(crate) clock: Arc<ManualClock>,
}

impl Bench {
    pub(crate) async fn new(names: &[&str]) -> Self {
        Self::judged_by(names, Arc::new(AllowAll)).await
    }

    pub(crate) async fn judged_by(names: &[&str], authorizer: Arc<dyn Authorizer>) -> Self {
        let inventory = Inventory::of(names.iter().copied());
        Self::on(inventory, ScriptedTransport::new(), authorizer, EngineLimits::default()).await
    }

    pub(crate) async fn on(
        inventory: Inventory,
        transport: ScriptedTransport,
        authorizer: Arc<dyn Authorizer>,
        limits: EngineLimits,
    ) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::default()));
        let engine = Engine::builder()
            .store(store.clone())
            .journal(store.clone())
            .breakers(store.clone())
            .plans(store.clone())
            .transport(Arc::new(transport.clone()))
            .transport(Arc::new(ScriptedTransport::new().named("other")))
            .resolver(Arc::new(inventory.clone()))
            .authorizer(authorizer)
            .clock(clock.clone())
            .limits(limits)
            .build()
            .await
            .unwrap();
        Self { engine, inventory, store, transport, clock }
    }

    pub(crate) async fn plan(&self, request: ExecutionRequest) -> ExecutionPreview {
        self.engine.preview(ann(), request, serde_json::Value::Null).await.unwrap()
    }

    pub(crate) async fn hash(&self, request: &ExecutionRequest) -> PlanHash {
        self.plan(request.clone()).await.hash
    }

    pub(crate) async fn apply(&self, hash: PlanHash) -> Result<pabawi_domain::id::ExecutionId, PlanError> {
        self.engine.apply(ann(), hash, ApplyOptions::default()).await
    }

    pub(crate) async fn changes(&self, hash: PlanHash) -> Vec<PlanChange> {
        match self.apply(hash).await.unwrap_err() {
            PlanError::Changed { changes, .. } => changes,
            other => panic!("{other}"),
        }
    }

    /// Nothing was recorded, connected or started.
    pub(crate) async fn assert_untouched(&self) {
        assert!(self.transport.started().is_empty());
        for target in self.inventory.get() {
            assert_eq!(self.transport.counts(&target.node).connects, 0);
        }
        assert!(self.store.executions(&ExecutionQuery::default()).await.unwrap().items.is_empty());
    }
}

pub(crate) fn rolling(waves: &[Share]) -> ExecutionRequest {
    let mut request = command("all");
    request.rollout.mode = Mode::Rolling(Rolling { waves: waves.to_vec(), pause_ms: 0, health_check: None });
    request
}

pub(crate) fn nodes(names: &[&str]) -> Vec<NodeId> {
    names.iter().copied().map(node).collect()
}
