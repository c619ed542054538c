//! Attempts after the first: which outcomes have them, when they come, and what is told and kept of each.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::resilience::{Backoff, BreakerPolicy, Growth, RetryPolicy};
use pabawi_domain::rollout::{Mode, Share};
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{CancelReceipt, CancelScope, EngineLimits};
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{GRACEFUL, Rig, ann, command, node, settle};

fn policy(attempts: u32) -> RetryPolicy {
    let backoff = Backoff { growth: Growth::Linear, initial_ms: 10_000, max_ms: 60_000, jitter: 0.0 };
    RetryPolicy { backoff, ..RetryPolicy::new(attempts) }
}

fn retried(targets: &str, policy: RetryPolicy) -> ExecutionRequest {
    let mut request = command(targets);
    request.retry = Some(policy);
    request
}

fn refuses(times: u32) -> NodeScript {
    NodeScript::new().connect_fails_times(times, ErrorCode::ConnectionRefused)
}

/// R7.5, R7.6
#[tokio::test(start_paused = true)]
async fn an_unreachable_node_is_tried_again_with_growing_waits() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), refuses(2))).await;
    let begin = tokio::time::Instant::now();
    let outcome = rig.execute(retried("a,b", policy(3))).await;
    assert_eq!(outcome.summary.status, ExecutionStatus::Completed);
    assert_eq!(begin.elapsed().as_secs(), 10 + 20);
    let (id, a) = (outcome.record.id, node("a"));
    assert_eq!((rig.transport.counts(&a).connects, rig.transport.counts(&a).starts), (3, 1));
    let attempts = rig.engine.attempts(&ann(), id, Some(&a)).await.unwrap();
    let ends: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.attempt, attempt.result.as_ref().map(NodeOutcome::word)))
        .collect();
    assert_eq!(ends, [(1, Some("unreachable")), (2, Some("unreachable")), (3, Some("succeeded"))]);
    assert_eq!(rig.stored(id, "a").await.attempt, 3);
    let all = rig.events(id).await.rest().await;
    let told: Vec<String> = all
        .iter()
        .filter(|event| event.kind.node() == Some(&a))
        .filter_map(|event| match &event.kind {
            EventKind::NodeStarted { attempt, .. } => Some(format!("start {attempt}")),
            EventKind::AttemptFailed { attempt, retry_in_ms, .. } => {
                Some(format!("failed {attempt}, again in {retry_in_ms}"))
            }
            EventKind::NodeFinished { attempt, .. } => Some(format!("end {attempt}")),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        ["start 1", "failed 1, again in 10000", "start 2", "failed 2, again in 20000", "start 3", "end 3"]
    );
}

/// R7.5: the last failure is the result, and counts once.
#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_failure_stands() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), refuses(99))).await;
    let mut request = retried("a,b,c", policy(3));
    request.rollout.max_failures = Some(Share::Count(0));
    let outcome = rig.execute(request).await;
    assert_eq!(rig.transport.counts(&node("a")).connects, 3);
    let counts = outcome.summary.progress;
    assert_eq!((counts.failed, counts.succeeded, counts.skipped), (1, 2, 0));
}

/// R7.5: what may have run is not run again, unless it is said to be idempotent.
#[tokio::test(start_paused = true)]
async fn what_may_have_run_is_repeated_only_on_request() {
    let flaky = NodeScript::new().exits(7).then(NodeScript::new().stdout("well\n"));
    for (idempotent, starts) in [(false, 1), (true, 2)] {
        let rig = Rig::new(ScriptedTransport::new().node(&node("a"), flaky.clone())).await;
        let on = ["exited".to_owned()].into();
        let outcome = rig.execute(retried("a", RetryPolicy { on, idempotent, ..policy(5) })).await;
        assert_eq!(rig.transport.counts(&node("a")).starts, starts);
        assert_eq!(outcome.summary.progress.succeeded, starts - 1);
    }
    let lost = NodeScript::new().loses_link();
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), lost)).await;
    rig.execute(retried("a", policy(5))).await;
    assert_eq!(rig.transport.counts(&node("a")).starts, 1);
}

