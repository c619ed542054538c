//! Limits of time: connecting, one node, the whole execution (R1.6).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::outcome::{NodeOutcome, Termination, TimeoutPhase};
use pabawi_domain::ports::{ConnectRequest, PoolStats, Session, Transport, TransportError};
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{AllowAll, Engine};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use tokio::time::Instant;

use super::support::{GRACEFUL, Names, Rig, ann, command, node};

fn timed_out(phase: TimeoutPhase, termination: Option<Termination>) -> NodeOutcome {
    NodeOutcome::TimedOut { phase, termination }
}

/// R1.6, R7.1
#[tokio::test(start_paused = true)]
async fn a_connect_that_takes_too_long_ends_and_hurts_nobody() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), NodeScript::new().connect_hangs())).await;
    let mut request = command("a,b");
    request.timeouts.connect_ms = Some(1500);
    let begin = Instant::now();
    let outcome = rig.execute(request).await;
    assert_eq!(begin.elapsed().as_millis(), 1500);
    assert_eq!(outcome.summary.status, ExecutionStatus::Partial);
    assert_eq!(rig.outcome(outcome.record.id, "a").await, timed_out(TimeoutPhase::Connect, None));
    assert_eq!(rig.stored(outcome.record.id, "a").await.attempt, 1);
}

/// Never ends a connect, whatever limit it is given.
struct Stubborn;

#[async_trait]
impl Transport for Stubborn {
    fn name(&self) -> &str {
        "ssh"
    }
    async fn connect(&self, _: &ConnectRequest) -> Result<Box<dyn Session>, TransportError> {
        std::future::pending().await
    }
    fn stats(&self) -> PoolStats {
        PoolStats::default()
    }
    async fn shutdown(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_ignores_its_limit_is_given_up() {
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .resolver(Arc::new(Names))
        .authorizer(Arc::new(AllowAll))
        .transport(Arc::new(Stubborn))
        .build()
        .await
        .unwrap();
    let begin = Instant::now();
    let outcome = engine.execute(ann(), command("a")).await.unwrap();
    assert_eq!(outcome.summary.outcomes["timedOut"], 1);
    let limits = engine.limits();
    assert_eq!(begin.elapsed().as_secs(), (limits.connect_timeout + limits.connect_slack).as_secs());
}

/// R1.6: the process is ended, and the report of that stands in the result.
#[tokio::test(start_paused = true)]
async fn a_node_past_its_limit_is_terminated() {
    let script = NodeScript::new().hangs().ignores_term();
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), script)).await;
    let mut request = command("a,b");
    request.timeouts.node_ms = Some(10_000);
    let begin = Instant::now();
    let outcome = rig.execute(request).await;
    // The grace of two seconds comes on top.
    assert_eq!(begin.elapsed().as_secs(), 12);
    let id = outcome.record.id;
    let expected = timed_out(TimeoutPhase::Run, Some(Termination::Confirmed));
    assert_eq!(rig.outcome(id, "a").await, expected);
    assert_eq!(rig.outcome(id, "b").await, NodeOutcome::Succeeded);
    assert_eq!(rig.transport.counts(&node("a")).terminations, [GRACEFUL]);
    assert_eq!(outcome.summary.unconfirmed, 0);
}

/// A node's limit counts from the beginning of its attempt.
#[tokio::test(start_paused = true)]
async fn connecting_counts_for_a_nodes_limit() {
    let slow = NodeScript::new().connect_delay(Duration::from_secs(3)).hangs();
    let slower = NodeScript::new().connect_delay(Duration::from_secs(6));
    let transport = ScriptedTransport::new().node(&node("a"), slow).node(&node("b"), slower);
    let rig = Rig::new(transport).await;
    let mut request = command("a,b");
    request.timeouts.node_ms = Some(5000);
    let begin = Instant::now();
    let id = rig.execute(request).await.record.id;
    assert_eq!(begin.elapsed().as_secs(), 5);
    let expected = timed_out(TimeoutPhase::Run, Some(Termination::Confirmed));
    assert_eq!(rig.outcome(id, "a").await, expected);
    assert_eq!(rig.outcome(id, "b").await, timed_out(TimeoutPhase::Connect, None));
    assert_eq!(rig.transport.counts(&node("b")).starts, 0);
}

/// R1.6: what runs is terminated, what waits never starts.
#[tokio::test(start_paused = true)]
async fn an_execution_past_its_limit_ends_whole() {
    let script = NodeScript::new().waits(Duration::from_secs(4));
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let mut request = command("n*9");
    request.concurrency = Some(2);
    request.timeouts.execution_ms = Some(6000);
    let begin = Instant::now();
    let outcome = rig.execute(request).await;
    assert_eq!(begin.elapsed().as_secs(), 6);
    let id = outcome.record.id;
    let progress = outcome.summary.progress;
    assert_eq!((progress.succeeded, progress.failed), (2, 7));
    assert_eq!(outcome.summary.status, ExecutionStatus::Partial);
    let running = timed_out(TimeoutPhase::Execution, Some(Termination::Confirmed));
    assert_eq!(rig.outcome(id, "n3").await, running);
    assert_eq!(rig.outcome(id, "n4").await, timed_out(TimeoutPhase::Execution, None));
    assert_eq!(rig.stored(id, "n4").await.attempt, 0);
    assert_eq!(rig.transport.started().len(), 4);
}

/// A transport that never reports a termination is not waited for without end, and nothing is claimed.
#[tokio::test(start_paused = true)]
async fn a_termination_without_a_report_is_unconfirmed() {
    let script = NodeScript::new().hangs().terminate_delay(Duration::from_secs(100_000));
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let mut request = command("a");
    request.timeouts.node_ms = Some(1000);
    let outcome = rig.execute(request).await;
    let result = rig.outcome(outcome.record.id, "a").await;
    assert!(matches!(result.termination(), Some(Termination::Unconfirmed { .. })), "{result:?}");
    assert_eq!(outcome.summary.unconfirmed, 1);
}
