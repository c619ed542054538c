//! Who may do what, by Pabawi's own tables: every capability of the registry, at every way in, for every role.

use std::collections::BTreeMap;
use std::sync::Arc;

use pabawi_domain::action::{
    Action, ActionKind, CommandAction, DownloadAction, ScriptAction, ToolAction, UploadAction,
};
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::{CapabilityCall, PluginMethods};
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_engine::{Engine, EngineLimits, RerunOptions, RerunSelection, SubmitError};
use pabawi_permissions::Permissions;
use pabawi_plugins::host::{BuiltIn, CallError, PluginHost};
use pabawi_store::pabawi_tables::PabawiTables;
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::pabawi_tables::pabawi_tables_file;
use pabawi_testkit::scripted::{ScriptedPlugin, ScriptedTransport, capability};
use serde_json::{Value, json};

use crate::support::{Names, Selects, name, node};

const ENTRY_POINTS: [EntryPoint; 6] = [
    EntryPoint::Rust,
    EntryPoint::Cli,
    EntryPoint::Node,
    EntryPoint::C,
    EntryPoint::Plugin,
    EntryPoint::Scheduled,
];

/// What each user may do with each plugin, as the table of roles in Pabawi's documents has it: `r` to read, `x` to execute,
/// `*` all. `local` and `chef` are no integrations of Pabawi, so that only administrators may use them.
const ROLES: [(&str, &[(&str, &str)]); 9] = [
    ("vera", &[("ssh", "r"), ("bolt", "r"), ("ansible", "r"), ("puppetdb", "r")]),
    ("omar", &[("ssh", "rx"), ("bolt", "rx"), ("ansible", "rx"), ("puppetdb", "r")]),
    ("gina", &[("ssh", "rx"), ("bolt", "rx"), ("ansible", "rx"), ("puppetdb", "r")]),
    ("paul", &[]),
    ("adam", &[("ssh", "rx"), ("bolt", "rx"), ("ansible", "rx"), ("puppetdb", "r")]),
    (
        "root",
        &[("ssh", "*"), ("bolt", "*"), ("ansible", "*"), ("puppetdb", "*"), ("local", "*"), ("chef", "*")],
    ),
    ("ines", &[]),
    ("nina", &[]),
    ("nobody", &[]),
];

fn may(user: &str, plugin: &str, letter: char) -> bool {
    let of_user = ROLES.iter().find(|(name, _)| *name == user).unwrap().1;
    let of_plugin = of_user.iter().find(|(name, _)| *name == plugin);
    of_plugin.is_some_and(|(_, letters)| letters.contains(letter) || *letters == "*")
}

fn reading(name: &str) -> Capability {
    Capability {
        name: name.to_owned(),
        parameters: json!({"type": "object"}),
        required_permissions: Vec::new(),
        risk: RiskLevel::Read,
        sensitive: Vec::new(),
        ..capability(ActionKind::Task)
    }
}

fn plugin(of: &str, runs: &[ActionKind], reads: &[&str]) -> ScriptedPlugin {
    let runs = runs.iter().map(|kind| capability(*kind));
    ScriptedPlugin::new(name(of))
        .capabilities(runs.chain(reads.iter().map(|one| reading(one))))
        .methods(PluginMethods { run: true, call: true })
}

