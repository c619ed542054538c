//! The command policy: which commands may be run at all, whoever asks and whatever runs them (R6.6, R9.6).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::action::{
    Action, ActionKind, CommandAction, EnvValue, ScriptAction, ToolAction, UploadAction,
};
use pabawi_domain::capability::Capability;
use pabawi_domain::command_policy::{CommandPolicy, MatchMode};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::journal::{JournalEntry, JournalQuery};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::{
    CapabilityCall, GraphStore as _, JournalStore as _, Plugin, PluginMethods, RunningTool, ToolCommand,
    ToolEnd, ToolError, ToolOutput, ToolRunner,
};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::rollout::{HealthCheck, Mode, Rolling, Rollout};
use pabawi_domain::task::NewGraphRun;
use pabawi_engine::{
    AllowAll, Engine, Graphs, RerunOptions, RerunSelection, ResumeOptions, SubmitError, parse_graph,
};
use pabawi_plugins::external::ExternalPlugin;
use pabawi_plugins::host::PluginHost;
use pabawi_plugins::v1::{V1Adapter, V1Settings};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{ScriptedPlugin, ScriptedTransport, capability};
use pabawi_testkit::v1::{V1Conduct, V1Object, success};
use serde_json::{Value, json};

use crate::support::{Names, ann, name, node, settle};

fn policy(whitelist: &[&str]) -> CommandPolicy {
    CommandPolicy {
        allow_all: false,
        whitelist: whitelist.iter().map(|entry| (*entry).to_owned()).collect(),
        match_mode: MatchMode::Prefix,
        allow_scripts: false,
    }
}

/// An engine on a store that may have been used without a policy.
async fn engine(store: &Arc<MemoryStore>, policy: Option<CommandPolicy>) -> Engine {
    let modules = Capability { commands: vec!["/arguments/cmd".to_owned()], ..capability(ActionKind::Task) };
    let plugin =
        ScriptedPlugin::new(name("ansible")).capabilities([modules, capability(ActionKind::Command)]);
    hosting(store, policy, Arc::new(plugin), Value::Null).await.0
}

/// An engine with a plugin, and the plugin's host.
async fn hosting(
    store: &Arc<MemoryStore>,
    policy: Option<CommandPolicy>,
    plugin: Arc<dyn Plugin>,
    config: Value,
) -> (Engine, PluginHost) {
    let clock = Arc::new(ManualClock::default());
    let mut registering = PluginHost::builder(clock.clone());
    registering.plugin(plugin, config).unwrap();
    let host = registering.start().await;
    let mut engine = Engine::builder()
        .store(store.clone())
        .journal(store.clone())
        .transport(Arc::new(ScriptedTransport::new().named("ssh")))
        .tools(host.router())
        .resolver(Arc::new(Names))
        .authorizer(Arc::new(AllowAll))
        .clock(clock);
    for transport in host.transports() {
        engine = engine.transport(Arc::clone(transport));
    }
    if let Some(policy) = policy {
        engine = engine.command_policy(policy);
    }
    let engine = engine.build().await.unwrap();
    host.open_calls(Arc::new(engine.call_gate()));
    (engine, host)
}

fn request(action: Action) -> ExecutionRequest {
    ExecutionRequest::new(action, TargetExpression::new("web1"))
}

fn command(text: &str) -> Action {
    Action::Command(CommandAction::new(text))
}

fn module(cmd: &str) -> Action {
    let mut tool = ToolAction { name: "shell".to_owned(), ..ToolAction::default() };
    tool.parameters.insert("arguments".to_owned(), json!({"cmd": cmd}));
    Action::Task(tool)
}

fn script() -> Action {
    Action::Script(ScriptAction {
        name: "x.sh".to_owned(),
        content: b"uptime".to_vec().into(),
        interpreter: None,
        arguments: Vec::new(),
        process: Default::default(),
    })
}

