//! Requirement 11: what plugins do and tell in the node journal, through the facade.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use pabawi::journal::{
    EntryId, JournalEntry, JournalLevel, JournalQuery, JournalRetention, JournalSettings, Journalling,
    PluginEvent, PluginJournalSettings, Retention, RetentionLimit, TimelineQuery,
};
use pabawi::plugin::{Capability, CapabilityCall};
use pabawi::ports::PluginMethods;
use pabawi::ssh::SshSettings;
use pabawi::{
    Action, ActionKind, AllowAll, Caller, EntryPoint, ErrorCode, ExecutionRequest, Framework,
    FrameworkBuilder, NodeId, PluginName, TargetExpression, ToolAction,
};
use pabawi_testkit::scripted::{Conduct, NodeScript, ScriptedPlugin, capability};
use serde_json::{Value, json};

fn ann() -> Caller {
    Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust }
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn plugin(name: &str, capabilities: impl IntoIterator<Item = Capability>) -> ScriptedPlugin {
    ScriptedPlugin::new(PluginName::new(name).unwrap())
        .capabilities(capabilities)
        .methods(PluginMethods { run: true, call: true })
}

fn named(name: &str, read: bool) -> Capability {
    let like = capability(ActionKind::Task);
    let risk = if read { pabawi::plugin::RiskLevel::Read } else { like.risk };
    Capability { name: name.to_owned(), risk, ..like }
}

struct Rig {
    directory: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// With a program of this text as the plugin `deploy`.
    async fn with_program(&self, script: &str) -> Framework {
        let [text, program] = ["text", "deploy"].map(|name| self.directory.path().join(name));
        std::fs::write(&text, script).unwrap();
        // By another process: a program that this one has open for writing, if only in a child that is just being made for another
        // test, cannot be run (execve(2), ETXTBSY).
        let installed =
            std::process::Command::new("install").args(["-m", "755"]).arg(&text).arg(&program).status();
        assert!(installed.unwrap().success());
        Framework::builder()
            .authorizer(AllowAll)
            .database(self.directory.path().join("executions.db"))
            .ssh(SshSettings::default())
            .external_plugin(&program, json!({"token": "hunter2"}))
            .open()
            .await
            .unwrap()
    }

    fn builder(&self, plugin: &ScriptedPlugin) -> FrameworkBuilder {
        Framework::builder()
            .authorizer(AllowAll)
            .database(self.directory.path().join("executions.db"))
            .ssh(SshSettings::default())
            .plugin(plugin.clone(), Value::Null)
    }
}

async fn run(framework: &Framework, action: Action, targets: &str) {
    let request = ExecutionRequest::new(action, TargetExpression::new(targets));
    framework.execute(ann(), request).await.unwrap();
}

fn tool(name: &str, parameters: Value) -> ToolAction {
    let Value::Object(parameters) = parameters else { panic!("parameters are an object") };
    ToolAction { name: name.to_owned(), parameters, ..ToolAction::default() }
}

async fn all(framework: &Framework) -> Vec<JournalEntry> {
    let query = JournalQuery { limit: Some(1000), ..JournalQuery::default() };
    framework.node_journal().timeline(&ann(), &TimelineQuery { query, live: false }).await.unwrap().items
}

/// `type node source status`, in the order of nodes.
fn told(entries: &[JournalEntry]) -> Vec<String> {
    let mut told: Vec<String> = entries
        .iter()
        .map(|JournalEntry { entry, .. }| {
            let status = entry.result_status.as_deref().unwrap_or("-");
            format!("{} {} {} {status}", entry.event_type, entry.node, entry.source)
        })
        .collect();
    told.sort();
    told
}

fn event(on: &str, key: Option<&str>, event_type: &str) -> PluginEvent {
    PluginEvent {
        key: key.map(str::to_owned),
        node: node(on),
        event_type: event_type.to_owned(),
        action: "did".to_owned(),
        summary: format!("{event_type} of {on}"),
        result_status: None,
        user: None,
        execution_id: None,
        at: None,
        details: serde_json::Map::new(),
    }
}

