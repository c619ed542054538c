//! Requirement 1 and what goes with it through the Rust crate: submit, follow, wait, cancel, ask again.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pabawi::ports::TerminateMode;
use pabawi::{
    CancelReceipt, CancelScope, EventKind, ExecutionEvent, ExecutionQuery, ExecutionStatus, Framework,
    IdempotencyKey, NodeId, NodeOutcome, StreamKind, SubmitError, Subscription, SubscriptionMode,
    TargetQuery, Termination, TimeoutPhase,
};
use pabawi_testkit::wait;
use pabawi_tests::facade::{caller, command, open};
use pabawi_tests::{LIMIT, Lab, lines_of, unique};

async fn framework(lab: &Lab) -> Framework {
    open(lab, |_| {}, |_| {}).await
}

/// All events to the end.
async fn all(mut events: Subscription) -> Vec<Arc<ExecutionEvent>> {
    let mut seen = Vec::new();
    // Ends with the execution.
    while let Some(batch) = tokio::time::timeout(LIMIT, events.next_batch(100)).await.unwrap().unwrap() {
        seen.extend(batch);
    }
    seen
}

fn outcome(events: &[Arc<ExecutionEvent>], node: &str) -> NodeOutcome {
    let found = events.iter().find_map(|event| match &event.kind {
        EventKind::NodeFinished { node: name, result, .. } if name.as_str() == node => Some(result.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{node} has not finished: {events:#?}"))
}

/// R1.1, R1.2, R1.5
#[tokio::test(flavor = "multi_thread")]
async fn execute_waits_and_returns_the_summary() {
    let lab = Lab::new(3);
    let framework = framework(&lab).await;
    let first = lab.fleet().node(0).unwrap().address.ip();
    let text = format!("set -- $SSH_CONNECTION; [ $3 = {first} ] || exit 9");
    let done = framework.execute(caller(), command("web[01-03]", &text)).await.unwrap();
    assert_eq!(done.summary.status, ExecutionStatus::Partial);
    assert_eq!((done.summary.progress.succeeded, done.summary.progress.failed), (1, 2));
    let targets = framework.targets(&caller(), done.record.id, &TargetQuery::default()).await.unwrap();
    let codes: Vec<Option<i32>> =
        targets.items.iter().map(|target| target.result.as_ref().and_then(NodeOutcome::exit_code)).collect();
    assert_eq!(codes, [Some(0), Some(9), Some(9)]);
    framework.shutdown(LIMIT).await;
}

/// R1.2, R1.3, R5.4
#[tokio::test(flavor = "multi_thread")]
async fn submit_returns_a_durable_id_at_once_and_everybody_sees_the_same_events() {
    let lab = Lab::new(2);
    let framework = framework(&lab).await;
    let gate = lab.path("gate");
    let text = format!("until [ -e {} ]; do sleep 0.05; done; echo out; echo err >&2", gate.display());
    let id = framework.submit(caller(), command("web[01-02]", &text)).await.unwrap();
    // The command cannot have ended, and another program sees the execution already.
    let shown = lab.pab(["executions", "show", &id.to_string(), "--format", "json"]).succeeds().json();
    assert!(["queued", "running"].contains(&shown["status"].as_str().unwrap()), "{shown}");
    let mode = SubscriptionMode::SlowTheSource;
    let first = framework.events(&caller(), id, 1, mode).await.unwrap();
    let second = framework.events(&caller(), id, 1, SubscriptionMode::GapWhenSlow).await.unwrap();
    std::fs::write(&gate, "").unwrap();
    let (first, second) = tokio::join!(all(first), all(second));
    assert_eq!(first, second);
    let numbers: Vec<u64> = first.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=first.len() as u64).collect::<Vec<_>>());
    for (stream, bytes) in [(StreamKind::Stdout, "out\n"), (StreamKind::Stderr, "err\n")] {
        let pieces = first.iter().filter(|event| {
            matches!(&event.kind, EventKind::Output { stream: of, data, .. } if *of == stream && data.0 == bytes)
        });
        assert_eq!(pieces.count(), 2, "{stream}");
    }
    let done = framework.wait(&caller(), id).await.unwrap();
    assert_eq!(done.summary.status, ExecutionStatus::Completed);
    // From the middle on, after the end, by replay.
    let late = framework.events(&caller(), id, 3, mode).await.unwrap();
    assert_eq!(all(late).await, first[2..]);
    framework.shutdown(LIMIT).await;
}

/// R1.2
#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_returns_the_same_execution_and_runs_nothing_again() {
    let lab = Lab::new(1);
    let framework = framework(&lab).await;
    let file = lab.path("ran");
    let mut request = command("web01", &format!("echo once >> {}", file.display()));
    request.idempotency_key = Some(IdempotencyKey::new("deploy-42").unwrap());
    let first = framework.submit(caller(), request.clone()).await.unwrap();
    framework.wait(&caller(), first).await.unwrap();
    assert_eq!(framework.submit(caller(), request.clone()).await.unwrap(), first);
    request.action = command("web01", "echo something else").action;
    let error = framework.submit(caller(), request).await.unwrap_err();
    assert_eq!(error.code().as_str(), "idempotency_conflict", "{error}");
    framework.shutdown(LIMIT).await;
    assert_eq!(lines_of(&file), ["once"]);
}

/// R1.6
#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_an_outcome_with_what_became_of_the_process() {
    let lab = Lab::new(1);
    let framework = framework(&lab).await;
    let number = unique();
    let mut request = command("web01", &format!("sleep {number}"));
    request.timeouts.node_ms = Some(1_500);
    let id = framework.submit(caller(), request).await.unwrap();
    let events = all(framework.events(&caller(), id, 1, SubscriptionMode::default()).await.unwrap()).await;
    let expected =
        NodeOutcome::TimedOut { phase: TimeoutPhase::Run, termination: Some(Termination::Confirmed) };
    assert_eq!(outcome(&events, "web01"), expected);
    assert_eq!(lab.processes(&number), []);
    framework.shutdown(LIMIT).await;
}

