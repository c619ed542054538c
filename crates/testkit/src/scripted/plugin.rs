//! A plugin whose tool plays a script for each node. Main type: [`ScriptedPlugin`]. It writes down how it was called.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::journal::Journalling;
use pabawi_domain::node::Node;
use pabawi_domain::ports::{
    CapabilityCall, FactProvider, InventorySource, Peers, Plugin, PluginCall, PluginError, PluginHealth,
    PluginJournal, PluginMetadata, PluginMethods, PluginRun, RunningAction, SessionInfo,
};
use serde_json::{Map, Value, json};

use super::counts::{Counts, NodeCounts};
use super::gate::Gate;
use super::running::ScriptedSession;
use super::script::NodeScript;
use super::sources::{ScriptedFacts, ScriptedInventory};

/// How a scripted plugin answers a call.
#[derive(Debug, Clone)]
pub enum Conduct {
    /// As it should.
    Good,
    /// As it should, after this time.
    Slow(Duration),
    /// As it should, once the gate is open.
    Gated(Gate),
    /// With an error that has a stack.
    Fails(ErrorCode),
    /// With an error of this text, which is its stack too.
    Says(ErrorCode, String),
    /// It panics.
    Panics,
    /// It never answers.
    Hangs,
    /// Runs only: without the last nodes, so many of them.
    LeavesOut(usize),
    /// Runs only: with a node that was not asked for.
    Adds(NodeId),
    /// Runs only: with the first node twice and without the last.
    Doubles,
}

impl Conduct {
    #[expect(clippy::panic, reason = "the script asks for a fault of the plugin")]
    pub(super) async fn play(&self, plugin: &PluginName) -> Result<(), PluginError> {
        match self {
            Self::Slow(time) => tokio::time::sleep(*time).await,
            Self::Gated(gate) => gate.passed().await,
            Self::Fails(code) => {
                return Err(PluginError {
                    plugin: plugin.clone(),
                    code: *code,
                    message: "scripted failure of the plugin".to_owned(),
                    stack: Some("at scripted.rb:7".to_owned()),
                });
            }
            Self::Says(code, message) => {
                let stack = Some(message.clone());
                return Err(PluginError {
                    plugin: plugin.clone(),
                    code: *code,
                    message: message.clone(),
                    stack,
                });
            }
            Self::Panics => panic!("scripted panic of the plugin"),
            Self::Hangs => std::future::pending().await,
            _ => {}
        }
        Ok(())
    }
}

/// One call of [`Plugin::run`].
#[derive(Debug, Clone)]
pub struct ScriptedRun {
    /// As it was called.
    pub run: PluginRun,
}

impl ScriptedRun {
    /// Names of its nodes, in their order.
    #[must_use]
    pub fn nodes(&self) -> Vec<&str> {
        self.run.targets.iter().map(|target| target.node.as_str()).collect()
    }
}

/// A plugin that plays scripts. Cloning it gives the same plugin.
#[derive(Debug, Clone)]
pub struct ScriptedPlugin {
    metadata: PluginMetadata,
    capabilities: Vec<Capability>,
    config_schema: Option<Value>,
    ends_single_nodes: bool,
    initialize: Conduct,
    shutdown: Conduct,
    methods: PluginMethods,
    inventory: Option<ScriptedInventory>,
    facts: Option<ScriptedFacts>,
    /// How it answers when it is asked for these two and for how it ends, before which it sleeps so long.
    offers: (Conduct, Duration),
    capabilities_after: Duration,
    asks: Option<CapabilityCall>,
    journalling: Journalling,
    scripts: HashMap<NodeId, Arc<NodeScript>>,
    default: Arc<NodeScript>,
    counts: Arc<Counts>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    conducts: VecDeque<Conduct>,
    health: Option<(PluginHealth, Option<Conduct>)>,
    runs: Vec<ScriptedRun>,
    calls: Vec<String>,
    configs: Vec<Value>,
    running_at_shutdown: Option<u64>,
    asked: Vec<PluginCall>,
    answers: VecDeque<Result<Value, Conduct>>,
    peers: Option<Peer>,
    journal: Option<Book>,
}

