//! Submitting: synchronous and asynchronous, idempotent, and every refusal before anything has happened.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pabawi_domain::action::{Action, EnvValue, RunAs, RunAsMethod, StdinSource, ToolAction, UploadAction};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::id::{ExecutionId, IdempotencyKey, PluginName};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{Clock, ExecutionStore, StoreError};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::secret::Secret;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{BuildError, Engine, SubmitError};
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Rig, ann, command, node};

async fn nothing_happened(rig: &Rig) {
    assert!(rig.store.executions(&ExecutionQuery::default()).await.unwrap().items.is_empty());
    assert!(rig.transport.started().is_empty());
}

async fn refused(rig: &Rig, request: ExecutionRequest) -> SubmitError {
    let error = rig.engine.submit(ann(), request).await.unwrap_err();
    nothing_happened(rig).await;
    error
}

fn paths(error: &SubmitError) -> Vec<(String, String)> {
    let SubmitError::Invalid(invalid) = error else { panic!("{error:?}") };
    invalid.fields.iter().map(|field| (field.path.clone(), field.message.clone())).collect()
}

/// R1.2, R1.5: awaited, with the exit status of each node.
#[tokio::test(start_paused = true)]
async fn an_execution_is_awaited_and_recorded() {
    let transport = ScriptedTransport::new().node(&node("b"), NodeScript::new().exits(3));
    let rig = Rig::new(transport).await;
    let outcome = rig.execute(command("a,b")).await;
    assert_eq!(outcome.summary.status, ExecutionStatus::Partial);
    assert_eq!((outcome.record.caller.user.as_str(), outcome.record.action_text.as_str()), ("ann", "uptime"));
    let id = outcome.record.id;
    assert_eq!(rig.outcome(id, "a").await.exit_code(), Some(0));
    assert_eq!(rig.outcome(id, "b").await.exit_code(), Some(3));
    let stored = rig.store.execution(id).await.unwrap().unwrap();
    assert_eq!(stored.summary, Some(outcome.summary.clone()));
    assert_eq!(rig.wait(id).await.summary, outcome.summary, "asked again, from the store");
    assert_eq!(rig.status(id).await.status, ExecutionStatus::Partial);
}

/// R1.3, R2.2, R2.3: the id comes at once and is durable; status and progress are seen on the way.
#[tokio::test(start_paused = true)]
async fn an_id_is_returned_while_the_nodes_still_run() {
    let gate = Gate::new();
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate))).await;
    let id = rig.submit(command("a,b,c")).await;
    let stored = rig.store.execution(id).await.unwrap().unwrap();
    assert_eq!((stored.status.is_final(), stored.progress.total), (false, 3));
    rig.events(id).await.until_started("c").await;
    let running = rig.status(id).await;
    assert_eq!((running.status, running.progress.running), (ExecutionStatus::Running, 3));
    assert!(running.started_at.is_some() && running.summary.is_none());
    gate.open();
    assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Completed);
}

/// Records take their times from the clock that was given.
#[tokio::test(start_paused = true)]
async fn times_are_those_of_the_clock() {
    let gate = Gate::new();
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate))).await;
    let submitted = rig.clock.now();
    let id = rig.submit(command("a")).await;
    rig.events(id).await.until_started("a").await;
    rig.clock.advance(Duration::from_secs(3600));
    gate.open();
    let record = rig.wait(id).await.record;
    let end = rig.clock.now();
    assert_eq!(
        (record.submitted_at, record.started_at, record.finished_at),
        (submitted, Some(submitted), Some(end))
    );
    let target = rig.stored(id, "a").await;
    assert_eq!((target.started_at, target.finished_at), (Some(submitted), Some(end)));
    assert_eq!(id.as_uuid().get_version_num(), 7);
}

