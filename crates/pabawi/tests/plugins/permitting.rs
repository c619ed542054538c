//! Who may do what, by Pabawi's own tables: every capability of the registry, at every entry point and in every way in which
//! something comes to be run, for every role.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use pabawi_domain::action::{
    Action, ActionKind, CommandAction, DownloadAction, ScriptAction, ToolAction, UploadAction,
};
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::ports::{CapabilityCall, ExecutionStore as _, PluginMethods};
use pabawi_domain::record::NewExecution;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::task::{TaskDef, TaskGraph, TaskStatus, When};
use pabawi_engine::{
    ApplyOptions, Engine, EngineLimits, Graphs, RerunOptions, RerunSecrets, RerunSelection, check_graph,
};
use pabawi_permissions::Permissions;
use pabawi_plugins::host::{BuiltIn, CallError, PluginHost};
use pabawi_plugins::v1::{V1Adapter, V1Settings};
use pabawi_store::pabawi_tables::PabawiTables;
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::pabawi_tables::pabawi_tables_file;
use pabawi_testkit::scripted::{ScriptedPlugin, ScriptedTransport, capability};
use pabawi_testkit::v1::{V1Conduct, V1Object};
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

/// What each user may do with each plugin, as the table of roles in Pabawi's documents has it: `r` to read, `x` to execute, of
/// machines `l` lifecycle, `p` provision, `d` destroy, `a` admin, `*` all. `local` and `chef` are no integrations of Pabawi, so
/// that only administrators may use them.
const ROLES: [(&str, &[(&str, &str)]); 9] = [
    ("vera", &[("ssh", "r"), ("bolt", "r"), ("ansible", "r"), ("puppetdb", "r"), ("proxmox", "r")]),
    ("omar", &[("ssh", "rx"), ("bolt", "rx"), ("ansible", "rx"), ("puppetdb", "r"), ("proxmox", "rl")]),
    ("gina", &[("ssh", "rx"), ("bolt", "rx"), ("ansible", "rx"), ("puppetdb", "r"), ("proxmox", "rl")]),
    ("paul", &[("proxmox", "rlpd")]),
    ("adam", &[("ssh", "rx"), ("bolt", "rx"), ("ansible", "rx"), ("puppetdb", "r"), ("proxmox", "rlpda")]),
    (
        "root",
        &[
            ("ssh", "*"),
            ("bolt", "*"),
            ("ansible", "*"),
            ("puppetdb", "*"),
            ("local", "*"),
            ("chef", "*"),
            ("proxmox", "*"),
        ],
    ),
    ("ines", &[]),
    ("nina", &[]),
    ("nobody", &[]),
];

/// What machines of a cloud can be told by tasks of these names, and the letter that it takes.
const TOLD: [(&str, char); 4] = [("start", 'l'), ("restart", 'l'), ("terminate", 'd'), ("destroy_vm", 'a')];

/// What is run: by which plugin, what, and of tools under which name.
type What<'a> = (&'a str, ActionKind, &'a str);

fn may(user: &str, plugin: &str, letter: char) -> bool {
    let of_user = ROLES.iter().find(|(name, _)| *name == user).unwrap().1;
    // What is called so here has the permissions of Pabawi's.
    let plugin = if plugin == "v1-ssh" { "ssh" } else { plugin };
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

/// A plugin of v1.x that lists these.
async fn v1(of: &str, lists: Value) -> V1Adapter {
    let mut object = V1Object::new(of, "execution").on("listCapabilities", V1Conduct::Returns(lists));
    if of == "proxmox" {
        let provisions = json!([{"name": "vm", "operation": "create"}]);
        object = object.on("listProvisioningCapabilities", V1Conduct::Returns(provisions));
    }
    V1Adapter::adopt(Arc::new(object), Value::Null, V1Settings::default()).await.unwrap()
}

/// How something comes to be run.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// As it is asked for.
    Asked,
    /// As what an administrator ran, once more.
    Again,
    /// As what an administrator asked for, in a process that died before it began.
    Resumed,
    /// As the only task of a graph.
    Graph,
    /// As a plan that is applied.
    Planned,
}