/// The journal, which cannot be shown.
#[derive(Clone)]
struct Book(Arc<dyn PluginJournal>);

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Book")
    }
}

/// The others, which cannot be shown.
#[derive(Clone)]
struct Peer(Arc<dyn Peers>);

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peer")
    }
}

/// A capability for an action of that kind that takes any parameters.
#[must_use]
pub fn capability(kind: ActionKind) -> Capability {
    Capability {
        name: kind.capability().to_owned(),
        description: format!("Does a {kind}"),
        parameters: json!({"type": "object"}),
        result: None,
        required_permissions: vec![kind.capability().to_owned()],
        risk: RiskLevel::Execute,
        sensitive: Vec::new(),
        commands: Vec::new(),
        idempotent: false,
        timeout_ms: None,
    }
}

impl ScriptedPlugin {
    /// A plugin of that name that has the capability `task.execute`, and whose tool succeeds everywhere at once.
    #[must_use]
    pub fn new(name: PluginName) -> Self {
        let metadata = PluginMetadata {
            name,
            version: "1.0.0".to_owned(),
            description: "Plays scripts".to_owned(),
            priority: 0,
            depends_on: Vec::new(),
        };
        Self {
            metadata,
            capabilities: vec![capability(ActionKind::Task)],
            config_schema: None,
            ends_single_nodes: true,
            initialize: Conduct::Good,
            shutdown: Conduct::Good,
            methods: PluginMethods::default(),
            inventory: None,
            facts: None,
            offers: (Conduct::Good, Duration::ZERO),
            capabilities_after: Duration::ZERO,
            asks: None,
            journalling: Journalling::default(),
            scripts: HashMap::new(),
            default: Arc::default(),
            counts: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// Its priority among those that can do the same.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.metadata.priority = priority;
        self
    }

    /// Plugins that have to be ready before it.
    #[must_use]
    pub fn depends_on(mut self, others: impl IntoIterator<Item = PluginName>) -> Self {
        self.metadata.depends_on = others.into_iter().collect();
        self
    }

    /// What it can do.
    #[must_use]
    pub fn capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities = capabilities.into_iter().collect();
        self
    }

    /// JSON Schema of its configuration.
    #[must_use]
    pub fn config_schema(mut self, schema: Value) -> Self {
        self.config_schema = Some(schema);
        self
    }

    /// Its tool cannot be ended on one node alone.
    #[must_use]
    pub fn ends_all_nodes_together(mut self) -> Self {
        self.ends_single_nodes = false;
        self
    }

    /// How it gets ready.
    #[must_use]
    pub fn initializes(mut self, conduct: Conduct) -> Self {
        self.initialize = conduct;
        self
    }

    /// How it lets go.
    #[must_use]
    pub fn shuts_down(mut self, conduct: Conduct) -> Self {
        self.shutdown = conduct;
        self
    }

    /// Which of its optional methods it says to have.
    #[must_use]
    pub fn methods(mut self, methods: PluginMethods) -> Self {
        self.methods = methods;
        self
    }

    /// A source of these nodes, which answers like this.
    #[must_use]
    pub fn lists(mut self, nodes: impl IntoIterator<Item = Node>, conduct: Conduct) -> Self {
        let (plugin, nodes) = (self.metadata.name.clone(), nodes.into_iter().collect());
        self.inventory = Some(ScriptedInventory { plugin, nodes, conduct, fetches: Arc::default() });
        self
    }

    /// A provider of these facts, which answers like this.
    #[must_use]
    pub fn knows(mut self, facts: Map<String, Value>, conduct: Conduct) -> Self {
        self.facts = Some(ScriptedFacts { plugin: self.metadata.name.clone(), facts, conduct });
        self
    }

    /// It answers every call with what another plugin says to this one.
    #[must_use]
    pub fn asks_a_peer(mut self, call: CapabilityCall) -> Self {
        self.asks = Some(call);
        self
    }

