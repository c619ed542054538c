//! The command policy: which commands may be run at all, whoever asks and whatever runs them (R6.6, R9.6).

use std::sync::Arc;

use pabawi_domain::action::{
    Action, ActionKind, CommandAction, EnvValue, ScriptAction, ToolAction, UploadAction,
};
use pabawi_domain::capability::Capability;
use pabawi_domain::command_policy::{CommandPolicy, MatchMode};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::journal::JournalQuery;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::JournalStore as _;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::rollout::{HealthCheck, Mode, Rolling, Rollout};
use pabawi_engine::{AllowAll, Engine, RerunOptions, RerunSelection, SubmitError};
use pabawi_plugins::host::PluginHost;
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{ScriptedPlugin, ScriptedTransport, capability};
use serde_json::{Value, json};

use crate::support::{Names, ann, name, settle};

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
    let clock = Arc::new(ManualClock::default());
    let modules = Capability { commands: vec!["/arguments/cmd".to_owned()], ..capability(ActionKind::Task) };
    let mut registering = PluginHost::builder(clock.clone());
    let plugin =
        ScriptedPlugin::new(name("ansible")).capabilities([modules, capability(ActionKind::Command)]);
    registering.plugin(Arc::new(plugin), Value::Null).unwrap();
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
    engine.build().await.unwrap()
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
