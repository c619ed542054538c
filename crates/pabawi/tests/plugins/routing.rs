//! Who does an action, and what is checked before anything runs (R6.5, R6.6, R6.8, R9.3, R10.2, R10.3).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, ActionKind, CommandAction, ProcessOptions, ScriptAction};
use pabawi_domain::capability::Capability;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::IdempotencyKey;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::{Authorizer, ExecutionStore as _, PluginHealth};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{AllowAll, ApplyOptions, RerunOptions, RerunSelection, SubmitError};
use pabawi_plugins::host::HostSettings;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Conduct, ScriptedPlugin, capability};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Forbids, ForbidsBy, Rig, ann, bolt, name, task, tool};

fn ansible() -> ScriptedPlugin {
    ScriptedPlugin::new(name("ansible"))
}

/// `task.execute` with parameters of its own.
fn users() -> Capability {
    let mut users = capability(ActionKind::Task);
    users.parameters = json!({
        "type": "object",
        "required": ["user"],
        "properties": {"user": {"type": "string"}, "uids": {"items": {"type": "integer"}}},
    });
    users.sensitive = vec!["/password".to_owned()];
    users.required_permissions = vec!["task.execute".to_owned(), "users.change".to_owned()];
    users
}

/// R6.8: the highest priority goes first, the caller's choice before that, and one that is not well is passed over.
#[tokio::test(start_paused = true)]
async fn the_plugin_is_the_one_that_goes_first_and_works() {
    let (low, high) = (bolt().priority(5), ansible().priority(8));
    let rig = Rig::new(&[&low, &high]).await;
    rig.execute(task("a", 1)).await;
    assert_eq!((low.runs().len(), high.runs().len()), (0, 1));
    let mut chosen = task("a", 1);
    tool(&mut chosen).plugin = Some(name("bolt"));
    rig.execute(chosen).await;
    assert_eq!((low.runs().len(), high.runs().len()), (1, 1));
    high.set_health(PluginHealth::Degraded {
        message: "no Python".to_owned(),
        working: vec!["facts.collect".to_owned()],
        failing: vec!["task.execute".to_owned()],
    });
    rig.host.check_health(None).await;
    let capabilities = rig.host.capabilities();
    let listed: Vec<(&str, i32, bool)> =
        capabilities.iter().map(|one| (one.plugin.as_str(), one.priority, one.available)).collect();
    assert_eq!(listed, [("ansible", 8, false), ("bolt", 5, true)]);
    rig.execute(task("a", 1)).await;
    assert_eq!((low.runs().len(), high.runs().len()), (2, 1));
    low.set_health(PluginHealth::Unhealthy { message: "gone".to_owned() });
    rig.host.check_health(None).await;
    rig.execute(task("a", 1)).await;
    assert_eq!((low.runs().len(), high.runs().len()), (2, 2), "where none is well, the first is asked");
}

