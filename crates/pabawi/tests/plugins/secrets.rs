//! Secret parameters are not stored, so a rerun and the resume of a graph are given them again (R9.3, R9.6).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::Capability;
use pabawi_domain::secret::SecretValue;
use pabawi_domain::task::{GraphStatus, TaskGraph};
use pabawi_engine::{
    AllowAll, GraphError, Graphs, RerunOptions, RerunSecrets, RerunSelection, ResumeOptions, SubmitError,
    check_graph,
};
use pabawi_plugins::host::HostSettings;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{NodeScript, ScriptedPlugin, capability};
use serde_json::{Value, json};

use crate::support::{Rig, ann, bolt, task, tool};

/// `task.execute` with secrets, one of them an object.
fn users() -> Capability {
    let mut users = capability(ActionKind::Task);
    users.parameters = json!({"type": "object", "properties": {"password": {"type": "string"}}});
    users.sensitive = vec!["/password".to_owned(), "/keys/first".to_owned()];
    users
}

fn again(parameters: Value) -> RerunSecrets {
    let given = parameters.as_object().unwrap().clone();
    let parameters = given.into_iter().map(|(pointer, value)| (pointer, SecretValue::from(value))).collect();
    RerunSecrets { parameters, ..RerunSecrets::default() }
}

fn parameters(plugin: &ScriptedPlugin, run: usize) -> Value {
    Value::Object(plugin.runs()[run].run.action.tool().unwrap().parameters.clone())
}

/// R9.3, R9.6: at a rerun each that is missing is named, and what is given reaches the plugin and no record.
#[tokio::test(start_paused = true)]
async fn a_rerun_is_given_the_secrets_again() {
    let plugin = bolt().capabilities([users()]);
    let rig = Rig::new(&[&plugin]).await;
    let mut request = task("a", 1);
    let given = json!({"user": "ann", "password": "canary-1", "keys": {"first": {"raw": "canary-2"}}});
    tool(&mut request).parameters = given.as_object().unwrap().clone();
    let old = rig.execute(request).await.record.id;
    let rerun = async |secrets: RerunSecrets| {
        let options = RerunOptions { secrets, ..RerunOptions::default() };
        rig.engine.rerun(ann(), old, RerunSelection::All, options).await
    };
    let refused = rerun(again(json!({"/password": "canary-3", "/user": "eve"}))).await;
    let SubmitError::Invalid(error) = refused.unwrap_err() else { panic!() };
    let paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["action.parameters.keys.first"], "{error}");
    let secrets = again(json!({"/password": "canary-3", "/keys/first": {"raw": "canary-4"}, "/user": "eve"}));
    assert!(!format!("{secrets:?}").contains("canary"), "{secrets:?}");
    let new = rerun(secrets).await.unwrap();
    rig.wait(new).await;
    let expected = json!({"user": "ann", "password": "canary-3", "keys": {"first": {"raw": "canary-4"}}});
    assert_eq!(parameters(&plugin, 1), expected, "what is no secret is not replaced");
    let stored = rig.engine.status(&ann(), new).await.unwrap().request;
    assert!(!serde_json::to_string(&stored).unwrap().contains("canary"));
    let refused = rerun(again(json!({"/password": 5, "/keys/first": 1}))).await;
    let SubmitError::Invalid(error) = refused.unwrap_err() else { panic!() };
    assert_eq!(error.fields[0].path, "action.parameters.password", "it is held against the schema: {error}");
}

/// R9.3, R2.1: at the resume of a graph a secret that is missing, or that the plugin does not take, is told by its field
/// before anything runs; tasks that have ended need none.
#[tokio::test(start_paused = true)]
async fn the_resume_of_a_graph_is_given_the_secrets_again() {
    let store = Arc::new(MemoryStore::new());
    let id = {
        let plugin =
            bolt().capabilities([users()]).node(&crate::support::node("b"), NodeScript::new().hangs());
        let rig =
            Rig::over(Arc::clone(&store), &[&plugin], Arc::new(AllowAll), HostSettings::default()).await;
        let graphs = Graphs::open(rig.engine.clone(), Arc::clone(&rig.store) as _).await.unwrap();
        let task = |name: &str, targets: &str, after: &[&str]| {
            let action = json!({"type": "task", "name": "users", "parameters": {"password": "canary"}});
            json!({"name": name, "after": after, "targets": targets, "action": action})
        };
        let tasks =
            [task("done", "a", &[]), task("under-way", "b", &["done"]), task("last", "c", &["under-way"])];
        let graph: TaskGraph = serde_json::from_value(json!({"name": "users", "tasks": tasks})).unwrap();
        let (id, _events) = graphs.submit(ann(), check_graph(graph).unwrap()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(plugin.runs().len(), 2, "the second one is under way");
        graphs.leave(Duration::from_secs(60)).await;
        store.orphan_all();
        id
    };
    let plugin = bolt().capabilities([users()]);
    let rig = Rig::over(Arc::clone(&store), &[&plugin], Arc::new(AllowAll), HostSettings::default()).await;
    let graphs = Graphs::open(rig.engine.clone(), store as _).await.unwrap();
    let resume = async |secrets: RerunSecrets| {
        graphs.resume(ann(), id, ResumeOptions { rerun_unknown: true, secrets }).await
    };
    for (secrets, text) in [
        (RerunSecrets::default(), "the secret was not stored"),
        (again(json!({"/password": 5})), "is not of type"),
    ] {
        let GraphError::Invalid(error) = resume(secrets).await.unwrap_err() else { panic!() };
        let paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["tasks[1].action.parameters.password", "tasks[2].action.parameters.password"]);
        assert!(error.to_string().contains(text), "{error}");
        assert!(plugin.runs().is_empty());
    }
    let secret = "it has ${tasks.done.status} in it";
    resume(again(json!({"/password": secret}))).await.unwrap();
    assert_eq!(graphs.wait(&ann(), id).await.unwrap().run.status, GraphStatus::Completed);
    assert_eq!(plugin.runs().len(), 2);
    for run in 0..2 {
        assert_eq!(parameters(&plugin, run), json!({"password": secret}), "as it was given");
    }
}
