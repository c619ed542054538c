//! An engine with plugins: [`Rig`].

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::action::{Action, ToolAction};
use pabawi_domain::id::{ExecutionId, NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, Decision, ExecutionStore, NodeSelection, Plugin,
    TargetError, TargetResolver, ToolRunStats,
};
use pabawi_domain::record::TargetQuery;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_engine::{AllowAll, Engine, EngineLimits, ExecutionOutcome};
use pabawi_plugins::host::{BuiltIn, HostSettings, PluginHost};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{ScriptedPlugin, ScriptedTransport};
use serde_json::Value;

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn name(text: &str) -> PluginName {
    PluginName::new(text).unwrap()
}

pub(crate) fn ann() -> Caller {
    Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust }
}

/// A plugin named `bolt`.
pub(crate) fn bolt() -> ScriptedPlugin {
    ScriptedPlugin::new(name("bolt"))
}

/// A tool task on these targets, so many at once.
pub(crate) fn task(targets: &str, concurrency: u32) -> ExecutionRequest {
    let tool = ToolAction { name: "package".to_owned(), ..ToolAction::default() };
    let mut request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new(targets));
    request.concurrency = Some(concurrency);
    request
}

/// What a tool task is to do.
pub(crate) fn tool(request: &mut ExecutionRequest) -> &mut ToolAction {
    request.action.tool_mut().unwrap()
}

/// Understands `a,b,c`, `many*300` (`many0` to `many299`) and `a@bolt` (a node whose endpoint names a transport).
pub(crate) struct Names;

#[async_trait]
impl TargetResolver for Names {
    async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, TargetError> {
        let target = |word: &str| {
            let (word, transport) =
                word.split_once('@').map_or((word, None), |(word, by)| (word, Some(name(by))));
            Target::new(node(word), Endpoint { transport, ..Endpoint::default() })
        };
        let mut targets = Vec::new();
        for word in expression.as_str().split(',') {
            match word.split_once('*') {
                Some((prefix, count)) => {
                    let count: u32 = count.parse().unwrap();
                    targets.extend((0..count).map(|number| target(&format!("{prefix}{number}"))));
                }
                None => targets.push(target(word)),
            }
        }
        Ok(targets)
    }
}

/// Says that expressions mean no nodes.
pub(crate) struct Selects;

#[async_trait]
impl NodeSelection for Selects {
    async fn select(&self, _: &TargetExpression) -> Result<Arc<HashSet<NodeId>>, TargetError> {
        Ok(Arc::default())
    }
}

/// Allows what is not in its list.
pub(crate) struct Forbids(pub(crate) &'static [&'static str]);

#[async_trait]
impl Authorizer for Forbids {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        if self.0.contains(&query.capability) {
            return Ok(Decision::Deny { reason: format!("{} is not yours", query.capability) });
        }
        Ok(Decision::Allow)
    }
}

/// Allows what is not to be done by this plugin or transport.
pub(crate) struct ForbidsBy(pub(crate) &'static str);

#[async_trait]
impl Authorizer for ForbidsBy {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        match query.plugin {
            Some(plugin) if plugin.as_str() == self.0 => Ok(Decision::Deny {
                reason: format!("{} of {:?} is not yours", query.capability, query.nodes),
            }),
            _ => Ok(Decision::Allow),
        }
    }
}

/// An engine with plugins.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) host: PluginHost,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Rig {
    pub(crate) async fn new(plugins: &[&ScriptedPlugin]) -> Self {
        Self::with(plugins, Arc::new(AllowAll), HostSettings::default()).await
    }

    pub(crate) async fn with(
        plugins: &[&ScriptedPlugin],
        authorizer: Arc<dyn Authorizer>,
        settings: HostSettings,
    ) -> Self {
        Self::over(Arc::new(MemoryStore::new()), plugins, authorizer, settings).await
    }

    /// On a store that another process may have left.
    pub(crate) async fn over(
        store: Arc<MemoryStore>,
        plugins: &[&ScriptedPlugin],
        authorizer: Arc<dyn Authorizer>,
        settings: HostSettings,
    ) -> Self {
        let of = |plugin: &&ScriptedPlugin| (Arc::new((*plugin).clone()) as Arc<dyn Plugin>, Value::Null);
        Self::hosting(store, plugins.iter().map(of).collect(), authorizer, settings).await
    }

    /// With any plugins, each with its configuration.
    pub(crate) async fn hosting(
        store: Arc<MemoryStore>,
        plugins: Vec<(Arc<dyn Plugin>, Value)>,
        authorizer: Arc<dyn Authorizer>,
        settings: HostSettings,
    ) -> Self {
        Self::made(store, None, plugins, authorizer, settings).await
    }

    /// Beside a way to nodes called `ssh` that has the priority 50.
    pub(crate) async fn beside_ssh(store: Arc<MemoryStore>, plugins: &[&ScriptedPlugin]) -> Self {
        let of = |plugin: &&ScriptedPlugin| (Arc::new((*plugin).clone()) as Arc<dyn Plugin>, Value::Null);
        let ssh = Some(BuiltIn::new(name("ssh"), "1", "a way to nodes", 50));
        let (authorizer, settings) = (Arc::new(AllowAll), HostSettings::default());
        Self::made(store, ssh, plugins.iter().map(of).collect(), authorizer, settings).await
    }

    async fn made(
        store: Arc<MemoryStore>,
        built_in: Option<BuiltIn>,
        plugins: Vec<(Arc<dyn Plugin>, Value)>,
        authorizer: Arc<dyn Authorizer>,
        settings: HostSettings,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let mut registering = PluginHost::builder(clock.clone()).settings(settings);
        let transport = match &built_in {
            Some(_) => ScriptedTransport::new().named("ssh"),
            None => ScriptedTransport::new(),
        };
        if let Some(built_in) = built_in {
            registering.built_in(built_in).unwrap();
        }
        for (plugin, config) in plugins {
            registering.plugin(plugin, config).unwrap();
        }
        let host = registering.start().await;
        let mut engine = Engine::builder()
            .store(store.clone())
            .breakers(store.clone())
            .plans(store.clone())
            .transport(Arc::new(transport))
            .tools(host.router())
            .resolver(Arc::new(Names))
            .authorizer(authorizer)
            .clock(clock.clone())
            .limits(EngineLimits { max_node_runs: 2_000, ..EngineLimits::default() });
        for transport in host.transports() {
            engine = engine.transport(Arc::clone(transport));
        }
        let engine = engine.build().await.unwrap();
        host.open_calls(Arc::new(engine.call_gate()));
        Self { engine, host, store, clock }
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

    /// How a node's run ended.
    pub(crate) async fn outcome(&self, id: ExecutionId, name: &str) -> NodeOutcome {
        let query = TargetQuery { nodes: vec![node(name)], ..TargetQuery::default() };
        self.store.targets(id, &query).await.unwrap().items.remove(0).result.unwrap()
    }

    /// How often a plugin's tool was run.
    pub(crate) fn tool_runs(&self, plugin: &str) -> ToolRunStats {
        let runs = self.engine.stats().tool_runs;
        runs.into_iter().find(|(name, _)| name == plugin).unwrap().1
    }
}

/// Lets every other task of this one-threaded runtime do what it can without time passing.
pub(crate) async fn settle() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}