/// The same key with the same request is the same execution and starts nothing; anything else is refused.
#[tokio::test(start_paused = true)]
async fn an_idempotency_key_starts_once() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let mut request = command("a");
    request.idempotency_key = Some(IdempotencyKey::new("deploy-7").unwrap());
    let first = rig.submit(request.clone()).await;
    let again = rig.engine.execute(ann(), request.clone()).await.unwrap();
    assert_eq!((again.record.id, rig.submit(request.clone()).await), (first, first));
    assert_eq!(rig.transport.started().len(), 1);

    let mut other = request.clone();
    other.targets = TargetExpression::new("b");
    let error = rig.engine.submit(ann(), other).await.unwrap_err();
    assert!(matches!(error, SubmitError::IdempotencyConflict { existing } if existing == first));
    let bob = Caller { user: "bob".to_owned(), ..ann() };
    let error = rig.engine.submit(bob, request).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::IdempotencyConflict, "somebody else's execution is not handed out");
    assert_eq!(rig.transport.started().len(), 1);
}

/// R9.3, R9.6
#[tokio::test(start_paused = true)]
async fn bad_requests_name_every_field_and_start_nothing() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let mut bad = command(" ");
    bad.concurrency = Some(0);
    let named = paths(&refused(&rig, bad).await);
    assert_eq!(named.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["concurrency", "targets"]);

    let named = paths(&refused(&rig, command("a,no-such,no-other")).await);
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(named.iter().all(|(path, text)| path == "targets" && text.contains("no inventory")));

    let named = paths(&refused(&rig, command("many*0")).await);
    assert!(named[0].1.contains("selects no node"), "{named:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_named_twice_runs_once() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    assert_eq!(rig.execute(command("a,twice,a")).await.summary.progress.total, 2);
    assert_eq!(rig.transport.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn transports_that_do_not_exist_are_named_with_their_field() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let mut request = command("a");
    request.transport = Some(PluginName::new("winrm").unwrap());
    let named = paths(&refused(&rig, request).await);
    assert_eq!(named[0].0, "transport");
    assert!(named[0].1.contains("winrm") && named[0].1.contains("ssh"), "{named:?}");
    let named = paths(&refused(&rig, command("a,via-telnet")).await);
    assert_eq!(named[0].0, "targets");
    assert!(named[0].1.contains("via-telnet") && named[0].1.contains("telnet"), "{named:?}");
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_chooses_the_transport_before_the_request() {
    let (ssh, local) = (ScriptedTransport::new(), ScriptedTransport::new().named("local"));
    let engine = Engine::builder()
        .store(std::sync::Arc::new(pabawi_testkit::memory_store::MemoryStore::new()))
        .resolver(std::sync::Arc::new(super::support::Names))
        .authorizer(std::sync::Arc::new(pabawi_engine::AllowAll))
        .transport(std::sync::Arc::new(ssh.clone()))
        .transport(std::sync::Arc::new(local.clone()))
        .build()
        .await
        .unwrap();
    let mut request = command("a,via-ssh");
    request.transport = Some(PluginName::new("local").unwrap());
    engine.execute(ann(), request).await.unwrap();
    assert_eq!((ssh.counts(&node("via-ssh")).starts, local.counts(&node("a")).starts), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn actions_of_tools_are_refused_where_no_plugin_is() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let tool = ToolAction { name: "package".to_owned(), ..ToolAction::default() };
    let request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new("a"));
    let error = refused(&rig, request).await;
    assert_eq!(error.code(), ErrorCode::Unsupported);
    assert!(error.to_string().contains("task.execute"), "{error}");
}

/// Files that the action reads are looked at before anything starts.
#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_read_are_named() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let dir = tempfile::tempdir().unwrap();
    let upload = |source: std::path::PathBuf| {
        let action = UploadAction { source, destination: "/tmp/x".to_owned(), mode: None };
        ExecutionRequest::new(Action::Upload(action), TargetExpression::new("a"))
    };
    let named = paths(&refused(&rig, upload(dir.path().join("missing"))).await);
    assert_eq!(named[0].0, "action.source");
    rig.execute(upload(dir.path().to_owned())).await;

    let mut request = command("a");
    request.action.process_mut().unwrap().stdin = Some(StdinSource::File(dir.path().to_owned()));
    let error = rig.engine.submit(ann(), request).await.unwrap_err();
    assert_eq!(paths(&error)[0].0, "action.stdin");
}

/// Secrets reach the node and nothing else.
#[tokio::test(start_paused = true)]
async fn secrets_are_used_and_not_stored() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let mut request = command("a");
    let process = request.action.process_mut().unwrap();
    process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("canary-1") });
    process.run_as = Some(RunAs {
        user: "root".into(),
        method: RunAsMethod::Sudo,
        password: Some(Secret::new("canary-2")),
    });
    let outcome = rig.execute(request).await;
    let started = rig.transport.started();
    let process = started[0].1.process().unwrap();
    assert_eq!(process.env["TOKEN"].expose(), b"canary-1");
    let record = rig.store.execution(outcome.record.id).await.unwrap().unwrap();
    for shown in [&record, &outcome.record] {
        let process = shown.request.action.process().unwrap();
        assert_eq!(process.env["TOKEN"].expose(), b"***");
        assert!(process.run_as.as_ref().unwrap().password.as_ref().unwrap().is_redacted());
    }
}