    /// What it wishes of the journal.
    #[must_use]
    pub fn journalling(mut self, journalling: Journalling) -> Self {
        self.journalling = journalling;
        self
    }

    /// It panics when it is asked what it has and how it ends.
    #[must_use]
    pub fn panics_when_asked(mut self) -> Self {
        self.offers = (Conduct::Panics, Duration::ZERO);
        self
    }

    /// It blocks the thread for this real time when it is asked what it can do.
    #[must_use]
    pub fn blocks_when_asked_about_itself(mut self, time: Duration) -> Self {
        self.capabilities_after = time;
        self
    }

    /// It blocks the thread for this real time when it is asked what it has and how it ends.
    #[must_use]
    pub fn blocks_when_asked(mut self, time: Duration) -> Self {
        self.offers = (Conduct::Good, time);
        self
    }

    /// The script of every node that has none of its own.
    #[must_use]
    pub fn default_script(mut self, script: NodeScript) -> Self {
        self.default = Arc::new(script);
        self
    }

    /// The script of one node.
    #[must_use]
    pub fn node(mut self, node: &NodeId, script: NodeScript) -> Self {
        self.scripts.insert(node.clone(), Arc::new(script));
        self
    }

    /// The journal that it was handed.
    #[must_use]
    pub fn journal(&self) -> Option<Arc<dyn PluginJournal>> {
        self.seen().journal.clone().map(|Book(journal)| journal)
    }

    /// How the next run that has no conduct yet answers; those after the last are good.
    pub fn next_run(&self, conduct: Conduct) {
        self.seen().conducts.push_back(conduct);
    }

    /// What the next call that has no answer yet is answered with; those after the last with `null`.
    pub fn next_answer(&self, answer: Value) {
        self.seen().answers.push_back(Ok(answer));
    }

    /// How the next call that has no answer yet is answered instead.
    pub fn next_call(&self, conduct: Conduct) {
        self.seen().answers.push_back(Err(conduct));
    }

    /// Calls of capabilities so far.
    #[must_use]
    pub fn asked_for(&self) -> Vec<PluginCall> {
        self.seen().asked.clone()
    }

    /// What it says from now on when it is asked how it is.
    pub fn set_health(&self, health: PluginHealth) {
        self.seen().health = Some((health, None));
    }

    /// How it behaves from now on before it says how it is.
    pub fn health_conduct(&self, conduct: Conduct) {
        let seen = &mut *self.seen();
        let health = seen.health.take().map_or(PluginHealth::Healthy, |(health, _)| health);
        seen.health = Some((health, Some(conduct)));
    }

    /// Calls of run so far.
    #[must_use]
    pub fn runs(&self) -> Vec<ScriptedRun> {
        self.seen().runs.clone()
    }

    /// Names of the other methods that were called, in order: `initialize`, `health`, `shutdown`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.seen().calls.clone()
    }

    /// The configurations it was initialized with.
    #[must_use]
    pub fn configs(&self) -> Vec<Value> {
        self.seen().configs.clone()
    }

    /// What was asked of one node.
    #[must_use]
    pub fn counts(&self, node: &NodeId) -> NodeCounts {
        self.counts.node(node, |counts| counts.clone())
    }

    /// Nodes on which the tool works now.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.counts.running.now()
    }

    /// How often its source of nodes was asked.
    #[must_use]
    pub fn fetches(&self) -> u64 {
        self.inventory.as_ref().map_or(0, |inventory| inventory.fetches.load(Ordering::SeqCst))
    }

    /// Nodes on which the tool worked when it was shut down, once it was.
    #[must_use]
    pub fn running_at_shutdown(&self) -> Option<u64> {
        self.seen().running_at_shutdown
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::panic, reason = "the script asks for a fault of the plugin")]
    fn asked(&self) {
        std::thread::sleep(self.offers.1);
        if matches!(self.offers.0, Conduct::Panics) {
            panic!("scripted panic of the plugin");
        }
    }

    fn call(&self, name: &str) {
        self.seen().calls.push(name.to_owned());
    }

    fn begin(&self, node: &NodeId, run: &PluginRun) -> Result<Box<dyn RunningAction>, PluginError> {
        let session = ScriptedSession {
            node: node.clone(),
            script: Arc::clone(self.scripts.get(node).unwrap_or(&self.default)),
            counts: Arc::clone(&self.counts),
            info: SessionInfo::default(),
            latency: Duration::ZERO,
            held: self.counts.hold(|counts| &counts.sessions),
        };
        session.begin(Arc::clone(&run.action), false).map_err(|error| PluginError {
            plugin: self.metadata.name.clone(),
            code: error.error.code,
            message: error.error.message,
            stack: None,
        })
    }
}