/// R7.1: a node that waits for another attempt takes nobody's place.
#[tokio::test(start_paused = true)]
async fn a_wait_holds_no_permit() {
    let rig = Rig::new(
        ScriptedTransport::new()
            .default_script(NodeScript::new().waits(Duration::from_secs(1)))
            .node(&node("n0"), refuses(99)),
    )
    .await;
    let mut request = retried("n*9", policy(2));
    request.concurrency = Some(1);
    let id = rig.submit(request).await;
    rig.events(id).await.until_finished("n8").await;
    let progress = rig.status(id).await.progress;
    assert_eq!((progress.queued, progress.running, progress.succeeded), (1, 0, 8));
    settle().await;
    assert_eq!(rig.engine.stats().node_runs, 0);
    assert_eq!(rig.wait(id).await.summary.progress.failed, 1);
}

/// R2.9: one after the other also means that nobody overtakes.
#[tokio::test(start_paused = true)]
async fn in_a_sequential_run_the_next_waits_for_the_last_attempt() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("b"), refuses(1))).await;
    let mut request = retried("a,b,c", policy(3));
    request.rollout.mode = Mode::Sequential { stop_at_failure: false };
    rig.execute(request).await;
    let order: Vec<_> = rig.transport.started().into_iter().map(|(node, _)| node).collect();
    assert_eq!(order, ["a", "b", "c"].map(node));
}

/// R7.5: no attempt begins past the limit over all of them, and one that runs ends by it.
#[tokio::test(start_paused = true)]
async fn a_deadline_holds_over_all_attempts() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), refuses(99))).await;
    let begin = tokio::time::Instant::now();
    rig.execute(retried("a", RetryPolicy { deadline_ms: Some(25_000), ..policy(9) })).await;
    assert_eq!(rig.transport.counts(&node("a")).connects, 2);
    assert_eq!(begin.elapsed().as_secs(), 10);
    let rig = Rig::new(
        ScriptedTransport::new()
            .node(&node("a"), NodeScript::new().hangs().connect_fails_times(1, ErrorCode::NoRoute)),
    )
    .await;
    let begin = tokio::time::Instant::now();
    let outcome = rig.execute(retried("a", RetryPolicy { deadline_ms: Some(25_000), ..policy(9) })).await;
    assert_eq!(begin.elapsed().as_secs(), 25);
    assert_eq!(outcome.summary.outcomes.get("timedOut"), Some(&1));
}

/// R8.8: cancelling ends the wait; other ends let the last failure stand.
#[tokio::test(start_paused = true)]
async fn a_wait_can_be_cancelled() {
    let rig = Rig::new(ScriptedTransport::new().default_script(refuses(99))).await;
    let is_failed = |kind: &EventKind| matches!(kind, EventKind::AttemptFailed { .. });
    let id = rig.submit(retried("a,b", policy(9))).await;
    rig.events(id).await.until(is_failed).await;
    let one = CancelScope::Nodes(vec![node("a")]);
    rig.engine.cancel(&ann(), id, one, GRACEFUL).await.unwrap();
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    assert_eq!(rig.wait(id).await.summary.progress.cancelled, 2);
    assert_eq!(rig.stored(id, "a").await.attempt, 1);

    let id = rig.submit(retried("c", policy(9))).await;
    rig.events(id).await.until(is_failed).await;
    let caller = ann();
    let (_, outcome) =
        tokio::join!(rig.engine.shutdown(Duration::from_secs(1)), rig.engine.wait(&caller, id));
    assert_eq!(outcome.unwrap().summary.outcomes.get("unreachable"), Some(&1));
}

