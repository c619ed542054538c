//! An engine with everything around it: [`Rig`]. Names of nodes are resolved by [`Names`], callers are judged by
//! [`Policy`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, GroupName, NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, Decision, ExecutionStore, TargetError, TargetResolver,
    TerminateMode,
};
use pabawi_domain::record::{ExecutionRecord, TargetQuery, TargetRecord};
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::validation::ValidationError;
use pabawi_engine::{AllowAll, Engine, EngineLimits, ExecutionOutcome, Subscription, SubscriptionMode};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::ScriptedTransport;

pub(crate) const GRACEFUL: TerminateMode = TerminateMode::Graceful { grace: Duration::from_secs(2) };

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn ann() -> Caller {
    Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust }
}

pub(crate) fn command(targets: &str) -> ExecutionRequest {
    ExecutionRequest::new(Action::Command(CommandAction::new("uptime")), TargetExpression::new(targets))
}

/// Understands `a,b,c` and `many*300` (`many0` to `many299`). Names that begin with `no-` are unknown;
/// `via-x` is reached by the transport `x`; `twice` is given two times; `a@dc1+site` is `a` in two groups.
pub(crate) struct Names;

#[async_trait]
impl TargetResolver for Names {
    async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, TargetError> {
        let mut faults = ValidationError::default();
        let mut targets = Vec::new();
        for word in expression.as_str().split(',') {
            if word.starts_with("no-") {
                faults.push("targets", format!("{word} is in no inventory"));
            } else if let Some((prefix, count)) = word.split_once('*') {
                let count: u32 = count.parse().unwrap();
                targets.extend((0..count).map(|number| target(&format!("{prefix}{number}"))));
            } else {
                targets.push(target(word));
                if word == "twice" {
                    targets.push(target(word));
                }
            }
        }
        faults.into_result()?;
        Ok(targets)
    }
}

fn target(word: &str) -> Target {
    let (name, groups) = word.split_once('@').unwrap_or((word, ""));
    let transport = name.strip_prefix("via-").map(|name| PluginName::new(name).unwrap());
    let groups = groups.split('+').filter(|group| !group.is_empty());
    let groups = groups.map(|group| GroupName::new(group).unwrap()).collect();
    Target { groups, ..Target::new(node(name), Endpoint { transport, ..Endpoint::default() }) }
}

/// What a [`Policy`] does when it is asked.
pub(crate) enum Answer {
    Allow,
    Deny,
    Fail,
    Hang,
    Panic,
}

/// An authorizer made of a function.
pub(crate) struct Policy<F>(pub(crate) F);

#[async_trait]
impl<F> Authorizer for Policy<F>
where
    F: Fn(&AuthorizationQuery<'_>) -> Answer + Send + Sync + 'static,
{
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        match (self.0)(query) {
            Answer::Allow => Ok(Decision::Allow),
            Answer::Deny => Ok(Decision::Deny { reason: "not yours".to_owned() }),
            Answer::Fail => Err(AuthorizerError("directory is down".to_owned())),
            Answer::Hang => std::future::pending().await,
            Answer::Panic => panic!("bug in the host"),
        }
    }
}

/// An engine and what it stands on.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) transport: ScriptedTransport,
    pub(crate) clock: Arc<ManualClock>,
}

impl Rig {
    pub(crate) async fn new(transport: ScriptedTransport) -> Self {
        Self::with(transport, EngineLimits::default()).await
    }

    pub(crate) async fn with(transport: ScriptedTransport, limits: EngineLimits) -> Self {
        Self::on(Arc::new(MemoryStore::new()), transport, limits).await
    }

    /// On a store that is there already.
    pub(crate) async fn on(
        store: Arc<MemoryStore>,
        transport: ScriptedTransport,
        limits: EngineLimits,
    ) -> Self {
        Self::judged_by(Arc::new(AllowAll), store, transport, limits).await
    }

    pub(crate) async fn judged_by(
        authorizer: Arc<dyn Authorizer>,
        store: Arc<MemoryStore>,
        transport: ScriptedTransport,
        limits: EngineLimits,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let engine = Engine::builder()
            .store(store.clone())
            .journal(store.clone())
            .breakers(store.clone())
            .transport(Arc::new(transport.clone()))
            .resolver(Arc::new(Names))
            .authorizer(authorizer)
            .clock(clock.clone())
            .limits(limits)
            .build()
            .await
            .unwrap();
        Self { engine, store, transport, clock }
    }

    pub(crate) async fn submit(&self, request: ExecutionRequest) -> ExecutionId {
        self.engine.submit(ann(), request).await.unwrap()
    }

    pub(crate) async fn execute(&self, request: ExecutionRequest) -> ExecutionOutcome {
        self.engine.execute(ann(), request).await.unwrap()
    }

    pub(crate) async fn wait(&self, id: ExecutionId) -> ExecutionOutcome {
        self.engine.wait(&ann(), id).await.unwrap()
    }

    pub(crate) async fn status(&self, id: ExecutionId) -> ExecutionRecord {
        self.engine.status(&ann(), id).await.unwrap()
    }

    pub(crate) async fn events(&self, id: ExecutionId) -> Events {
        Events(self.engine.events(&ann(), id, 1, SubscriptionMode::GapWhenSlow).await.unwrap())
    }

    /// Everything the store has of one target.
    pub(crate) async fn stored(&self, id: ExecutionId, name: &str) -> TargetRecord {
        let query = TargetQuery { nodes: vec![node(name)], ..TargetQuery::default() };
        self.store.targets(id, &query).await.unwrap().items.remove(0)
    }

    pub(crate) async fn outcome(&self, id: ExecutionId, name: &str) -> NodeOutcome {
        self.stored(id, name).await.result.unwrap()
    }
}

/// A subscription that tests read from.
pub(crate) struct Events(pub(crate) Subscription);

impl Events {
    /// All that is left, to the last event.
    pub(crate) async fn rest(&mut self) -> Vec<Arc<ExecutionEvent>> {
        let mut all = Vec::new();
        while let Some(batch) = self.0.next_batch(100).await.unwrap() {
            assert!(!batch.is_empty());
            all.extend(batch);
        }
        all
    }

    /// Reads on until an event that is wanted has come.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&EventKind) -> bool) {
        loop {
            let batch = self.0.next_batch(1).await.unwrap().expect("the event comes before the end");
            if batch.iter().any(|event| wanted(&event.kind)) {
                return;
            }
        }
    }

    pub(crate) async fn until_started(&mut self, name: &str) {
        self.until(|kind| matches!(kind, EventKind::NodeConnected { node, .. } if node.as_str() == name))
            .await;
    }

    pub(crate) async fn until_finished(&mut self, name: &str) {
        self.until(|kind| matches!(kind, EventKind::NodeFinished { node, .. } if node.as_str() == name))
            .await;
    }
}

/// Lets every other task of this one-threaded runtime do what it can without time passing.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