struct Lab {
    engine: Engine,
    host: PluginHost,
    _directory: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pabawi.db");
        pabawi_tables_file(&file).unwrap();
        let clock = Arc::new(ManualClock::default());
        let mut registering = PluginHost::builder(clock.clone());
        for way in ["ssh", "local"] {
            registering.built_in(BuiltIn::new(name(way), "1", "a way to nodes", 0)).unwrap();
        }
        let tools = [ActionKind::Command, ActionKind::Script, ActionKind::Task, ActionKind::Package];
        let bolt =
            plugin("bolt", &[&tools[..], &[ActionKind::Plan]].concat(), &["task.list", "inventory.list"]);
        let ansible = plugin("ansible", &[&tools[..], &[ActionKind::Playbook]].concat(), &["playbook.list"]);
        let puppetdb = plugin("puppetdb", &[], &["reports.list", "events.list", "query.run"]);
        for one in [bolt, ansible, puppetdb, plugin("chef", &[ActionKind::Task], &["nodes.list"])] {
            registering.plugin(Arc::new(one), Value::Null).unwrap();
        }
        let host = registering.start().await;
        let permissions = Permissions::of_tables(Arc::new(PabawiTables::sqlite(file)));
        let authorizer = permissions.authorizer(Arc::new(Selects), clock.clone()).unwrap();
        let mut engine = Engine::builder()
            .store(Arc::new(MemoryStore::new()))
            .transport(Arc::new(ScriptedTransport::new().named("ssh")))
            .transport(Arc::new(ScriptedTransport::new().named("local")))
            .tools(host.router())
            .resolver(Arc::new(Names))
            .authorizer(Arc::new(authorizer))
            .clock(clock)
            .limits(EngineLimits::default());
        for transport in host.transports() {
            engine = engine.transport(Arc::clone(transport));
        }
        let engine = engine.build().await.unwrap();
        host.open_calls(Arc::new(engine.call_gate()));
        Self { engine, host, _directory: directory }
    }

    async fn submitted(
        &self,
        caller: Caller,
        plugin: &str,
        kind: ActionKind,
    ) -> Result<ExecutionId, SubmitError> {
        let mut request = ExecutionRequest::new(action(kind, plugin), TargetExpression::new("web1"));
        request.transport = Some(name(plugin));
        self.engine.submit(caller, request).await
    }

    /// Whether the caller was let through.
    async fn lets(&self, caller: Caller, plugin: &str, capability: &str) -> bool {
        match ActionKind::ALL.into_iter().find(|kind| kind.capability() == capability) {
            Some(kind) => match self.submitted(caller, plugin, kind).await {
                Ok(id) => {
                    self.engine.wait(&root(), id).await.unwrap();
                    true
                }
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::Denied, "{plugin} {capability}: {error}");
                    false
                }
            },
            None => {
                let call = CapabilityCall {
                    plugin: Some(name(plugin)),
                    capability: capability.to_owned(),
                    nodes: vec![node("web1")],
                    ..CapabilityCall::default()
                };
                match self.host.call(&caller, call).await {
                    Ok(_) => true,
                    Err(CallError::Denied { .. }) => false,
                    Err(other) => panic!("{plugin} {capability}: {other}"),
                }
            }
        }
    }
}

fn root() -> Caller {
    Caller { user: "root".to_owned(), entry_point: EntryPoint::Rust }
}

fn action(kind: ActionKind, plugin: &str) -> Action {
    let tool = || ToolAction { plugin: Some(name(plugin)), name: "x".to_owned(), ..ToolAction::default() };
    match kind {
        ActionKind::Command => Action::Command(CommandAction::new("true")),
        ActionKind::Script => Action::Script(ScriptAction {
            name: "x.sh".to_owned(),
            content: b"true".to_vec().into(),
            interpreter: None,
            arguments: Vec::new(),
            process: Default::default(),
        }),
        ActionKind::Upload => {
            let (source, destination) = ("/etc/hosts".into(), "/tmp/x".to_owned());
            Action::Upload(UploadAction { source, destination, mode: None })
        }
        ActionKind::Download => {
            Action::Download(DownloadAction { source: "/tmp/x".to_owned(), destination: "/tmp".into() })
        }
        ActionKind::Task => Action::Task(tool()),
        ActionKind::Playbook => Action::Playbook(tool()),
        ActionKind::Plan => Action::Plan(tool()),
        ActionKind::Package => Action::Package(tool()),
        other => panic!("{other} is not in the matrix"),
    }
}

/// R6.5, R6.6, R10.3: the cells are made of the registry; what is expected is Pabawi's table of roles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_capability_at_every_way_in_for_every_role() {
    let lab = Lab::new().await;
    let (mut cells, mut wrong) = (0, Vec::new());
    for provided in lab.host.capabilities() {
        let (plugin, capability) = (provided.plugin.as_str(), provided.capability.name.as_str());
        let letter = if provided.capability.risk == RiskLevel::Read { 'r' } else { 'x' };
        for (user, _) in ROLES {
            for entry_point in ENTRY_POINTS {
                let caller = Caller { user: user.to_owned(), entry_point };
                cells += 1;
                if lab.lets(caller, plugin, capability).await != may(user, plugin, letter) {
                    wrong.push(format!("{user} {entry_point:?} {capability} on {plugin}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells: {wrong:?}", wrong.len());
    assert!(cells >= 1_000, "{cells} cells");
}

/// R6.6: a rerun is no way round: what its caller may not do by themselves they may not do again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reruns_are_asked_about_like_anything_else() {
    let lab = Lab::new().await;
    let mut known: BTreeMap<&str, ExecutionId> = BTreeMap::new();
    for plugin in ["ssh", "local", "bolt", "ansible"] {
        let id = lab.submitted(root(), plugin, ActionKind::Command).await.unwrap();
        lab.engine.wait(&root(), id).await.unwrap();
        known.insert(plugin, id);
    }
    for (plugin, id) in known {
        for (user, _) in ROLES {
            for entry_point in ENTRY_POINTS {
                let caller = Caller { user: user.to_owned(), entry_point };
                let again = lab.engine.rerun(caller, id, RerunSelection::All, RerunOptions::default()).await;
                assert_eq!(
                    again.is_ok(),
                    may(user, plugin, 'x'),
                    "{user} {entry_point:?} {plugin}: {again:?}"
                );
            }
        }
    }
}