/// R7.6, R7.8: a retry that a breaker refuses leaves the attempts before it as they were, and does not begin to count
/// anew.
#[tokio::test(start_paused = true)]
async fn a_refused_retry_hides_no_attempt_and_ends() {
    let limits = EngineLimits {
        node_breaker: Some(BreakerPolicy { failures: 2, ..BreakerPolicy::default() }),
        ..EngineLimits::default()
    };
    let rig = Rig::with(ScriptedTransport::new().node(&node("a"), refuses(99)), limits).await;
    for (on, refusals) in [(&["unreachable"][..], 1), (&["unreachable", "rejected"], 3)] {
        let on = on.iter().map(|word| (*word).to_owned()).collect();
        let id = rig.submit(retried("a", RetryPolicy { on, ..policy(5) })).await;
        let outcome = rig.wait(id).await;
        assert_eq!(outcome.summary.outcomes.get("rejected"), Some(&1));
        let attempts = rig.engine.attempts(&ann(), id, None).await.unwrap();
        let ends: Vec<_> = attempts
            .iter()
            .map(|attempt| (attempt.attempt, attempt.result.as_ref().map(NodeOutcome::word)))
            .collect();
        assert_eq!(ends, [(1, Some("unreachable")), (2, Some("unreachable"))]);
        assert_eq!(rig.stored(id, "a").await.attempt, 2);
        let told = rig.events(id).await.rest().await;
        let refused = |event: &&Arc<ExecutionEvent>| match &event.kind {
            EventKind::AttemptFailed { result, .. } | EventKind::NodeFinished { result, .. } => {
                result.word() == "rejected"
            }
            _ => false,
        };
        assert_eq!(told.iter().filter(refused).count(), refusals, "attempts 3 to 5");
        let component = "node:a".parse().unwrap();
        rig.engine.reset_breaker(&ann(), &component).await.unwrap();
    }
}

/// R8.8: a node that is cancelled in the moment in which its attempt fails is not run again.
#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_with_the_end_of_an_attempt_counts() {
    let gate = Gate::new();
    let flaky = NodeScript::new().waits_for(&gate).exits(7);
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), flaky)).await;
    let on = ["exited".to_owned()].into();
    let id = rig.submit(retried("a", RetryPolicy { on, idempotent: true, ..policy(9) })).await;
    rig.events(id).await.until_started("a").await;
    settle().await;
    // Both come to the dispatcher together, and it looks at orders first.
    gate.open();
    let one = CancelScope::Nodes(vec![node("a")]);
    let receipt = rig.engine.cancel(&ann(), id, one, GRACEFUL).await.unwrap();
    assert_eq!(receipt, CancelReceipt::Ordered { not_started: 0, stopping: 1 });
    assert_eq!(rig.wait(id).await.summary.progress.cancelled, 1);
    assert_eq!(rig.transport.counts(&node("a")).starts, 1);
}

/// Output of an attempt that another one follows does not pile up, in files neither.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_followed_leaves_no_file_and_the_last_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let limits = EngineLimits {
        spill_dir: dir.path().join("spill"),
        debug_memory_bytes: 1024,
        ..EngineLimits::default()
    };
    let flood = vec![b'x'; 200_000];
    let script =
        NodeScript::new().stdout(flood.clone()).exits(7).then(NodeScript::new().stdout(flood.clone()));
    let rig = Rig::with(ScriptedTransport::new().node(&node("a"), script), limits).await;
    let on = ["exited".to_owned()].into();
    let mut request = retried("a", RetryPolicy { on, idempotent: true, ..policy(3) });
    request.debug = true;
    let id = rig.submit(request).await;
    assert_eq!(rig.wait(id).await.summary.progress.succeeded, 1);
    let stdout = rig.stored(id, "a").await.stdout.unwrap();
    assert_eq!((stdout.total_bytes, stdout.omitted_bytes), (200_000, 0));
    assert_eq!(std::fs::read_dir(dir.path().join("spill")).unwrap().count(), 0);
}