/// R11.2, R11.3, R11.10: tasks, playbooks and installations of packages leave an entry on each node, by the plugin that did it and
/// without what is secret.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_and_packages_are_journalled() {
    let rig = Rig::new();
    let package = Capability { sensitive: vec!["/token".to_owned()], ..capability(ActionKind::Package) };
    let bolt = plugin("bolt", [capability(ActionKind::Task), capability(ActionKind::Playbook), package])
        .node(&node("b"), NodeScript::new().exits(2));
    let framework = rig.builder(&bolt).open().await.unwrap();
    run(&framework, Action::Task(tool("service", json!({"name": "ntp"}))), "a,b").await;
    run(&framework, Action::Playbook(tool("site.yml", json!({}))), "a").await;
    run(&framework, Action::Package(tool("nginx", json!({"ensure": "latest", "token": "hunter2"}))), "a,b")
        .await;
    let entries = all(&framework).await;
    assert_eq!(
        told(&entries),
        [
            "package_install a bolt succeeded",
            "package_install b bolt exited",
            "task_execution a bolt succeeded",
            "task_execution a bolt succeeded",
            "task_execution b bolt exited",
        ]
    );
    assert!(
        entries
            .iter()
            .all(|one| one.entry.execution_id.is_some() && one.entry.user.as_deref() == Some("ann"))
    );
    let package = entries.iter().find(|one| one.entry.event_type == "package_install").unwrap();
    assert_eq!(package.entry.action, "nginx");
    assert_eq!(package.entry.details["parameters"], json!({"ensure": "latest", "token": "***"}));
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R11.4: machines that are made, and what else is called of a plugin about nodes.
#[tokio::test(flavor = "multi_thread")]
async fn provisioning_is_journalled() {
    let rig = Rig::new();
    let create = Capability { sensitive: vec!["/password".to_owned()], ..named("vm.create", false) };
    let cloud = plugin("proxmox", [create, named("vm.destroy", false), named("vm.list", true)]);
    let framework = rig.builder(&cloud).open().await.unwrap();
    let call = |name: &str| CapabilityCall {
        capability: name.to_owned(),
        parameters: json!({"memory": 4, "password": "hunter2"}).as_object().unwrap().clone(),
        nodes: vec![node("new1")],
        ..CapabilityCall::default()
    };
    cloud.next_answer(json!({"id": 7}));
    framework.call(&ann(), call("vm.create")).await.unwrap();
    cloud.next_call(Conduct::Fails(ErrorCode::Internal));
    framework.call(&ann(), call("vm.destroy")).await.unwrap_err();
    framework.call(&ann(), call("vm.list")).await.unwrap();
    let entries = all(&framework).await;
    assert_eq!(told(&entries), ["destroy new1 proxmox failed", "provision new1 proxmox succeeded"]);
    let made = entries.iter().find(|one| one.entry.event_type == "provision").unwrap();
    assert_eq!((made.entry.user.as_deref(), made.entry.action.as_str()), (Some("ann"), "vm.create"));
    assert_eq!(made.entry.details["parameters"], json!({"memory": 4, "password": "***"}));
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R11.5, R11.12: plugins write events of their own, each once; what is bad is refused by its field, and nothing of it written.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_write_events_of_their_own() {
    let rig = Rig::new();
    let aws = plugin("aws", [named("vm.list", true)]);
    let framework = rig.builder(&aws).open().await.unwrap();
    let journal = aws.journal().unwrap();
    let failed = PluginEvent { result_status: Some("failed".into()), ..event("i-2", None, "stop") };
    let ids = journal.write(vec![event("i-1", Some("e1"), "start"), failed]).await.unwrap();
    assert_eq!(ids.len(), 2);
    assert_eq!(journal.write(vec![event("i-1", Some("e1"), "start")]).await.unwrap(), [ids[0]]);
    let entries = all(&framework).await;
    assert_eq!(told(&entries), ["start i-1 aws -", "stop i-2 aws failed"]);
    assert!(entries.iter().all(|one| one.hash.is_some()));
    for (bad, field) in [
        (event("i-1", None, "No Type"), "events[1].eventType"),
        (
            PluginEvent { summary: "x".repeat(10 * 1024 * 1024), ..event("i-1", None, "start") },
            "events[1].summary",
        ),
        (PluginEvent { summary: "a\0".into(), ..event("i-1", None, "start") }, "events[1].summary"),
        (
            PluginEvent { at: "1969-01-01T00:00:00Z".parse().ok(), ..event("i-1", None, "start") },
            "events[1].at",
        ),
        (
            PluginEvent { at: "2999-01-01T00:00:00Z".parse().ok(), ..event("i-1", None, "start") },
            "events[1].at",
        ),
    ] {
        let error = journal.write(vec![event("i-3", None, "start"), bad]).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Validation);
        assert!(error.message.contains(field) && error.message.len() < 1_000, "{}", error.message);
    }
    assert_eq!(all(&framework).await.len(), 2);
    framework.shutdown(Duration::from_secs(5)).await;
    // The one that is left has nothing to write to.
    assert!(journal.write(vec![event("i-9", None, "start")]).await.is_err());
}