const WAYS: [Way; 5] = [Way::Asked, Way::Again, Way::Resumed, Way::Graph, Way::Planned];

/// What came of a denial on one of these ways; any other error is a fault of the test.
fn denied(code: ErrorCode, error: &dyn std::fmt::Display) -> bool {
    assert!(matches!(code, ErrorCode::Denied | ErrorCode::PlanChanged), "{error}");
    false
}

struct Lab {
    engine: Engine,
    graphs: Graphs,
    store: Arc<MemoryStore>,
    /// Executions of an administrator by plugin and kind, to be run again.
    before: Mutex<BTreeMap<(String, &'static str, String), ExecutionId>>,
    next: AtomicU64,
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
        let told: Vec<Value> = TOLD.iter().map(|(name, _)| json!({"name": name})).collect();
        for one in [v1("ssh", json!([{"name": "command"}])).await, v1("proxmox", told.into()).await] {
            let config = one.config();
            registering.plugin(Arc::new(one), config).unwrap();
        }
        let host = registering.start().await;
        let permissions = Permissions::of_tables(Arc::new(PabawiTables::sqlite(file)));
        let authorizer = permissions.authorizer(Arc::new(Selects), clock.clone()).unwrap();
        let store = Arc::new(MemoryStore::new());
        let mut engine = Engine::builder()
            .store(store.clone())
            .plans(store.clone())
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
        let graphs = Graphs::open(engine.clone(), store.clone()).await.unwrap();
        let (before, next) = (Mutex::default(), AtomicU64::new(1));
        Self { engine, graphs, store, before, next, host, _directory: directory }
    }

    /// An execution that an administrator has run.
    async fn before(&self, what: What<'_>) -> ExecutionId {
        let (plugin, kind, name) = what;
        let key = (plugin.to_owned(), kind.capability(), name.to_owned());
        let known = self.before.lock().unwrap().get(&key).copied();
        if let Some(id) = known {
            return id;
        }
        let id = self.engine.submit(root(), request(what)).await.unwrap();
        self.engine.wait(&root(), id).await.unwrap();
        self.before.lock().unwrap().insert(key, id);
        id
    }

    /// An execution that an administrator has asked for, whose process died before anything was run.
    async fn interrupted(&self, what: What<'_>) -> ExecutionId {
        let id = ExecutionId::from_parts(self.next.fetch_add(1, Ordering::Relaxed), [7; 10]);
        let targets = vec![Target::new(node("web1"), Endpoint::default())];
        let request = request(what);
        let new = NewExecution {
            id,
            caller: root(),
            request,
            targets,
            plugins: BTreeSet::from([name(what.0)]),
            submitted_at: Timestamp::UNIX_EPOCH,
        };
        self.store.create(new).await.unwrap();
        // Nothing else runs now.
        self.store.orphan_all();
        id
    }

    /// Whether something is run for the caller.
    async fn runs(&self, caller: Caller, what: What<'_>, way: Way) -> bool {
        let submitted = match way {
            Way::Asked => self.engine.submit(caller, request(what)).await,
            Way::Again => {
                let id = self.before(what).await;
                self.engine.rerun(caller, id, RerunSelection::All, RerunOptions::default()).await
            }
            Way::Resumed => {
                let id = self.interrupted(what).await;
                let resumed = self.engine.resume(caller, id, false, RerunSecrets::default()).await;
                resumed.map(|resumed| resumed.id)
            }
            Way::Graph => return self.runs_graph(caller, request(what)).await,
            Way::Planned => return self.runs_plan(caller, request(what)).await,
        };
        match submitted {
            Ok(id) => self.ran(id).await,
            Err(error) => denied(error.code(), &error),
        }
    }

    async fn ran(&self, id: ExecutionId) -> bool {
        let summary = self.engine.wait(&root(), id).await.unwrap().summary;
        assert_eq!(summary.progress.succeeded, 1, "{summary:?}");
        true
    }

