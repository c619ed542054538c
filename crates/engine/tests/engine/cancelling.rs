//! Cancelling: whole or single nodes, graceful or kill, twice, from another process, and what could not be
//! confirmed (R8.8).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::outcome::{NodeOutcome, Survivor, Termination};
use pabawi_domain::ports::{CancelRequest, ExecutionStore, TerminateMode};
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{CancelReceipt, CancelScope, EngineLimits};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};
use tokio::time::Instant;

use super::support::{GRACEFUL, Rig, ann, command, node, settle};

fn hanging() -> ScriptedTransport {
    ScriptedTransport::new().default_script(NodeScript::new().hangs())
}

fn ordered(not_started: u64, stopping: u64) -> CancelReceipt {
    CancelReceipt::Ordered { not_started, stopping }
}

/// R8.8: running nodes are ended, waiting ones never start, and asking again changes nothing.
#[tokio::test(start_paused = true)]
async fn a_whole_execution_is_cancelled_once() {
    let stubborn = NodeScript::new().hangs().ignores_term();
    let rig = Rig::new(ScriptedTransport::new().default_script(stubborn)).await;
    let mut request = command("n*1000");
    request.concurrency = Some(2);
    let id = rig.submit(request).await;
    rig.events(id).await.until_started("n1").await;
    settle().await;
    let ann = ann();
    let cancel = || rig.engine.cancel(&ann, id, CancelScope::All, GRACEFUL);
    assert_eq!(cancel().await.unwrap(), ordered(998, 2));
    assert_eq!(cancel().await.unwrap(), ordered(0, 0));
    let summary = rig.wait(id).await.summary;
    assert_eq!((summary.status, summary.progress.cancelled), (ExecutionStatus::Cancelled, 1000));
    assert_eq!(summary.unconfirmed, 0);
    assert_eq!(cancel().await.unwrap(), CancelReceipt::AlreadyEnded);
    let confirmed = NodeOutcome::Cancelled { termination: Some(Termination::Confirmed) };
    assert_eq!(rig.outcome(id, "n0").await, confirmed);
    assert_eq!(rig.outcome(id, "n2").await, NodeOutcome::Cancelled { termination: None });
    assert_eq!(rig.transport.started().len(), 2);
    assert_eq!(rig.transport.counts(&node("n0")).terminations, [GRACEFUL]);

    let told: Vec<_> = rig.events(id).await.rest().await;
    let requests: Vec<_> =
        told.iter().filter(|event| matches!(event.kind, EventKind::CancelRequested { .. })).collect();
    assert_eq!(requests.len(), 1, "the second request changed nothing");
    assert!(
        matches!(&requests[0].kind, EventKind::CancelRequested { by, nodes: None, kill: false } if by == "ann")
    );
}

/// R8.8: single nodes, running and waiting; the others are not touched.
#[tokio::test(start_paused = true)]
async fn single_nodes_are_cancelled() {
    let gate = Gate::new();
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate))).await;
    let mut request = command("a,b,c,d");
    request.concurrency = Some(2);
    let id = rig.submit(request).await;
    rig.events(id).await.until_started("b").await;
    settle().await;
    let scope = CancelScope::Nodes(vec![node("b"), node("d")]);
    assert_eq!(rig.engine.cancel(&ann(), id, scope, TerminateMode::Kill).await.unwrap(), ordered(1, 1));
    gate.open();
    let summary = rig.wait(id).await.summary;
    assert_eq!((summary.progress.succeeded, summary.progress.cancelled), (2, 2));
    assert_eq!(rig.outcome(id, "d").await, NodeOutcome::Cancelled { termination: None });
    assert_eq!(rig.transport.counts(&node("b")).terminations, [TerminateMode::Kill]);
    assert_eq!(rig.outcome(id, "c").await, NodeOutcome::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_no_targets_are_named_and_nothing_is_ended() {
    let rig = Rig::new(hanging()).await;
    let id = rig.submit(command("a,b")).await;
    rig.events(id).await.until_started("b").await;
    let scope = CancelScope::Nodes(vec![node("b"), node("zz")]);
    let error = rig.engine.cancel(&ann(), id, scope, GRACEFUL).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Validation);
    assert!(error.to_string().contains("zz"), "{error}");
    assert_eq!(rig.status(id).await.progress.running, 2);
    let none = CancelScope::Nodes(Vec::new());
    assert!(rig.engine.cancel(&ann(), id, none, GRACEFUL).await.is_err());
}

/// R8.8: what the transport could not confirm is never called killed.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_confirmed_is_reported() {
    let survivors =
        Termination::Survivors { processes: vec![Survivor { pid: 42, command: "stuck in D".into() }] };
    let unconfirmed = Termination::Unconfirmed { why: "the link broke".into() };
    let script = |report: &Termination| NodeScript::new().hangs().terminate_reports(report.clone());
    let transport =
        ScriptedTransport::new().node(&node("a"), script(&survivors)).node(&node("b"), script(&unconfirmed));
    let rig = Rig::new(transport).await;
    let id = rig.submit(command("a,b,c")).await;
    rig.events(id).await.until_started("c").await;
    rig.engine.cancel(&ann(), id, CancelScope::All, TerminateMode::Kill).await.unwrap();
    let summary = rig.wait(id).await.summary;
    assert_eq!(summary.unconfirmed, 2);
    assert_eq!(rig.outcome(id, "a").await.termination(), Some(&survivors));
    assert_eq!(rig.outcome(id, "b").await.termination(), Some(&unconfirmed));
}