/// R11.8, R11.9: a plugin says which of its actions are journalled and as what, and the configuration has the last word.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_and_configuration_say_what_is_journalled() {
    let wish = Journalling {
        level: None,
        levels: [
            ("task.execute noisy".to_owned(), JournalLevel::Off),
            ("facts.collect".to_owned(), JournalLevel::All),
        ]
        .into(),
        types: [("task.execute install".to_owned(), "package_install".to_owned())].into(),
    };
    let bolt = || {
        plugin("bolt", [capability(ActionKind::Task), capability(ActionKind::Facts), named("vm.list", true)])
            .journalling(wish.clone())
    };
    let work = async |framework: &Framework, bolt: &ScriptedPlugin| {
        for name in ["noisy", "install", "other"] {
            run(framework, Action::Task(tool(name, json!({}))), "a").await;
        }
        run(framework, Action::Facts(tool("facts", json!({}))), "a").await;
        bolt.journal().unwrap().write(vec![event("a", None, "heartbeat")]).await.unwrap();
        told(&all(framework).await)
    };
    let rig = Rig::new();
    let of_plugin = bolt();
    let framework = rig.builder(&of_plugin).open().await.unwrap();
    assert_eq!(
        work(&framework, &of_plugin).await,
        [
            "facts_collection a bolt succeeded",
            "heartbeat a bolt -",
            "package_install a bolt succeeded",
            "task_execution a bolt succeeded",
        ]
    );
    framework.shutdown(Duration::from_secs(5)).await;

    let rig = Rig::new();
    let configured = bolt();
    let of_bolt = PluginJournalSettings {
        level: Some(JournalLevel::Off),
        levels: [("task.execute noisy".to_owned(), JournalLevel::All)].into(),
    };
    let settings = JournalSettings { level: None, plugins: [("bolt".to_owned(), of_bolt)].into() };
    let framework = rig.builder(&configured).journal(settings).open().await.unwrap();
    assert_eq!(work(&framework, &configured).await, ["task_execution a bolt succeeded"]);
    framework.shutdown(Duration::from_secs(5)).await;

    // A type that is no word is refused when the plugin is registered.
    let types = [("task.execute".to_owned(), "No Type".to_owned())].into();
    let bad = bolt().journalling(Journalling { types, ..Journalling::default() });
    let error = Rig::new().builder(&bad).open().await.err().unwrap();
    assert!(error.to_string().contains("journalling.types.task.execute"), "{error}");
}

