//! Sequential runs, waves, tolerated failures, health checks, canaries, stragglers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, CommandAction, EnvValue};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::outcome::{NodeOutcome, SkipReason, Termination, TimeoutPhase};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::rollout::{Canary, HealthCheck, Mode, Rolling, Share, Stragglers};
use pabawi_domain::secret::Secret;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{CancelScope, EngineLimits, RerunSecrets};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};
use proptest::prelude::*;

use super::support::{GRACEFUL, Rig, ann, command, node, settle};

fn second() -> NodeScript {
    NodeScript::new().waits(Duration::from_secs(1))
}

fn rolling(targets: &str, waves: &[Share]) -> ExecutionRequest {
    let mut request = command(targets);
    request.rollout.mode = Mode::Rolling(Rolling { waves: waves.to_vec(), pause_ms: 0, health_check: None });
    request
}

fn checked(targets: &str, waves: &[Share], check: Option<&str>) -> ExecutionRequest {
    let mut request = rolling(targets, waves);
    if let Mode::Rolling(rolling) = &mut request.rollout.mode {
        rolling.health_check = Some(HealthCheck {
            action: Box::new(Action::Command(CommandAction::new("is-it-well"))),
            targets: check.map(TargetExpression::new),
            timeout_ms: Some(30_000),
        });
    }
    request
}

fn started(rig: &Rig) -> Vec<NodeId> {
    rig.transport.started().into_iter().map(|(node, _)| node).collect()
}

async fn told(rig: &Rig, id: ExecutionId, wanted: impl Fn(&EventKind) -> bool) -> Vec<EventKind> {
    let all = rig.events(id).await.rest().await;
    all.iter().map(|event| event.kind.clone()).filter(wanted).collect()
}

fn of_waves(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::WaveStarted { .. } | EventKind::WaveFinished { .. } | EventKind::RolloutStopped { .. }
    )
}