/// A caller that goes away in the middle of submitting leaves nothing half done: what was recorded is run.
#[tokio::test(start_paused = true)]
async fn a_dropped_submission_is_run_or_never_was() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    for polls in 1..40 {
        let mut submission = pin!(rig.engine.submit(ann(), command("a,b")));
        for _ in 0..polls {
            let mut context = Context::from_waker(Waker::noop());
            if let Poll::Ready(id) = submission.as_mut().poll(&mut context) {
                id.unwrap();
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let records = rig.store.executions(&ExecutionQuery::default()).await.unwrap().items;
    assert!(records.len() > 20, "{} were recorded", records.len());
    for record in &records {
        assert_eq!(rig.wait(record.id).await.summary.status, ExecutionStatus::Completed);
    }
    assert_eq!(rig.transport.started().len(), 2 * records.len());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_write_refuses_the_submission() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    rig.store.fail(Some(StoreError::Full("no space".to_owned())));
    let error = rig.engine.submit(ann(), command("a")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (ErrorCode::DiskFull, true));
    rig.store.fail(None);
    nothing_happened(&rig).await;
    assert_eq!(rig.execute(command("a")).await.summary.status, ExecutionStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn unknown_executions_are_not_found() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let id = ExecutionId::from_parts(1, [0; 10]);
    for error in [
        rig.engine.wait(&ann(), id).await.unwrap_err(),
        rig.engine.status(&ann(), id).await.unwrap_err(),
        rig.engine.targets(&ann(), id, &Default::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::NotFound);
    }
    assert!(rig.engine.events(&ann(), id, 1, Default::default()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_copy_tells_its_progress_and_its_end() {
    let report = pabawi_domain::ports::CopyReport {
        files: 1,
        bytes: 4096,
        sha256: None,
        verified_by: "sha256sum".to_owned(),
    };
    let gate = Gate::new();
    let script = NodeScript::new().waits_for(&gate).progress(1024, Some(4096)).copied(report);
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let id = rig.submit(command("a")).await;
    let mut events = rig.events(id).await;
    gate.open();
    let events = events.rest().await;
    let told: Vec<u64> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::CopyProgress { done_bytes, .. } => Some(done_bytes),
            _ => None,
        })
        .collect();
    assert_eq!(told, [1024, 4096]);
    assert_eq!(rig.outcome(id, "a").await, NodeOutcome::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_engine_needs_its_ports_and_different_transports() {
    let error = Engine::builder().build().await.err().unwrap();
    assert!(matches!(error, BuildError::Missing("execution store")), "{error}");
    let twice = Engine::builder()
        .store(std::sync::Arc::new(pabawi_testkit::memory_store::MemoryStore::new()))
        .resolver(std::sync::Arc::new(super::support::Names))
        .transport(std::sync::Arc::new(ScriptedTransport::new()))
        .transport(std::sync::Arc::new(ScriptedTransport::new()));
    assert!(matches!(twice.build().await.err().unwrap(), BuildError::Transport { .. }));
}