async fn refused(engine: &Engine, request: ExecutionRequest) -> String {
    let error = engine.submit(ann(), request).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::CommandNotAllowed, "{error}");
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn commands_are_held_against_the_list_whatever_runs_them() {
    let engine = engine(&Arc::new(MemoryStore::new()), Some(policy(&["uptime", "df -h"]))).await;
    for allowed in ["uptime", " uptime -p ", "df -h /"] {
        engine.execute(ann(), request(command(allowed))).await.unwrap();
        engine.execute(ann(), request(module(allowed))).await.unwrap();
    }
    for bad in ["uptimes", "reboot", "uptime; reboot", "df -h $(reboot)", "uptime\nreboot"] {
        let text = refused(&engine, request(command(bad))).await;
        assert!(text.starts_with(&format!("Command not allowed: {bad}: Command does not match")), "{text}");
        let mut by_tool = request(command(bad));
        by_tool.transport = Some(name("ansible"));
        refused(&engine, by_tool).await;
        refused(&engine, request(module(bad))).await;
    }
    let mut with_variable = command("uptime");
    let process = with_variable.process_mut().unwrap();
    process.env.insert("LD_PRELOAD".to_owned(), EnvValue::from("/tmp/x.so"));
    let copy =
        UploadAction { source: "/etc/hosts".into(), destination: "/usr/bin/uptime".to_owned(), mode: None };
    for walks_around in [script(), Action::Upload(copy), with_variable] {
        let text = refused(&engine, request(walks_around)).await;
        assert!(text.contains("the policy has to allow scripts for it"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_may_be_allowed_but_for_what_means_something_to_a_shell() {
    let all = CommandPolicy { allow_all: true, ..policy(&[]) };
    let engine = engine(&Arc::new(MemoryStore::new()), Some(all)).await;
    engine.execute(ann(), request(command("reboot now"))).await.unwrap();
    engine.execute(ann(), request(script())).await.unwrap();
    refused(&engine, request(command("reboot | cat"))).await;
    refused(&engine, request(command("-rf"))).await;
}

/// A refusal stands in the journal of its nodes like any other denial.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_journalled() {
    let store = Arc::new(MemoryStore::new());
    let engine = engine(&store, Some(policy(&["uptime"]))).await;
    refused(&engine, request(command("reboot"))).await;
    settle().await;
    let page = store.journal(&JournalQuery::default()).await.unwrap();
    let entry = &page.items[0].entry;
    assert_eq!((entry.node.as_str(), entry.event_type.as_str()), ("web1", "execution_denied"));
    assert_eq!((entry.user.as_deref(), entry.action.as_str()), (Some("ann"), "reboot"));
    assert!(entry.summary.contains("Command not allowed: reboot"), "{entry:?}");
}

/// A call of `shell.run` about `web1`.
fn call(parameters: Value) -> CapabilityCall {
    let Value::Object(parameters) = parameters else { panic!("no parameters") };
    let nodes = vec![node("web1")];
    CapabilityCall { capability: "shell.run".to_owned(), parameters, nodes, ..CapabilityCall::default() }
}

async fn refused_call(host: &PluginHost, parameters: Value) -> String {
    let error = host.call(&ann(), call(parameters)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::CommandNotAllowed, "{error}");
    error.to_string()
}

/// What is called is held against the list as what is run, by the words for both, and stands in the journal; who asks is not
/// asked about then.
#[tokio::test(start_paused = true)]
async fn calls_are_held_against_the_list() {
    let shell = Capability {
        name: "shell.run".to_owned(),
        commands: vec!["/cmd".to_owned(), "/hook/argv".to_owned()],
        sensitive: vec!["/hook".to_owned()],
        ..capability(ActionKind::Task)
    };
    let plugin = ScriptedPlugin::new(name("shells"))
        .capabilities([shell])
        .methods(PluginMethods { run: false, call: true });
    let store = Arc::new(MemoryStore::new());
    let (engine, host) =
        hosting(&store, Some(policy(&["uptime"])), Arc::new(plugin.clone()), Value::Null).await;
    host.call(&ann(), call(json!({"cmd": "uptime -p", "other": "reboot"}))).await.unwrap();
    let by_call = refused_call(&host, json!({"cmd": "reboot"})).await;
    assert_eq!(by_call, refused(&engine, request(command("reboot"))).await);
    let secret = refused_call(&host, json!({"hook": {"argv": ["rm", "hunter2"]}})).await;
    assert!(secret.starts_with("Command not allowed: ***: ") && !secret.contains("hunter2"), "{secret}");
    assert_eq!(plugin.asked_for().len(), 1, "nobody is called");
    settle().await;
    let page = store.journal(&JournalQuery::default()).await.unwrap();
    let calls = page.items.iter().filter(|item| item.entry.event_type == "call_denied");
    let told: Vec<_> = calls
        .map(|JournalEntry { entry, .. }| {
            (entry.node.as_str(), entry.user.as_deref(), entry.summary.as_str())
        })
        .collect();
    assert_eq!(told, [("web1", Some("ann"), secret.as_str()), ("web1", Some("ann"), by_call.as_str())]);
}

/// Answers `null` to everything, and counts.
#[derive(Default)]
struct Answers(AtomicUsize);

#[async_trait]
impl ToolRunner for Answers {
    async fn run(&self, _: ToolCommand) -> Result<ToolOutput, ToolError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let stdout = r#"{"result": null}"#.into();
        Ok(ToolOutput { end: ToolEnd::Exited(0), stdout, stderr: Vec::new().into() })
    }

    async fn start(&self, _: ToolCommand) -> Result<Box<dyn RunningTool>, ToolError> {
        panic!("nothing is run")
    }
}

/// A program, or a table of functions, says in its description which of its parameters are command lines.
#[tokio::test(start_paused = true)]
async fn what_programs_say_are_command_lines_is_held_against_the_list() {
    let of = |capability: &str| {
        json!({"name": capability, "description": "Runs", "parameters": {"type": "object"}, "risk": "execute",
               "requiredPermissions": [], "commands": ["/cmd"]})
    };
    let description = json!({"name": "shells", "version": "1", "description": "Shells",
                             "capabilities": [of("task.execute"), of("shell.run")]});
    let answers = Arc::new(Answers::default());
    let plugin = ExternalPlugin::hosted(description, &["run", "call"], answers.clone()).unwrap();
    let store = Arc::new(MemoryStore::new());
    let (engine, host) = hosting(&store, Some(policy(&["uptime"])), Arc::new(plugin), json!({})).await;
    refused_call(&host, json!({"cmd": "reboot"})).await;
    let mut task = ToolAction { name: "run".to_owned(), ..ToolAction::default() };
    task.parameters.insert("cmd".to_owned(), json!("reboot"));
    refused(&engine, request(Action::Task(task))).await;
    assert_eq!(answers.0.load(Ordering::SeqCst), 0, "nobody is asked");
    assert_eq!(host.call(&ann(), call(json!({"cmd": "uptime"}))).await.unwrap(), Value::Null);
}

/// Tasks and plans of plugins of v1.x have their command lines where those of Bolt and Ansible have them.
#[tokio::test(start_paused = true)]
async fn what_plugins_of_v1_run_is_held_against_the_list() {
    let list = json!([{"name": "command"}, {"name": "task"}, {"name": "plan"}]);
    let done = V1Conduct::Returns(success("web1", "done"));
    let object = V1Object::new("old", "execution")
        .on("listCapabilities", V1Conduct::Returns(list))
        .on("executeAction", done);
    let adapter =
        V1Adapter::adopt(Arc::new(object.clone()), Value::Null, V1Settings::default()).await.unwrap();
    let (config, store) = (adapter.config(), Arc::new(MemoryStore::new()));
    let (engine, _host) = hosting(&store, Some(policy(&["uptime"])), Arc::new(adapter), config).await;
    let tool = |parameters: &Value| {
        let Value::Object(parameters) = parameters.clone() else { panic!("no parameters") };
        ToolAction { name: "exec".to_owned(), parameters, ..ToolAction::default() }
    };
    let by_old = |action| ExecutionRequest { transport: Some(name("old")), ..request(action) };
    let line = json!({"command": "reboot"});
    for parameters in
        [&line, &json!({"arguments": {"cmd": "reboot"}}), &json!({"arguments": {"argv": ["reboot"]}})]
    {
        refused(&engine, request(Action::Task(tool(parameters)))).await;
    }
    refused(&engine, request(Action::Plan(tool(&line)))).await;
    refused(&engine, by_old(command("reboot"))).await;
    assert!(object.calls_of("executeAction").is_empty(), "nothing is run");
    for allowed in [
        request(Action::Task(tool(&json!({"command": "uptime"})))),
        request(Action::Plan(tool(&json!({"command": "uptime"})))),
        by_old(command("uptime")),
    ] {
        engine.execute(ann(), allowed).await.unwrap();
    }
    assert_eq!(object.calls_of("executeAction").len(), 3);
}

/// Health checks, reruns and plans are no way round.
#[tokio::test(start_paused = true)]
async fn there_is_no_way_round() {
    let store = Arc::new(MemoryStore::new());
    let free = engine(&store, None).await;
    let id = free.execute(ann(), request(command("reboot"))).await.unwrap().record.id;
    let guarded = engine(&store, Some(policy(&["uptime"]))).await;
    let again = guarded.rerun(ann(), id, RerunSelection::All, RerunOptions::default()).await;
    assert!(matches!(again, Err(SubmitError::CommandNotAllowed(_))), "{again:?}");
    let mut rolling = request(command("uptime"));
    let health_check =
        Some(HealthCheck { action: Box::new(command("reboot")), targets: None, timeout_ms: None });
    let waves = Rolling { waves: vec!["1".parse().unwrap()], pause_ms: 0, health_check };
    rolling.rollout = Rollout { mode: Mode::Rolling(waves), ..Rollout::default() };
    refused(&guarded, rolling).await;
}

/// A graph that is refused is in the journal of its nodes, when it is submitted and when it is gone on with.
#[tokio::test(start_paused = true)]
async fn a_graph_that_is_refused_is_journalled() {
    let store = Arc::new(MemoryStore::new());
    let graph = || {
        let task = |name: &str, targets: &str, command: &str| json!({"name": name, "targets": targets, "action": {"type": "command", "command": command}});
        let tasks = [task("one", "web1", "uptime"), task("two", "web1,web2", "reboot")];
        parse_graph("test", json!({"name": "g", "tasks": tasks}).to_string().as_bytes()).unwrap()
    };
    let id = "0198c0de-0000-7000-8000-000000000001".parse().unwrap();
    let left = graph().graph().clone();
    let new = NewGraphRun { id, caller: ann(), graph: left, submitted_at: Timestamp::UNIX_EPOCH };
    store.create_graph(new).await.unwrap();
    store.orphan_all();
    let graphs = Graphs::open(engine(&store, Some(policy(&["uptime"]))).await, store.clone()).await.unwrap();
    let submitted = graphs.submit(ann(), graph()).await.map(drop).unwrap_err();
    let resumed = graphs.resume(ann(), id, ResumeOptions::default()).await.map(drop).unwrap_err();
    for error in [submitted, resumed] {
        assert_eq!(error.code(), ErrorCode::CommandNotAllowed, "{error}");
    }
    settle().await;
    let page = store.journal(&JournalQuery::default()).await.unwrap();
    let told = |JournalEntry { entry, .. }: &JournalEntry| {
        assert!(entry.summary.contains("tasks[1].action.command: Command not allowed: reboot"), "{entry:?}");
        format!("{} {} {} {}", entry.node, entry.event_type, entry.action, entry.user.as_deref().unwrap())
    };
    let mut told: Vec<String> = page.items.iter().map(told).collect();
    told.sort();
    let (web1, web2) = ("web1 execution_denied graphs.run ann", "web2 execution_denied graphs.run ann");
    assert_eq!(told, [web1, web1, web2, web2]);
}
