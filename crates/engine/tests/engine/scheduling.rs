//! Who goes when: sliding window, limits, priorities, fairness, queue.

use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::metrics::MetricValue;
use pabawi_domain::resilience::RetryPolicy;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{EngineLimits, PartStats, SubmitError};
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Rig, ann, command, node, settle};

fn second() -> NodeScript {
    NodeScript::new().waits(Duration::from_secs(1))
}

fn started(transport: &ScriptedTransport) -> Vec<NodeId> {
    transport.started().into_iter().map(|(node, _)| node).collect()
}

/// R8.1, R8.2: the next node starts as soon as one ends; a slow one holds its own place only.
#[tokio::test(start_paused = true)]
async fn the_window_slides_past_a_slow_node() {
    let gate = Gate::new();
    let transport = ScriptedTransport::new()
        .default_script(second())
        .node(&node("n0"), NodeScript::new().waits_for(&gate));
    let rig = Rig::new(transport).await;
    let mut request = command("n*31");
    request.concurrency = Some(4);
    let begin = tokio::time::Instant::now();
    let id = rig.submit(request).await;
    let mut events = rig.events(id).await;
    events.until_finished("n30").await;
    // 30 nodes of one second through three places.
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert_eq!(rig.status(id).await.progress.running, 1);
    assert_eq!(rig.transport.peak_running(), 4);
    gate.open();
    assert_eq!(rig.wait(id).await.summary.progress.succeeded, 31);
}

/// R2.9: one at a time, in the order of the plan.
#[tokio::test(start_paused = true)]
async fn a_concurrency_of_one_is_sequential() {
    let rig = Rig::new(ScriptedTransport::new().default_script(second())).await;
    let mut request = command("c,a,b");
    request.concurrency = Some(1);
    rig.execute(request).await;
    assert_eq!(started(&rig.transport), ["c", "a", "b"].map(node));
    assert_eq!(rig.transport.peak_running(), 1);
}

/// R8.7: how long nodes wait for their turn is measured, as `explain_slow` tells it; another attempt of one does not wait anew.
#[tokio::test(start_paused = true)]
async fn the_time_until_a_node_has_its_turn_is_measured() {
    let again = NodeScript::new().connect_fails_times(1, ErrorCode::ConnectionRefused);
    let transport = ScriptedTransport::new().default_script(second()).node(&node("b"), again);
    let rig = Rig::new(transport).await;
    let mut request = command("c,a,b");
    request.concurrency = Some(1);
    request.retry = Some(RetryPolicy { on: ["unreachable".to_owned()].into(), ..RetryPolicy::new(2) });
    assert_eq!(rig.execute(request).await.summary.progress.succeeded, 3);
    let snapshot = rig.engine.metrics(&PartStats::default());
    let family = snapshot.families.iter().find(|family| family.name == "pabawi_phase_seconds").unwrap();
    let queue = family.samples.iter().find(|sample| sample.labels["phase"] == "queue").unwrap();
    let MetricValue::Histogram(queue) = &queue.value else { panic!("{queue:?}") };
    assert_eq!((queue.count, queue.sum), (3, 3.0), "none, one second and two");
}

/// R8.2: the engine's limit holds over all executions, and so does the default of each.
#[tokio::test(start_paused = true)]
async fn the_global_limit_holds_over_all_executions() {
    let limits = EngineLimits { max_node_runs: 5, default_concurrency: 3, ..EngineLimits::default() };
    let rig = Rig::with(ScriptedTransport::new().default_script(second()), limits).await;
    let alone = rig.execute(command("a*12")).await;
    assert_eq!((alone.summary.progress.succeeded, rig.transport.peak_running()), (12, 3));
    let ids = [rig.submit(command("b*20")).await, rig.submit(command("c*20")).await];
    for id in ids {
        assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Completed);
    }
    assert_eq!(rig.transport.peak_running(), 5);
    settle().await;
    assert_eq!(rig.engine.stats().node_runs, 0);
}