/// R6.8: what is asked for while nobody knows yet how the first is waits for that, no longer than its limit, and only where
/// there is a choice.
#[tokio::test(start_paused = true)]
async fn the_first_says_how_it_is_before_it_is_chosen() {
    let (slow, hanging) = (Conduct::Slow(Duration::from_secs(3)), Conduct::Hangs);
    for (conduct, failing, by_first, seconds) in
        [(&slow, true, 0, 3), (&slow, false, 1, 3), (&hanging, false, 0, 10)]
    {
        let (low, high) = (bolt().priority(5), ansible().priority(8));
        if failing {
            high.set_health(PluginHealth::Unhealthy { message: "gone".to_owned() });
        }
        high.health_conduct(conduct.clone());
        let rig = Rig::new(&[&low, &high]).await;
        let began = Instant::now();
        rig.execute(task("a", 1)).await;
        assert_eq!((low.runs().len(), high.runs().len()), (1 - by_first, by_first), "{conduct:?} {failing}");
        assert_eq!(began.elapsed().as_secs(), seconds, "{conduct:?} {failing}");
    }
    let alone = ansible();
    alone.health_conduct(hanging);
    let rig = Rig::new(&[&alone]).await;
    let began = Instant::now();
    rig.execute(task("a", 1)).await;
    let mut chosen = task("a", 1);
    tool(&mut chosen).plugin = Some(name("ansible"));
    rig.execute(chosen).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// R6.8, R7.8: a plugin whose breaker is open is passed over too.
#[tokio::test(start_paused = true)]
async fn a_plugin_whose_breaker_is_open_is_passed_over() {
    let (low, high) = (bolt().priority(5), ansible().priority(8));
    let rig = Rig::new(&[&low, &high]).await;
    high.next_run(Conduct::Panics);
    let many = rig.engine.limits().plugin_breaker.unwrap().failures;
    rig.execute(task(&format!("many*{many}"), many)).await;
    let ended = rig.execute(task("a", 1)).await;
    assert_eq!(ended.summary.status, ExecutionStatus::Completed);
    assert_eq!((low.runs().len(), high.runs().len()), (1, 1));
}

/// R9.3, R9.6: every violation of the schema is told with its path, no secret with it, and nothing has run.
#[tokio::test(start_paused = true)]
async fn parameters_are_checked_before_anything_runs() {
    let plugin = bolt().capabilities([users()]);
    let rig = Rig::new(&[&plugin]).await;
    let mut request = task("a", 1);
    tool(&mut request).parameters =
        json!({"uids": [1, "x"], "password": "hunter2"}).as_object().unwrap().clone();
    let SubmitError::Invalid(error) = rig.engine.submit(ann(), request).await.unwrap_err() else { panic!() };
    let mut paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["action.parameters", "action.parameters.uids[1]"], "{error}");
    assert!(error.to_string().contains("user") && !error.to_string().contains("hunter2"), "{error}");
    assert!(plugin.runs().is_empty());
}

/// R6.3, R10.2: what the capability calls secret reaches the plugin and not the store.
#[tokio::test(start_paused = true)]
async fn secret_parameters_are_not_stored() {
    let plugin = bolt().capabilities([users()]);
    let rig = Rig::new(&[&plugin]).await;
    let mut request = task("a", 1);
    let given = json!({"user": "ann", "password": "hunter2"});
    tool(&mut request).parameters = given.as_object().unwrap().clone();
    let ended = rig.execute(request).await;
    assert_eq!(plugin.runs()[0].run.action.tool().unwrap().parameters, *given.as_object().unwrap());
    let stored = rig.store.execution(ended.record.id).await.unwrap().unwrap().request;
    let left = json!({"user": "ann", "password": "***"});
    assert_eq!(stored.action.tool().unwrap().parameters, *left.as_object().unwrap());
    let again = rig
        .engine
        .rerun(ann(), ended.record.id, pabawi_engine::RerunSelection::All, Default::default())
        .await;
    let SubmitError::Invalid(error) = again.unwrap_err() else { panic!() };
    assert_eq!(error.fields[0].path, "action.parameters.password");
}

/// R6.5, R6.6, R10.3: the caller needs every permission that the capability of the chosen plugin names.
#[tokio::test(start_paused = true)]
async fn every_permission_of_the_capability_is_asked_for() {
    let plugin = bolt().capabilities([users()]);
    for (forbidden, may) in [(&["users.change"][..], false), (&["task.execute"], false), (&["other"], true)] {
        let rig = Rig::with(&[&plugin], Arc::new(Forbids(forbidden)), HostSettings::default()).await;
        let mut request = task("a", 1);
        tool(&mut request).parameters = json!({"user": "ann"}).as_object().unwrap().clone();
        let before = plugin.runs().len();
        match rig.engine.execute(ann(), request).await {
            Ok(_) => assert!(may, "{forbidden:?}"),
            Err(error) => {
                assert!(!may && error.code() == ErrorCode::Denied, "{forbidden:?}: {error}");
                assert!(error.to_string().contains(forbidden[0]), "{error}");
                assert_eq!(plugin.runs().len(), before, "nothing was run");
            }
        }
    }
}