/// R11.14: live events are shown and not stored, what is stored as well is shown once, and a source that fails or hangs is named
/// and stops no other.
#[tokio::test(flavor = "multi_thread")]
async fn live_events_are_shown_and_not_stored() {
    let rig = Rig::new();
    let (aws, broken, silent) = (
        plugin("aws", [named("events.list", true), capability(ActionKind::Task)]),
        plugin("broken", [named("events.list", true)]),
        plugin("silent", [named("node_data.get", true)]),
    );
    let mut limits = pabawi::plugin::HostSettings::default();
    limits.call_timeout = Duration::from_millis(500);
    let framework = rig
        .builder(&aws)
        .plugin(broken.clone(), Value::Null)
        .plugin(silent.clone(), Value::Null)
        .plugin_limits(limits)
        .open()
        .await
        .unwrap();
    aws.journal().unwrap().write(vec![event("a", Some("stored"), "start")]).await.unwrap();
    run(&framework, Action::Task(tool("x", json!({}))), "a").await;
    let entries = all(&framework).await;
    let execution = entries.iter().find_map(|one| one.entry.execution_id).unwrap();
    let live = || {
        json!([
            {"id": "stored", "eventType": "start", "summary": "known by its key"},
            {"eventType": "task_execution", "summary": "known by its execution", "details": {"executionId": execution.to_string()}},
            {"id": "new", "eventType": "reboot", "action": "reboot", "summary": "only live", "timestamp": "2026-01-01T00:00:00Z"},
            {"eventType": "stop", "summary": "in the past", "timestamp": "1969-01-01T00:00:00Z"},
            7
        ])
    };
    aws.next_answer(json!({"events": live()}));
    broken.next_call(Conduct::Fails(ErrorCode::Internal));
    silent.next_call(Conduct::Hangs);
    let ask = async |change: &dyn Fn(&mut JournalQuery)| {
        let mut query = JournalQuery { nodes: vec![node("a")], ..JournalQuery::default() };
        change(&mut query);
        framework.node_journal().timeline(&ann(), &TimelineQuery { query, live: true }).await
    };
    let begin = std::time::Instant::now();
    let page = ask(&|_| {}).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20));
    let shown: Vec<(String, bool)> =
        page.items.iter().map(|one| (one.entry.summary.clone(), one.is_live)).collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert_eq!(shown[2..], [("only live".to_owned(), true), ("in the past".to_owned(), true)]);
    assert!(
        page.items
            .iter()
            .filter(|one| one.is_live)
            .all(|one| one.entry.source == "aws" && one.hash.is_none())
    );
    assert_eq!(page.sources, ["aws", "broken", "silent"]);
    let failed: Vec<&str> = page.failed.iter().map(|fault| fault.source.as_str()).collect();
    assert_eq!(failed, ["broken", "silent"], "{:?}", page.failed);
    assert_eq!(all(&framework).await.len(), 2, "nothing of it is stored");

    // Filters are for live events too, and pages show each once.
    aws.next_answer(live());
    let page = ask(&|query| query.event_types = vec!["reboot".into()]).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let mut seen: Vec<EntryId> = Vec::new();
    let mut cursor = None;
    for _ in 0..10 {
        aws.next_answer(live());
        let before = cursor.clone();
        let page = ask(&move |query| {
            query.limit = Some(1);
            query.sources = vec!["aws".into()];
            query.cursor.clone_from(&before);
        })
        .await
        .unwrap();
        seen.extend(page.items.iter().map(|one| one.entry.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 4, "two stored, two live");
    for bad in ["x", "a.1.b", "' OR 1=1 --"] {
        let error = ask(&|query| query.cursor = Some(bad.into())).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Validation, "{bad}: {error}");
    }
    let error = ask(&|query| query.nodes.clear()).await.unwrap_err();
    assert!(error.to_string().contains("live events are for 1 to 50 nodes"), "{error}");
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R11.13: limits by type and plugin, the most particular one first; a plan says what goes, and no limit is given twice.
#[tokio::test(flavor = "multi_thread")]
async fn limits_are_by_type_and_plugin() {
    let rig = Rig::new();
    let aws = plugin("aws", [named("vm.list", true)]);
    let framework = rig.builder(&aws).open().await.unwrap();
    let journal = aws.journal().unwrap();
    for number in 0..1200 {
        let event_type = if number % 2 == 0 { "start" } else { "stop" };
        journal.write(vec![event("i-1", None, event_type)]).await.unwrap();
    }
    framework.node_journal().note(&ann(), node("i-1"), "stays").await.unwrap();
    let of = |event_type: Option<&str>, source: Option<&str>, keep| JournalRetention {
        event_type: event_type.map(str::to_owned),
        source: source.map(str::to_owned),
        limit: RetentionLimit { max_age: None, keep },
    };
    let retention = Retention {
        journal: vec![
            of(None, Some("aws"), Some(10)),
            of(Some("start"), Some("aws"), Some(3)),
            of(Some("note"), None, None),
        ],
        ..Retention::default()
    };
    let plan = framework.node_journal().plan_retention(&ann(), &retention).await.unwrap();
    assert_eq!(plan.journal.iter().map(|cut| cut.entries).collect::<Vec<_>>(), [590, 597, 0]);
    let report = framework.node_journal().prune(&ann(), &plan).await.unwrap();
    assert_eq!(report.entries, 1187);
    assert!(report.steps >= 3, "in small steps: {report:?}");
    assert_eq!(all(&framework).await.len(), 14);
    assert!(framework.node_journal().verify(&ann(), None).await.unwrap().is_sound());
    let twice =
        Retention { journal: vec![of(None, None, Some(1)), of(None, None, Some(2))], ..Retention::default() };
    let error = framework.node_journal().plan_retention(&ann(), &twice).await.unwrap_err();
    assert!(error.to_string().contains("journal[1]"), "{error}");
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R11.5, R11.9, R11.12: a program tells events of nodes while it works on them, without what is secret of its configuration, and says
/// what of its doings is journalled.
#[tokio::test(flavor = "multi_thread")]
async fn programs_tell_events_of_nodes() {
    let rig = Rig::new();
    let script = r#"#!/bin/sh
case $1 in
describe)
    tr -d '\n' <<'END'
{"name": "deploy", "version": "1.0", "description": "Deploys", "methods": {"run": true},
 "configSchema": {"type": "object", "properties": {"token": {"type": "string", "writeOnly": true}}},
 "journalling": {"levels": {"task.execute quiet": "off"}, "types": {"task.execute": "deployment"}},
 "capabilities": [{"name": "task.execute", "description": "Deploys", "parameters": {"type": "object"},
                   "requiredPermissions": [], "risk": "execute"}]}
END
    echo ;;
run)
    cat >/dev/null
    echo '{"node": "a", "event": {"key": "v2", "eventType": "config_change", "action": "deploy", "summary": "v2 with hunter2"}}'
    echo '{"node": "a", "event": {"key": "v2", "eventType": "config_change", "action": "deploy", "summary": "again"}, "stdout": "x", "exited": 0}' ;;
esac
"#;
    let framework = rig.with_program(script).await;
    let request = ExecutionRequest::new(Action::Task(tool("v2", json!({}))), TargetExpression::new("a"));
    let ended = framework.execute(ann(), request).await.unwrap();
    assert_eq!(ended.summary.progress.succeeded, 1, "{ended:?}");
    // It is written beside the run.
    let begin = std::time::Instant::now();
    let mut entries = all(&framework).await;
    while entries.len() < 2 && begin.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        entries = all(&framework).await;
    }
    assert_eq!(told(&entries), ["config_change a deploy -", "deployment a deploy succeeded"]);
    let event = entries.iter().find(|one| one.entry.event_type == "config_change").unwrap();
    assert_eq!(event.entry.summary, "v2 with ***");
    assert_eq!(event.entry.execution_id, Some(ended.record.id));
    run(&framework, Action::Task(tool("quiet", json!({}))), "a").await;
    assert_eq!(all(&framework).await.len(), 2);
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R11.5: what a program tells last is in the journal, also where everything ends right after it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_tells_last_is_journalled() {
    const TOLD: usize = 300;
    let rig = Rig::new();
    let script = format!(
        r#"#!/bin/sh
case $1 in
describe)
    echo '{{"name": "deploy", "version": "1.0", "description": "Deploys", "methods": {{"run": true}}, "capabilities": [{{"name": "task.execute", "description": "Deploys", "parameters": {{"type": "object"}}, "requiredPermissions": [], "risk": "execute"}}], "configSchema": {{"type": "object"}}}}' ;;
run)
    cat >/dev/null
    for number in $(seq {TOLD}); do
        echo '{{"node": "a", "event": {{"eventType": "config_change", "action": "deploy", "summary": "'$number'"}}}}'
    done
    echo '{{"node": "a", "exited": 0}}' ;;
esac
"#
    );
    let framework = rig.with_program(&script).await;
    let request = ExecutionRequest::new(Action::Task(tool("v2", json!({}))), TargetExpression::new("a"));
    let ended = framework.execute(ann(), request).await.unwrap();
    assert_eq!(ended.summary.progress.succeeded, 1, "{ended:?}");
    framework.shutdown(Duration::from_secs(30)).await;
    let framework = rig.with_program(&script).await;
    let entries = all(&framework).await;
    let found = entries.iter().filter(|one| one.entry.event_type == "config_change").count();
    assert_eq!(found, TOLD);
    framework.shutdown(Duration::from_secs(5)).await;
}