/// R8.8
#[tokio::test(flavor = "multi_thread")]
async fn cancelling_is_idempotent_and_can_take_single_nodes() {
    let lab = Lab::new(2);
    let framework = framework(&lab).await;
    let number = unique();
    let id = framework.submit(caller(), command("web[01-02]", &format!("sleep {number}"))).await.unwrap();
    lab.wait_for_processes(&format!("sleep {number}"), 2);
    let grace = TerminateMode::Graceful { grace: Duration::from_secs(1) };
    let only = CancelScope::Nodes(vec![NodeId::new("web02").unwrap()]);
    framework.cancel(&caller(), id, only, grace).await.unwrap();
    lab.wait_for_processes(&format!("sleep {number}"), 1);
    for _ in 0..2 {
        framework.cancel(&caller(), id, CancelScope::All, grace).await.unwrap();
    }
    let done = framework.wait(&caller(), id).await.unwrap();
    assert_eq!(done.summary.status, ExecutionStatus::Cancelled);
    assert_eq!((done.summary.progress.cancelled, done.summary.unconfirmed), (2, 0));
    assert_eq!(lab.processes(&number), []);
    let receipt = framework.cancel(&caller(), id, CancelScope::All, grace).await.unwrap();
    assert_eq!(receipt, CancelReceipt::AlreadyEnded);
    framework.shutdown(LIMIT).await;
}

/// R9.3, R9.6, R5.8
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_is_refused_with_every_field_and_nothing_is_recorded() {
    let lab = Lab::new(1);
    let framework = framework(&lab).await;
    let mut request = command("", " ");
    request.concurrency = Some(0);
    request.timeouts.connect_ms = Some(0);
    let SubmitError::Invalid(error) = framework.submit(caller(), request).await.unwrap_err() else {
        panic!("it is a violation")
    };
    let paths: BTreeSet<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["action.command", "concurrency", "targets", "timeouts.connectMs"].into());
    let listed = framework.executions(&caller(), &ExecutionQuery::default()).await.unwrap();
    assert_eq!(listed.items, []);
    assert_eq!(lab.all_connections_seen(), 0);
    framework.shutdown(LIMIT).await;
}

/// R6.6, R9.3
#[tokio::test(flavor = "multi_thread")]
async fn without_an_authorizer_everything_is_denied_and_nothing_starts() {
    let lab = Lab::new(1);
    let framework = Framework::builder().database(lab.database()).open().await.unwrap();
    let error = framework.submit(caller(), command("web01", "true")).await.unwrap_err();
    assert_eq!(error.code().as_str(), "denied", "{error}");
    assert_eq!(lab.all_connections_seen(), 0);
    framework.shutdown(LIMIT).await;
}

/// R8.8
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_leaves_no_process_and_no_connection() {
    let lab = Lab::new(2);
    let framework = framework(&lab).await;
    let number = unique();
    let id = framework.submit(caller(), command("web[01-02]", &format!("sleep {number}"))).await.unwrap();
    lab.wait_for_processes(&format!("sleep {number}"), 2);
    framework.shutdown(Duration::from_millis(1)).await;
    lab.wait_for_processes(&format!("sleep {number}"), 0);
    let closed = || (0..2).all(|node| lab.fleet().open_connections(node).unwrap() == 0);
    wait::until("the connections to be closed", LIMIT, closed).unwrap();
    let shown = lab.pab(["executions", "show", &id.to_string(), "--format", "json"]).succeeds().json();
    let status = shown["status"].as_str().unwrap();
    assert!(["cancelled", "interrupted"].contains(&status), "{shown}");
}