/// R9.6: what nobody can do, and a plugin that does not exist, are told in words that help.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused() {
    let broken = ansible().initializes(Conduct::Fails(ErrorCode::BadConfig));
    let rig = Rig::with(&[&broken], Arc::new(AllowAll), HostSettings::default()).await;
    let error = rig.engine.submit(ann(), task("a", 1)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert!(error.to_string().contains("plugin ansible: could not get ready: scripted failure"), "{error}");
    let mut unknown = task("a", 1);
    tool(&mut unknown).plugin = Some(name("chef"));
    let SubmitError::Invalid(error) = rig.engine.submit(ann(), unknown).await.unwrap_err() else { panic!() };
    assert_eq!(error.fields[0].path, "action.plugin");
    assert!(error.to_string().contains("there is no plugin chef; there are: ansible"), "{error}");
    let mut playbook = task("a", 1);
    playbook.action = pabawi_domain::action::Action::Playbook(tool(&mut playbook).clone());
    assert_eq!(rig.engine.submit(ann(), playbook).await.unwrap_err().code(), ErrorCode::Unsupported);
}

fn command(targets: &str, by: &str) -> ExecutionRequest {
    let action = Action::Command(CommandAction::new("true"));
    let mut request = ExecutionRequest::new(action, TargetExpression::new(targets));
    request.transport = Some(name(by));
    request
}

/// R6.6, R6.8: a command is done by a tool where the request names it; then its caller needs what the tool's capability
/// wants, by that tool, on every node.
#[tokio::test(start_paused = true)]
async fn a_command_is_done_by_the_tool_that_the_request_names() {
    let mut runs_commands = capability(ActionKind::Command);
    runs_commands.required_permissions = vec!["shell.use".to_owned()];
    let plugin = ansible().capabilities([runs_commands]);
    let rig = Rig::new(&[&plugin]).await;
    let ended = rig.execute(command("a,b@scripted", "ansible")).await;
    assert_eq!(ended.summary.status, ExecutionStatus::Completed);
    assert_eq!(plugin.runs()[0].run.targets.len(), 2, "one run for both, however they are reached otherwise");
    for denying in [Arc::new(Forbids(&["shell.use"])) as Arc<dyn Authorizer>, Arc::new(ForbidsBy("ansible"))]
    {
        let rig = Rig::with(&[&plugin], denying, HostSettings::default()).await;
        let error = rig.engine.submit(ann(), command("a", "ansible")).await.unwrap_err();
        assert!(error.code() == ErrorCode::Denied && error.to_string().contains("shell.use"), "{error}");
    }
    assert_eq!(plugin.runs().len(), 1);
    let cannot = bolt().capabilities([capability(ActionKind::Task)]);
    let rig = Rig::new(&[&cannot]).await;
    let SubmitError::Invalid(error) = rig.engine.submit(ann(), command("a", "bolt")).await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(error.fields[0].path, "transport");
    assert!(error.to_string().contains("does not have the capability command.execute"), "{error}");
}

/// R6.6: a node that names a tool as its transport does not lead round the permissions of that tool.
#[tokio::test(start_paused = true)]
async fn a_tool_is_no_transport_of_a_node() {
    let plugin = ansible().capabilities([capability(ActionKind::Command)]);
    let rig = Rig::new(&[&plugin]).await;
    let refused = rig.engine.submit(ann(), command("a@ansible", "scripted")).await;
    let SubmitError::Invalid(error) = refused.unwrap_err() else { panic!() };
    assert_eq!(error.fields[0].path, "targets");
    assert!(error.to_string().contains("a transport \"ansible\" that does not exist"), "{error}");
    assert!(plugin.runs().is_empty());
}

/// R6.6, R10.3: an authorizer hears by which transport each node is reached.
#[tokio::test(start_paused = true)]
async fn the_transport_of_each_node_is_part_of_the_question() {
    let plugin = ansible();
    let denying = Arc::new(ForbidsBy("other"));
    let rig = Rig::with(&[&plugin], denying, HostSettings::default()).await;
    let error = rig.engine.submit(ann(), command("a,b@other", "scripted")).await.unwrap_err();
    assert!(error.code() == ErrorCode::Denied && error.to_string().contains('b'), "{error}");
    assert!(!error.to_string().contains("\"a\""), "{error}");
}

fn plain() -> ExecutionRequest {
    ExecutionRequest::new(Action::Command(CommandAction::new("true")), TargetExpression::new("a"))
}

fn runner(of: &str, priority: i32) -> ScriptedPlugin {
    ScriptedPlugin::new(name(of)).capabilities([capability(ActionKind::Command)]).priority(priority)
}