/// R8.2: a huge execution that came first does not starve a small one.
#[tokio::test(start_paused = true)]
async fn a_small_execution_is_not_starved_by_a_huge_one() {
    let limits = EngineLimits { max_node_runs: 10, ..EngineLimits::default() };
    let rig = Rig::with(ScriptedTransport::new().default_script(second()), limits).await;
    let huge = rig.submit(command("huge*1000")).await;
    rig.events(huge).await.until_started("huge9").await;
    let begin = tokio::time::Instant::now();
    let small = rig.execute(command("small*10")).await;
    assert_eq!(small.summary.status, ExecutionStatus::Completed);
    assert!(begin.elapsed() <= Duration::from_secs(4), "{:?}", begin.elapsed());
    assert_eq!(rig.wait(huge).await.summary.progress.succeeded, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_higher_priority_goes_first() {
    let limits = EngineLimits { max_node_runs: 1, ..EngineLimits::default() };
    let rig = Rig::with(ScriptedTransport::new().default_script(second()), limits).await;
    let low = rig.submit(command("low*3")).await;
    rig.events(low).await.until_started("low0").await;
    let mut urgent = command("high*2");
    urgent.priority = 10;
    let high = rig.submit(urgent).await;
    rig.wait(low).await;
    rig.wait(high).await;
    assert_eq!(started(&rig.transport), ["low0", "high0", "high1", "low1", "low2"].map(node));
}

/// R8.2: more executions than may run wait in the order they came, those of a higher priority first.
#[tokio::test(start_paused = true)]
async fn executions_wait_for_their_turn() {
    let limits = EngineLimits { max_running_executions: 1, ..EngineLimits::default() };
    let gate = Gate::new();
    let transport = ScriptedTransport::new().node(&node("first"), NodeScript::new().waits_for(&gate));
    let rig = Rig::with(transport, limits).await;
    let first = rig.submit(command("first")).await;
    rig.events(first).await.until_started("first").await;
    let waiting = [rig.submit(command("second")).await, rig.submit(command("third")).await];
    let mut urgent = command("urgent");
    urgent.priority = 1;
    let urgent = rig.submit(urgent).await;
    settle().await;
    assert_eq!(rig.status(waiting[0]).await.status, ExecutionStatus::Queued);
    assert_eq!(rig.engine.stats().queued_executions, 3);
    gate.open();
    for id in [urgent, waiting[0], waiting[1]] {
        rig.wait(id).await;
    }
    assert_eq!(started(&rig.transport), ["first", "urgent", "second", "third"].map(node));
}

/// R8.2: the queue has an end, the error names it, and there is room again afterwards.
#[tokio::test(start_paused = true)]
async fn a_full_queue_is_a_named_error() {
    let limits =
        EngineLimits { max_running_executions: 1, max_queued_executions: 2, ..EngineLimits::default() };
    let gate = Gate::new();
    let rig =
        Rig::with(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate)), limits).await;
    let first = rig.submit(command("a")).await;
    rig.events(first).await.until_started("a").await;
    let ids = [rig.submit(command("b")).await, rig.submit(command("c")).await];
    let error = rig.engine.submit(ann(), command("d")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (ErrorCode::QueueFull, true));
    assert!(matches!(error, SubmitError::QueueFull { what: "executions", limit: 2 }));
    gate.open();
    for id in ids {
        rig.wait(id).await;
    }
    rig.execute(command("d")).await;
}

#[tokio::test(start_paused = true)]
async fn too_many_targets_are_refused() {
    let limits = EngineLimits { max_targets: 10, max_pending_targets: 12, ..EngineLimits::default() };
    let gate = Gate::new();
    let rig =
        Rig::with(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate)), limits).await;
    let error = rig.engine.submit(ann(), command("a*11")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Validation);
    let first = rig.submit(command("a*10")).await;
    let error = rig.engine.submit(ann(), command("b*3")).await.unwrap_err();
    assert!(matches!(error, SubmitError::QueueFull { what: "targets", limit: 12 }), "{error}");
    gate.open();
    rig.wait(first).await;
    settle().await;
    rig.execute(command("b*3")).await;
}

/// A target that waits costs no task.
#[tokio::test(start_paused = true)]
async fn waiting_targets_have_no_tasks() {
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().hangs())).await;
    let mut request = command("n*10000");
    request.concurrency = Some(7);
    let id = rig.submit(request).await;
    rig.events(id).await.until_started("n6").await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert!(tasks < 25, "{tasks} tasks");
}