/// R8.8: a second order to kill is obeyed while the graceful one has not succeeded.
#[tokio::test(start_paused = true)]
async fn kill_overtakes_a_graceful_end_that_fails() {
    let script =
        NodeScript::new().hangs().terminate_reports(Termination::Unconfirmed { why: "still there".into() });
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let id = rig.submit(command("a")).await;
    rig.events(id).await.until_started("a").await;
    let ann = ann();
    let cancel = |mode| rig.engine.cancel(&ann, id, CancelScope::All, mode);
    assert_eq!(cancel(GRACEFUL).await.unwrap(), ordered(0, 1));
    settle().await;
    assert_eq!(cancel(TerminateMode::Kill).await.unwrap(), ordered(0, 1));
    assert_eq!(cancel(TerminateMode::Kill).await.unwrap(), ordered(0, 0));
    rig.wait(id).await;
    assert_eq!(rig.transport.counts(&node("a")).terminations, [GRACEFUL, TerminateMode::Kill]);
}

/// Cancelling a node that is still connecting gives the connection up: nothing was started there.
#[tokio::test(start_paused = true)]
async fn a_connect_in_flight_is_given_up() {
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().connect_hangs())).await;
    let id = rig.submit(command("a")).await;
    rig.events(id).await.until(|kind| matches!(kind, EventKind::NodeStarted { .. })).await;
    let begin = Instant::now();
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    rig.wait(id).await;
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert_eq!(rig.outcome(id, "a").await, NodeOutcome::Cancelled { termination: None });
    assert_eq!(rig.transport.counts(&node("a")).starts, 0);
}

/// An execution that never left the queue ends without having started.
#[tokio::test(start_paused = true)]
async fn an_execution_in_the_queue_is_cancelled() {
    let limits = EngineLimits { max_running_executions: 1, ..EngineLimits::default() };
    let rig = Rig::with(hanging(), limits).await;
    let first = rig.submit(command("a")).await;
    rig.events(first).await.until_started("a").await;
    let second = rig.submit(command("b,c")).await;
    let receipt = rig.engine.cancel(&ann(), second, CancelScope::All, GRACEFUL).await.unwrap();
    assert_eq!(receipt, ordered(2, 0));
    let record = rig.wait(second).await.record;
    assert_eq!((record.status, record.started_at), (ExecutionStatus::Cancelled, None));
    assert_eq!(rig.engine.stats().queued_executions, 0);
    assert_eq!(rig.transport.started().len(), 1);
}

/// A command that floods its output cannot outrun the order to end it.
#[tokio::test(start_paused = true)]
async fn a_flood_of_output_is_cancelled() {
    let flood =
        NodeScript::new().prints(pabawi_domain::output::StreamKind::Stdout, vec![b'y'; 32 * 1024], u64::MAX);
    let rig = Rig::new(ScriptedTransport::new().default_script(flood)).await;
    let id = rig.submit(command("a")).await;
    rig.events(id).await.until_started("a").await;
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Cancelled);
}

/// R8.8: word that another process left in the store is obeyed.
#[tokio::test(start_paused = true)]
async fn a_request_of_another_process_is_obeyed() {
    let rig = Rig::new(hanging()).await;
    let id = rig.submit(command("a,b")).await;
    rig.events(id).await.until_started("b").await;
    let request = CancelRequest { id, nodes: Some(vec![node("a")]), mode: GRACEFUL, by: "bob".into() };
    rig.store.request_cancel(request).await.unwrap();
    rig.events(id).await.until_finished("a").await;
    assert_eq!(rig.status(id).await.progress.running, 1);
    let request = CancelRequest { id, nodes: None, mode: TerminateMode::Kill, by: "bob".into() };
    rig.store.request_cancel(request).await.unwrap();
    assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Cancelled);
    let told = rig.events(id).await.rest().await;
    let by_bob = |event: &&Arc<ExecutionEvent>| matches!(&event.kind, EventKind::CancelRequested { by, .. } if by == "bob");
    assert_eq!(told.iter().filter(by_bob).count(), 2);
}

/// R8.8: an engine that does not run the execution leaves word for the one that does, and follows it.
#[tokio::test(start_paused = true)]
async fn an_execution_of_another_process_is_cancelled_through_the_store() {
    let store = Arc::new(MemoryStore::new());
    let runner = Rig::on(store.clone(), hanging(), EngineLimits::default()).await;
    let other = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let id = runner.submit(command("a,b")).await;
    runner.events(id).await.until_started("b").await;
    let wrong = CancelScope::Nodes(vec![node("zz")]);
    assert!(other.engine.cancel(&ann(), id, wrong, GRACEFUL).await.is_err());
    let receipt = other.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    assert_eq!(receipt, CancelReceipt::Forwarded);
    assert_eq!(other.wait(id).await.summary.status, ExecutionStatus::Cancelled);
    let again = other.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    assert_eq!(again, CancelReceipt::AlreadyEnded);
}