#[async_trait]
impl Plugin for ScriptedPlugin {
    fn metadata(&self) -> PluginMetadata {
        self.metadata.clone()
    }

    fn config_schema(&self) -> Option<Value> {
        self.config_schema.clone()
    }

    fn capabilities(&self) -> Vec<Capability> {
        std::thread::sleep(self.capabilities_after);
        self.capabilities.clone()
    }

    async fn initialize(&self, config: Value) -> Result<(), PluginError> {
        self.call("initialize");
        self.seen().configs.push(config);
        self.initialize.play(&self.metadata.name).await
    }

    async fn health(&self) -> PluginHealth {
        self.call("health");
        let scripted = self.seen().health.clone();
        let Some((health, conduct)) = scripted else { return PluginHealth::Healthy };
        if let Some(conduct) = conduct
            && let Err(error) = conduct.play(&self.metadata.name).await
        {
            return PluginHealth::Unhealthy { message: error.message };
        }
        health
    }

    async fn shutdown(&self) {
        self.call("shutdown");
        self.seen().running_at_shutdown = Some(self.running());
        // A shutdown has no error to return.
        let _ = self.shutdown.play(&self.metadata.name).await;
    }

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let conduct = {
            let mut seen = self.seen();
            seen.runs.push(ScriptedRun { run: run.clone() });
            seen.conducts.pop_front().unwrap_or(Conduct::Good)
        };
        conduct.play(&self.metadata.name).await?;
        let mut nodes: Vec<NodeId> = run.targets.iter().map(|target| target.node.clone()).collect();
        match conduct {
            Conduct::LeavesOut(many) => nodes.truncate(nodes.len().saturating_sub(many)),
            Conduct::Adds(node) => nodes.push(node),
            Conduct::Doubles => {
                nodes.pop();
                nodes.extend(nodes.first().cloned());
            }
            _ => {}
        }
        nodes.into_iter().map(|node| Ok((node.clone(), self.begin(&node, &run)?))).collect()
    }

    fn journalling(&self) -> Journalling {
        self.journalling.clone()
    }

    fn keep_journal(&self, journal: Arc<dyn PluginJournal>) {
        self.seen().journal = Some(Book(journal));
    }

    fn meet(&self, peers: Arc<dyn Peers>) {
        self.seen().peers = Some(Peer(peers));
    }

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let peers = self.seen().peers.clone();
        if let (Some(asks), Some(Peer(peers))) = (&self.asks, peers) {
            let caller = call.caller.clone();
            self.seen().asked.push(call);
            return peers.call(&caller, asks.clone()).await;
        }
        let answer = {
            let mut seen = self.seen();
            seen.asked.push(call);
            seen.answers.pop_front().unwrap_or(Ok(Value::Null))
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(conduct) => conduct.play(&self.metadata.name).await.map(|()| Value::Null),
        }
    }

    fn methods(&self) -> PluginMethods {
        self.methods
    }

    fn ends_single_nodes(&self, _: ActionKind) -> bool {
        self.ends_single_nodes
    }

    fn inventory(&self) -> Option<Arc<dyn InventorySource>> {
        self.asked();
        Some(Arc::new(self.inventory.clone()?))
    }

    fn facts(&self) -> Option<Arc<dyn FactProvider>> {
        Some(Arc::new(self.facts.clone()?))
    }
}
