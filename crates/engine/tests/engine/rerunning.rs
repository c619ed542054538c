//! Running an execution again on chosen nodes.

use pabawi_domain::action::{EnvValue, RunAs, RunAsMethod, StdinSource};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{ExecutionId, IdempotencyKey};
use pabawi_domain::ports::ExecutionStore;
use pabawi_domain::secret::Secret;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{CancelScope, Login, RerunOptions, RerunSecrets, RerunSelection, SubmitError};
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{GRACEFUL, Rig, ann, command, node, settle};

async fn rerun(rig: &Rig, id: ExecutionId, selection: RerunSelection) -> Result<ExecutionId, SubmitError> {
    rig.engine.rerun(ann(), id, selection, RerunOptions::default()).await
}

async fn targets(rig: &Rig, id: ExecutionId) -> Vec<String> {
    let page = rig.engine.targets(&ann(), id, &Default::default()).await.unwrap();
    page.items.into_iter().map(|item| item.target.node.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn failed_nodes_run_again_as_a_new_execution() {
    let transport = ScriptedTransport::new()
        .node(&node("b"), NodeScript::new().exits(1))
        .node(&node("d"), NodeScript::new().connect_fails_times(1, ErrorCode::ConnectionRefused));
    let rig = Rig::new(transport).await;
    let mut request = command("a,b,c,d");
    request.idempotency_key = Some(IdempotencyKey::new("once").unwrap());
    let old = rig.execute(request).await.record.id;
    let new = rerun(&rig, old, RerunSelection::Failed).await.unwrap();
    assert_ne!(new, old);
    let outcome = rig.wait(new).await;
    assert_eq!(targets(&rig, new).await, ["b", "d"]);
    assert_eq!(outcome.record.request.rerun_of, Some(old));
    assert_eq!(outcome.summary.status, ExecutionStatus::Partial);
    assert_eq!(rig.status(old).await.reruns, [new]);
    let all = rerun(&rig, old, RerunSelection::All).await.unwrap();
    rig.wait(all).await;
    assert_eq!(targets(&rig, all).await, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn what_never_started_runs_again() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), NodeScript::new().hangs())).await;
    let mut request = command("a,b,c");
    request.concurrency = Some(1);
    let old = rig.submit(request).await;
    rig.events(old).await.until_started("a").await;
    settle().await;
    let error = rerun(&rig, old, RerunSelection::All).await.unwrap_err();
    assert!(error.to_string().contains("has not ended"), "{error}");
    rig.engine.cancel(&ann(), old, CancelScope::All, GRACEFUL).await.unwrap();
    rig.wait(old).await;
    let new = rerun(&rig, old, RerunSelection::NotStarted).await.unwrap();
    assert_eq!(targets(&rig, new).await, ["b", "c"]);
    assert_eq!(rig.wait(new).await.summary.status, ExecutionStatus::Completed);
    let new = rerun(&rig, old, RerunSelection::Nodes(vec![node("c")])).await.unwrap();
    assert_eq!(targets(&rig, new).await, ["c"]);
    let error = rerun(&rig, old, RerunSelection::Nodes(vec![node("zz")])).await.unwrap_err();
    assert!(error.to_string().contains("zz"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn choosing_nothing_is_an_error() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let old = rig.execute(command("a")).await.record.id;
    let error = rerun(&rig, old, RerunSelection::Failed).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Validation);
    assert!(error.to_string().contains("selection"), "{error}");
    let error = rerun(&rig, ExecutionId::from_parts(1, [0; 10]), RerunSelection::All).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    let mut forged = command("a");
    forged.rerun_of = Some(ExecutionId::from_parts(1, [0; 10]));
    let error = rig.engine.submit(ann(), forged).await.unwrap_err();
    assert!(error.to_string().contains("rerunOf"), "{error}");
}

/// Secrets were not stored, so each one that is missing is named by its field, and nothing starts.
#[tokio::test(start_paused = true)]
async fn missing_secrets_are_named() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let mut request = command("a");
    let process = request.action.process_mut().unwrap();
    process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("canary-1") });
    let password = Some(Secret::new("canary-2"));
    process.run_as = Some(RunAs { user: "root".into(), method: RunAsMethod::Sudo, password });
    process.stdin = Some(StdinSource::Secret(Secret::new("canary-5")));
    let old = rig.execute(request).await.record.id;
    let SubmitError::Invalid(error) = rerun(&rig, old, RerunSelection::All).await.unwrap_err() else {
        panic!()
    };
    let paths: Vec<_> = error.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["action.env", "action.runAs.password", "action.stdin"]);
    assert!(error.to_string().contains("TOKEN"), "{error}");
    assert_eq!(rig.transport.started().len(), 1);

    let secrets = RerunSecrets {
        env: [("TOKEN".to_owned(), Secret::new("canary-3"))].into(),
        run_as_password: Some(Secret::new("canary-4")),
        stdin: Some(Secret::new("canary-6")),
        ..RerunSecrets::default()
    };
    let options = RerunOptions { secrets, ..RerunOptions::default() };
    let new = rig.engine.rerun(ann(), old, RerunSelection::All, options).await.unwrap();
    rig.wait(new).await;
    let started = rig.transport.started();
    let process = started[1].1.process().unwrap();
    assert_eq!(process.env["TOKEN"].expose(), b"canary-3");
    assert_eq!(process.run_as.as_ref().unwrap().password.as_ref().unwrap().expose(), b"canary-4");
    assert_eq!(process.stdin, Some(StdinSource::Secret(Secret::new("canary-6"))));
    let stored = rig.store.execution(new).await.unwrap().unwrap();
    assert_eq!(stored.request.action.process().unwrap().env["TOKEN"].expose(), b"***");
    assert!(!serde_json::to_string(&stored).unwrap().contains("canary"));
}