/// What an execution was done by.
async fn by(rig: &Rig, request: ExecutionRequest) -> String {
    let record = rig.execute(request).await.record;
    record.plugins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// R6.8: a command goes by the transports, unless a plugin has a higher priority, works, and can do all that is asked for.
#[tokio::test(start_paused = true)]
async fn a_plugin_of_a_higher_priority_goes_before_the_transports() {
    for (priority, expected) in [(5, "ssh"), (50, "ssh"), (51, "ansible")] {
        let plugin = runner("ansible", priority);
        let rig = Rig::beside_ssh(Arc::default(), &[&plugin]).await;
        assert_eq!(by(&rig, plain()).await, expected, "{priority}");
    }
    let (first, second) = (runner("ansible", 80), runner("bolt", 60));
    first.set_health(PluginHealth::Unhealthy { message: "gone".to_owned() });
    first.health_conduct(Conduct::Slow(Duration::from_secs(3)));
    let rig = Rig::beside_ssh(Arc::default(), &[&first, &second]).await;
    assert_eq!(by(&rig, plain()).await, "bolt", "which is known when its health is waited for");
    second.set_health(PluginHealth::Unhealthy { message: "gone, too".to_owned() });
    rig.host.check_health(None).await;
    assert_eq!(by(&rig, plain()).await, "ssh", "where none works, the transports do");
    for plugin in [&first, &second] {
        plugin.set_health(PluginHealth::Healthy);
    }
    rig.host.check_health(None).await;
    assert_eq!(by(&rig, plain()).await, "ansible");
    assert_eq!(by(&rig, command("a", "ssh")).await, "ssh", "which is named");
    let mut elsewhere = plain();
    elsewhere.action.process_mut().unwrap().cwd = Some("/tmp".to_owned());
    assert_eq!(by(&rig, elsewhere).await, "ssh", "plugins may not know that");
    let script = Action::Script(ScriptAction {
        name: "x.sh".to_owned(),
        content: b"true".to_vec().into(),
        interpreter: None,
        arguments: Vec::new(),
        process: ProcessOptions::default(),
    });
    let script = ExecutionRequest::new(script, TargetExpression::new("a"));
    assert_eq!(by(&rig, script).await, "ssh", "they have no such capability");
}

/// R6.8: what was chosen stays: with the same key, in a rerun and in a plan, whatever the priorities have become.
#[tokio::test(start_paused = true)]
async fn what_was_chosen_before_the_transports_stays() {
    let keyed = || ExecutionRequest { idempotency_key: Some(IdempotencyKey::new("k").unwrap()), ..plain() };
    for (before, after, expected) in [(80, 5, "ansible"), (5, 80, "ssh")] {
        let store = Arc::<MemoryStore>::default();
        let plugin = runner("ansible", before);
        let rig = Rig::beside_ssh(Arc::clone(&store), &[&plugin]).await;
        let first = rig.execute(keyed()).await.record;
        let plan = rig.engine.preview(ann(), plain(), Value::Null).await.unwrap();
        assert_eq!(plan.targets[0].transport, name(expected));
        let applied = rig.engine.apply(ann(), plan.hash, ApplyOptions::default()).await.unwrap();
        assert!(rig.wait(applied).await.record.plugins.contains(&name(expected)));
        let rig = Rig::beside_ssh(store, &[&runner("ansible", after)]).await;
        let again =
            rig.engine.rerun(ann(), first.id, RerunSelection::All, RerunOptions::default()).await.unwrap();
        let again = rig.wait(again).await.record;
        assert_eq!((again.plugins, first.plugins), ([name(expected)].into(), [name(expected)].into()));
        if before < after {
            assert_eq!(rig.submit(keyed()).await, first.id, "the key returns what there is");
        }
    }
    let (plugin, store) = (runner("ansible", 80), Arc::<MemoryStore>::default());
    let rig = Rig::beside_ssh(store, &[&plugin]).await;
    let first = rig.execute(keyed()).await.record;
    plugin.set_health(PluginHealth::Unhealthy { message: "gone".to_owned() });
    rig.host.check_health(None).await;
    assert_eq!(rig.submit(keyed()).await, first.id, "the key returns what there is");
}