/// R2.9: in the declared order, and not a step further after a failure.
#[tokio::test(start_paused = true)]
async fn a_sequential_run_stops_at_the_first_failure_when_asked() {
    let transport =
        || ScriptedTransport::new().default_script(second()).node(&node("b"), NodeScript::new().exits(3));
    for (stop_at_failure, ran) in [(false, vec!["d", "b", "a", "c"]), (true, vec!["d", "b"])] {
        let rig = Rig::new(transport()).await;
        let mut request = command("d,b,a,c");
        request.rollout.mode = Mode::Sequential { stop_at_failure };
        let summary = rig.execute(request).await.summary;
        assert_eq!(summary.status, ExecutionStatus::Partial);
        assert_eq!(started(&rig), ran.into_iter().map(node).collect::<Vec<_>>());
        assert_eq!(rig.transport.peak_running(), 1);
        assert_eq!(summary.progress.skipped, if stop_at_failure { 2 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_wave_begins_when_every_node_of_the_one_before_has_ended() {
    let gate = Gate::new();
    let transport =
        ScriptedTransport::new().default_script(second()).node(&node("n1"), second().waits_for(&gate));
    let rig = Rig::new(transport).await;
    let mut request = rolling("n*10", &[Share::Count(1), Share::Count(3), Share::Percent(50.0)]);
    if let Mode::Rolling(rolling) = &mut request.rollout.mode {
        rolling.pause_ms = 60_000;
    }
    let begin = tokio::time::Instant::now();
    let id = rig.submit(request).await;
    rig.events(id).await.until_finished("n3").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(started(&rig).len(), 4, "the second wave waits for its slow node");
    gate.open();
    assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Completed);
    // Four waves of a second, three pauses of a minute, and the hour.
    assert_eq!(begin.elapsed().as_secs(), 4 + 3 * 60 + 3600);
    assert_eq!(rig.transport.peak_running(), 5);
    let waves = told(&rig, id, of_waves).await;
    let finished =
        |wave, pause_ms| EventKind::WaveFinished { wave, health_check: None, unhealthy: None, pause_ms };
    let begins = |wave, nodes| EventKind::WaveStarted { wave, waves: 4, nodes };
    assert_eq!(
        waves,
        [
            begins(1, 1),
            finished(1, 60_000),
            begins(2, 3),
            finished(2, 60_000),
            begins(3, 5),
            finished(3, 60_000),
            begins(4, 1),
            finished(4, 0),
        ]
    );
}

/// Unreachable, too slow, refused and failed nodes all count.
#[tokio::test(start_paused = true)]
async fn every_kind_of_failure_counts_against_the_limit() {
    let transport = ScriptedTransport::new()
        .node(&node("n0"), NodeScript::new().connect_fails(ErrorCode::ConnectionRefused))
        .node(&node("n1"), NodeScript::new().hangs())
        .node(&node("n2"), NodeScript::new().connect_fails(ErrorCode::AuthFailed))
        .node(&node("n3"), NodeScript::new().exits(1));
    for (max_failures, skipped) in [(Some(4), 0), (Some(3), 4), (Some(0), 7), (None, 0)] {
        let rig = Rig::new(transport.clone()).await;
        let mut request = command("n*8");
        request.concurrency = Some(1);
        request.timeouts.node_ms = Some(1_000);
        request.rollout.max_failures = max_failures.map(Share::Count);
        let outcome = rig.execute(request).await;
        assert_eq!(outcome.summary.progress.skipped, skipped, "{max_failures:?}");
        if skipped > 0 {
            let id = outcome.record.id;
            assert_eq!(rig.outcome(id, "n7").await, NodeOutcome::Skipped { why: SkipReason::MaxFailures });
            let failures = max_failures.unwrap_or_default() + 1;
            assert_eq!(
                told(&rig, id, of_waves).await,
                [EventKind::RolloutStopped { why: SkipReason::MaxFailures, failures, skipped }]
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn fail_fast_lets_what_runs_come_to_its_end() {
    let transport =
        ScriptedTransport::new().default_script(second()).node(&node("n0"), NodeScript::new().exits(1));
    let rig = Rig::new(transport).await;
    let mut request = command("n*20");
    request.concurrency = Some(5);
    request.rollout.fail_fast = true;
    let outcome = rig.execute(request).await;
    let counts = outcome.summary.progress;
    assert_eq!((counts.failed, counts.succeeded, counts.cancelled), (1, 4, 0));
    assert_eq!(
        rig.outcome(outcome.record.id, "n19").await,
        NodeOutcome::Skipped { why: SkipReason::FailFast }
    );
}

/// The check is an execution of its own on the nodes of the wave that succeeded, and a part of the first.
#[tokio::test(start_paused = true)]
async fn a_wave_is_checked_before_the_next_begins() {
    let limits =
        EngineLimits { max_running_executions: 1, max_queued_executions: 1, ..EngineLimits::default() };
    let transport = ScriptedTransport::new()
        .node(&node("n1"), NodeScript::new().exits(1))
        .node(&node("n3"), NodeScript::new().then(NodeScript::new().exits(9)));
    let rig = Rig::with(transport, limits).await;
    let outcome = rig.execute(checked("n*8", &[Share::Count(2)], None)).await;
    let (id, counts) = (outcome.record.id, outcome.summary.progress);
    assert_eq!((counts.succeeded, counts.failed, counts.skipped), (3, 1, 4));
    assert_eq!(rig.outcome(id, "n4").await, NodeOutcome::Skipped { why: SkipReason::HealthCheckFailed });
    let waves = told(&rig, id, of_waves).await;
    let checks: Vec<ExecutionId> = waves
        .iter()
        .filter_map(|kind| match kind {
            EventKind::WaveFinished { health_check, .. } => *health_check,
            _ => None,
        })
        .collect();
    assert_eq!(checks.len(), 2, "{waves:?}");
    let unhealthy = waves.iter().rev().find_map(|kind| match kind {
        EventKind::WaveFinished { unhealthy, .. } => unhealthy.clone(),
        _ => None,
    });
    assert!(unhealthy.unwrap().contains("1 of 2"), "{waves:?}");
    let first = rig.status(checks[0]).await;
    assert_eq!((first.request.parent, first.progress.total), (Some(id), 1), "n1 had failed already");
    assert_eq!(first.action_text, "is-it-well");
    assert_eq!(rig.status(checks[1]).await.status, ExecutionStatus::Partial);
}

/// What is not well is not called completed, whoever asks.
#[tokio::test(start_paused = true)]
async fn an_execution_whose_last_wave_is_not_well_is_not_completed() {
    let transport =
        ScriptedTransport::new().default_script(NodeScript::new().then(NodeScript::new().exits(1)));
    let rig = Rig::new(transport).await;
    let outcome = rig.execute(checked("n*3", &[Share::Percent(100.0)], None)).await;
    let summary = &outcome.summary;
    assert_eq!((summary.progress.succeeded, summary.unhealthy_waves), (3, 1));
    assert_eq!(summary.status, ExecutionStatus::Partial);
    assert_eq!(rig.status(outcome.record.id).await.status, ExecutionStatus::Partial);
}

/// A wave in which nobody succeeded has nobody to be checked on, and is not well.
#[tokio::test(start_paused = true)]
async fn a_wave_without_a_success_goes_no_further_where_there_is_a_check() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("n0"), NodeScript::new().exits(1))).await;
    let outcome = rig.execute(checked("n*5", &[Share::Count(1), Share::Count(4)], None)).await;
    assert_eq!((outcome.summary.progress.failed, outcome.summary.progress.skipped), (1, 4));
}

/// R8.8: the rollout goes on with the second wave when nothing of the first is left to start.
#[tokio::test(start_paused = true)]
async fn a_first_wave_that_is_cancelled_before_its_start_holds_nobody_up() {
    let limits = EngineLimits { max_running_executions: 1, ..EngineLimits::default() };
    let gate = Gate::new();
    let transport = ScriptedTransport::new().node(&node("before"), NodeScript::new().waits_for(&gate));
    let rig = Rig::with(transport, limits).await;
    let before = rig.submit(command("before")).await;
    rig.events(before).await.until_started("before").await;
    let id = rig.submit(rolling("n*4", &[Share::Count(2)])).await;
    let first = CancelScope::Nodes(vec![node("n0"), node("n1")]);
    rig.engine.cancel(&ann(), id, first, GRACEFUL).await.unwrap();
    gate.open();
    let counts = rig.wait(id).await.summary.progress;
    assert_eq!((counts.cancelled, counts.succeeded), (2, 2));
}

/// A crash in the middle: what is left goes on at its wave, after a check of the wave that had none.
#[tokio::test(start_paused = true)]
async fn what_a_dead_process_left_goes_on_where_it_was() {
    let store = Arc::new(MemoryStore::new());
    let gate = Gate::new();
    let held =
        ScriptedTransport::new().default_script(NodeScript::new().then(NodeScript::new().waits_for(&gate)));
    let first = Rig::on(Arc::clone(&store), held, EngineLimits::default()).await;
    let mut request = checked("n*6", &[Share::Count(2)], None);
    request.rollout.max_failures = Some(Share::Count(1));
    let id = first.submit(request).await;
    first.events(id).await.until_finished("n1").await;
    settle().await;
    assert_eq!(first.transport.started().len(), 4, "two nodes, and the check on both");
    store.orphan_all();
    let resumed = async |transport: ScriptedTransport| {
        let rig = Rig::on(Arc::clone(&store), transport, EngineLimits::default()).await;
        let resumed = rig.engine.resume(ann(), id, false, RerunSecrets::default()).await;
        (rig, resumed)
    };
    // The wave is checked again, and is not well.
    let (rig, refused) =
        resumed(ScriptedTransport::new().node(&node("n0"), NodeScript::new().exits(1))).await;
    assert!(refused.unwrap_err().to_string().contains("not well"));
    assert_eq!(rig.transport.started().len(), 2);
    let (rig, accepted) = resumed(ScriptedTransport::new()).await;
    let accepted = accepted.unwrap();
    assert_eq!((accepted.nodes, accepted.unknown.len()), (4, 0));
    assert_eq!(rig.wait(accepted.id).await.summary.progress.succeeded, 4);
    let waves = told(&rig, accepted.id, |kind| matches!(kind, EventKind::WaveStarted { .. })).await;
    assert_eq!(waves.len(), 2, "two waves of two are left: {waves:?}");
    let (_, nothing) = resumed(ScriptedTransport::new()).await;
    assert!(nothing.unwrap_err().to_string().contains("nothing is left"));
}

/// R9.3: a secret that has to be given again is asked for before the wave of then is checked, which runs something.
#[tokio::test(start_paused = true)]
async fn a_missing_secret_is_told_before_a_wave_is_checked_again() {
    let store = Arc::new(MemoryStore::new());
    let gate = Gate::new();
    let held =
        ScriptedTransport::new().default_script(NodeScript::new().then(NodeScript::new().waits_for(&gate)));
    let first = Rig::on(Arc::clone(&store), held, EngineLimits::default()).await;
    let mut request = checked("n*6", &[Share::Count(2)], None);
    let secret = EnvValue::Secret { secret: Secret::new("canary") };
    request.action.process_mut().unwrap().env.insert("TOKEN".into(), secret);
    let id = first.submit(request).await;
    first.events(id).await.until_finished("n1").await;
    settle().await;
    store.orphan_all();
    let rig = Rig::on(Arc::clone(&store), ScriptedTransport::new(), EngineLimits::default()).await;
    let refused = rig.engine.resume(ann(), id, false, RerunSecrets::default()).await.unwrap_err();
    assert!(refused.to_string().contains("give it again"), "{refused}");
    assert_eq!(started(&rig), Vec::<NodeId>::new());
}

/// A limit that was passed before the crash stays passed.
#[tokio::test(start_paused = true)]
async fn what_had_to_stop_does_not_go_on_after_a_crash() {
    let store = Arc::new(MemoryStore::new());
    let gate = Gate::new();
    let transport = ScriptedTransport::new()
        .node(&node("n0"), NodeScript::new().exits(1))
        .node(&node("n1"), NodeScript::new().waits_for(&gate));
    let first = Rig::on(Arc::clone(&store), transport, EngineLimits::default()).await;
    let mut request = command("n*6");
    request.concurrency = Some(2);
    request.rollout.fail_fast = true;
    let id = first.submit(request).await;
    first.events(id).await.until_finished("n0").await;
    store.orphan_all();
    let rig = Rig::on(Arc::clone(&store), ScriptedTransport::new(), EngineLimits::default()).await;
    let refused = rig.engine.resume(ann(), id, true, RerunSecrets::default()).await.unwrap_err();
    assert!(refused.to_string().contains("goes no further"), "{refused}");
    assert_eq!(rig.transport.started().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_ends_by_its_limit_and_stops_the_rollout() {
    let transport = ScriptedTransport::new().node(&node("probe"), NodeScript::new().hangs());
    let rig = Rig::new(transport).await;
    let begin = tokio::time::Instant::now();
    let outcome = rig.execute(checked("n*4", &[Share::Count(2)], Some("probe"))).await;
    assert!((30..60).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!(outcome.summary.progress.skipped, 2);
    assert_eq!(rig.transport.counts(&node("probe")).terminations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_cannot_be_started_stops_the_rollout_with_the_reason() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let outcome = rig.execute(checked("n*4", &[Share::Count(2)], Some("no-such"))).await;
    assert_eq!(outcome.summary.progress.skipped, 2);
    let waves = told(&rig, outcome.record.id, of_waves).await;
    assert!(format!("{waves:?}").contains("no-such is in no inventory"), "{waves:?}");
}

/// R8.8
#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_check_too_and_nothing_follows() {
    let transport = ScriptedTransport::new().node(&node("probe"), NodeScript::new().hangs());
    let rig = Rig::new(transport).await;
    let id = rig.submit(checked("n*4", &[Share::Count(2)], Some("probe"))).await;
    rig.events(id).await.until_finished("n1").await;
    let query = ExecutionQuery { text: Some("is-it-well".to_owned()), ..ExecutionQuery::default() };
    settle().await;
    let check = rig.engine.executions(&ann(), &query).await.unwrap().items[0].id;
    rig.events(check).await.until_started("probe").await;
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Cancelled);
    assert_eq!(rig.wait(check).await.summary.status, ExecutionStatus::Cancelled);
    assert_eq!(rig.outcome(id, "n3").await, NodeOutcome::Cancelled { termination: None });
    assert_eq!(rig.transport.started().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_pause_can_be_cancelled_and_ends_with_the_execution() {
    for cancels in [true, false] {
        let rig = Rig::new(ScriptedTransport::new()).await;
        let mut request = rolling("n*4", &[Share::Count(2)]);
        if let Mode::Rolling(rolling) = &mut request.rollout.mode {
            rolling.pause_ms = 3_600_000;
        }
        request.timeouts.execution_ms = Some(5_000);
        let id = rig.submit(request).await;
        rig.events(id).await.until(|kind| matches!(kind, EventKind::WaveFinished { .. })).await;
        if cancels {
            rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
        }
        let begin = tokio::time::Instant::now();
        let summary = rig.wait(id).await.summary;
        assert!(begin.elapsed() <= Duration::from_secs(5));
        assert_eq!((summary.progress.succeeded, summary.progress.completed()), (2, 4));
        assert_eq!(!summary.outcomes.contains_key("timedOut"), cancels);
    }
}

/// The same seed draws the same nodes, whatever the order of the inventory, and stands in the record.
#[tokio::test(start_paused = true)]
async fn a_canary_can_be_drawn_again() {
    let draw = async |targets: &str, share, seed| {
        let rig = Rig::new(ScriptedTransport::new()).await;
        let mut request = command(targets);
        request.rollout.canary = Some(Canary { share, seed });
        let outcome = rig.execute(request).await;
        let seed = outcome.record.request.rollout.canary.unwrap().seed.unwrap();
        (started(&rig).into_iter().collect::<BTreeSet<_>>(), seed)
    };
    let (nodes, seed) = draw("n*40", Share::Percent(10.0), None).await;
    assert_eq!(nodes.len(), 4);
    assert_eq!(draw("n*40", Share::Percent(10.0), Some(seed)).await, (nodes.clone(), seed));
    let (more, _) = draw("n*40", Share::Count(5), Some(seed)).await;
    assert!(more.is_superset(&nodes) && more.len() == 5);
    let (all, _) = draw("n*3", Share::Count(50), Some(7)).await;
    assert_eq!(all.len(), 3);
    let different: BTreeSet<_> = draw("n*40", Share::Percent(10.0), Some(seed ^ 1)).await.0;
    assert_ne!(different, nodes);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_is_ended_and_named_once_the_others_are_done() {
    let transport = ScriptedTransport::new()
        .default_script(second())
        .node(&node("n3"), NodeScript::new().hangs())
        .node(&node("n4"), NodeScript::new().waits(Duration::from_millis(2_900)));
    let rig = Rig::new(transport).await;
    let mut request = command("n*40");
    request.rollout.stragglers = Some(Stragglers::new(3.0));
    let begin = tokio::time::Instant::now();
    let outcome = rig.execute(request).await;
    assert_eq!(begin.elapsed().as_secs(), 3);
    let counts = outcome.summary.progress;
    assert_eq!((counts.succeeded, counts.failed), (39, 1));
    let straggler =
        NodeOutcome::TimedOut { phase: TimeoutPhase::Straggler, termination: Some(Termination::Confirmed) };
    assert_eq!(rig.outcome(outcome.record.id, "n3").await, straggler);
    assert!(straggler.describe().contains("the others"), "{}", straggler.describe());
    let limits = told(&rig, outcome.record.id, |kind| matches!(kind, EventKind::StragglerLimit { .. })).await;
    assert_eq!(limits[0], EventKind::StragglerLimit { p95_ms: 1_000, limit_ms: 3_000 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever the failures stand: never more nodes have failed than are tolerated and were in flight, what was
    /// skipped was never touched, and every node has exactly one end.
    #[test]
    fn never_more_fail_than_is_tolerated_and_was_in_flight(
        failing in proptest::collection::btree_set(0_usize..60, 0..60),
        tolerated in 0_u64..10,
        concurrency in 1_u32..12,
        wave in prop_oneof![(1_u64..20).prop_map(Share::Count), (1.0_f64..60.0).prop_map(Share::Percent)],
        in_waves in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut transport = ScriptedTransport::new()
                .latency(3, Duration::ZERO..Duration::from_millis(50));
            for place in &failing {
                transport = transport.node(&node(&format!("n{place}")), NodeScript::new().exits(1));
            }
            let rig = Rig::new(transport).await;
            let mut request = if in_waves { rolling("n*60", &[wave]) } else { command("n*60") };
            request.concurrency = Some(concurrency);
            request.rollout.max_failures = Some(Share::Count(tolerated));
            let outcome = rig.execute(request).await;
            let counts = outcome.summary.progress;
            assert_eq!(counts.completed(), 60);
            let touched = started(&rig);
            let once: BTreeSet<_> = touched.iter().collect();
            assert_eq!(once.len(), touched.len(), "nothing runs twice");
            assert_eq!(touched.len() as u64, counts.succeeded + counts.failed);
            assert!(counts.failed <= tolerated + u64::from(concurrency), "{counts:?}");
            let stopped = failing.len() as u64 > tolerated;
            assert_eq!(counts.skipped > 0 || counts.failed > tolerated, stopped, "{counts:?}");
            if !stopped {
                assert_eq!(counts.failed, failing.len() as u64);
            }
        });
    }
}