/// Nodes that the inventory no longer knows are reached as they were then.
#[tokio::test(start_paused = true)]
async fn nodes_outside_the_inventory_run_again() {
    let gate = Gate::new();
    gate.open();
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate))).await;
    // `gone*2` names `gone0` and `gone1`, which resolve; a name with `*` would not be the same node.
    let old = rig.execute(command("twice,gone*2")).await.record.id;
    let new = rerun(&rig, old, RerunSelection::All).await.unwrap();
    assert_eq!(targets(&rig, new).await, ["twice", "gone0", "gone1"]);
}

/// A login that is given counts for nodes that the inventory does not know; what is not given stays.
#[tokio::test(start_paused = true)]
async fn nodes_outside_the_inventory_are_logged_in_to_as_is_said() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    // Read anew this name gives two targets, so the way of then is taken.
    let old = rig.execute(command("twice")).await.record.id;
    let mut way = rig.stored(old, "twice").await.target.endpoint;
    let same = rerun(&rig, old, RerunSelection::All).await.unwrap();
    assert_eq!(rig.stored(same, "twice").await.target.endpoint, way);
    let login = Login { user: Some("ops".into()), identity_files: vec!["/key".into()], port: Some(2222) };
    let options = RerunOptions { login, ..RerunOptions::default() };
    let new = rig.engine.rerun(ann(), old, RerunSelection::All, options).await.unwrap();
    (way.user, way.port, way.identity_files) = (Some("ops".into()), Some(2222), vec!["/key".into()]);
    assert_eq!(rig.stored(new, "twice").await.target.endpoint, way);
    // The next one goes the way of that one, but for what is said.
    rig.wait(new).await;
    let login = Login { port: Some(22), ..Login::default() };
    let options = RerunOptions { login, ..RerunOptions::default() };
    let next = rig.engine.rerun(ann(), new, RerunSelection::All, options).await.unwrap();
    way.port = Some(22);
    assert_eq!(rig.stored(next, "twice").await.target.endpoint, way);
}