    async fn runs_graph(&self, caller: Caller, request: ExecutionRequest) -> bool {
        let task = TaskDef {
            name: "only".to_owned(),
            after: Vec::new(),
            when: When::default(),
            parameters: Default::default(),
            parameter_schema: None,
            request,
        };
        let graph = check_graph(TaskGraph { name: "g".to_owned(), tasks: vec![task] }).unwrap();
        let id = match self.graphs.submit(caller, graph).await {
            Ok((id, _events)) => id,
            Err(error) => return denied(error.code(), &error),
        };
        let task = self.graphs.wait(&root(), id).await.unwrap().tasks.remove(0);
        if task.status == TaskStatus::Completed {
            return true;
        }
        let reason = task.reason.unwrap_or_default();
        assert!(task.executions.is_empty() && reason.contains("denied: "), "{:?} {reason}", task.status);
        false
    }

    async fn runs_plan(&self, caller: Caller, request: ExecutionRequest) -> bool {
        let hash = match self.engine.preview(caller.clone(), request, Value::Null).await {
            Ok(plan) => plan.hash,
            Err(error) => return denied(error.code(), &error),
        };
        // The same plan is made by others.
        let options = ApplyOptions { again: true, ..ApplyOptions::default() };
        match self.engine.apply(caller, hash, options).await {
            Ok(id) => self.ran(id).await,
            Err(error) => denied(error.code(), &error),
        }
    }

    /// Whether the caller was let through.
    async fn lets(&self, caller: Caller, plugin: &str, capability: &str, tool: &str, way: Way) -> bool {
        match ActionKind::ALL.into_iter().find(|kind| kind.capability() == capability) {
            Some(kind) => self.runs(caller, (plugin, kind, tool), way).await,
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

fn request((plugin, kind, tool): What<'_>) -> ExecutionRequest {
    let mut request = ExecutionRequest::new(action(kind, plugin, tool), TargetExpression::new("web1"));
    request.transport = Some(name(plugin));
    request
}

fn root() -> Caller {
    Caller { user: "root".to_owned(), entry_point: EntryPoint::Rust }
}

fn action(kind: ActionKind, plugin: &str, tool: &str) -> Action {
    let of_tool =
        || ToolAction { plugin: Some(name(plugin)), name: tool.to_owned(), ..ToolAction::default() };
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
        ActionKind::Task => Action::Task(of_tool()),
        ActionKind::Playbook => Action::Playbook(of_tool()),
        ActionKind::Plan => Action::Plan(of_tool()),
        ActionKind::Package => Action::Package(of_tool()),
        other => panic!("{other} is not in the matrix"),
    }
}

/// R6.5, R6.6, R10.3: the cells are made of the registry; what is expected is Pabawi's table of roles. Reruns, resumes, graphs and
/// plans are no way round: what a caller may not do by themselves they may not do in these ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_capability_at_every_way_in_for_every_role() {
    let lab = Lab::new().await;
    let (mut cells, mut wrong) = (0, Vec::new());
    for provided in lab.host.capabilities() {
        let (plugin, capability) = (provided.plugin.as_str(), provided.capability.name.as_str());
        let reads = provided.capability.risk == RiskLevel::Read;
        // What only answers cannot be run again.
        let answers = reads || capability.starts_with("provision.");
        let ways = if answers { &WAYS[..1] } else { &WAYS[..] };
        let tools = match (plugin, capability) {
            ("proxmox", "task.execute") => &TOLD[..],
            (_, "provision.vm") => &[("", 'p')],
            _ if reads => &[("", 'r')],
            _ => &[("x", 'x')],
        };
        for (tool, letter) in tools {
            for (user, _) in ROLES {
                // Reruns, graphs and plans are for those who may run commands by some tool.
                let orders = may(user, "ssh", 'x');
                for entry_point in ENTRY_POINTS {
                    for way in ways {
                        let caller = Caller { user: user.to_owned(), entry_point };
                        let expected = may(user, plugin, *letter) && (orders || matches!(way, Way::Asked));
                        cells += 1;
                        if lab.lets(caller, plugin, capability, tool, *way).await != expected {
                            wrong.push(format!(
                                "{user} {entry_point:?} {capability} {tool} on {plugin}, {way:?}"
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells: {wrong:?}", wrong.len());
    assert!(cells >= 5_000, "{cells} cells");
}
