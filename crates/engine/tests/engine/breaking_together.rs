//! Circuit breakers of several engines over one store: what one does to a breaker the others see while they run.

use std::sync::Arc;

use pabawi_domain::breaker::{BreakerState, Component};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::resilience::BreakerPolicy;
use pabawi_engine::EngineLimits;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Rig, ann, command, node, settle};

const POLICY: BreakerPolicy =
    BreakerPolicy { failures: 2, rate: None, window_ms: 600_000, open_ms: 300_000, probes: 1 };

fn down() -> ScriptedTransport {
    let script = || NodeScript::new().connect_fails(ErrorCode::ConnectionRefused);
    ScriptedTransport::new().node(&node("a"), script()).node(&node("b"), script())
}

async fn rig(store: &Arc<MemoryStore>, transport: ScriptedTransport) -> Rig {
    let limits = EngineLimits { node_breaker: Some(POLICY), ..EngineLimits::default() };
    Rig::on(Arc::clone(store), transport, limits).await
}

async fn fails(rig: &Rig, name: &str) {
    let id = rig.execute(command(name)).await.record.id;
    assert_eq!(rig.outcome(id, name).await.word(), "unreachable");
    // What has changed is stored beside the run.
    settle().await;
}

/// An execution whose first node holds up the others until the gate is opened.
async fn held_up(rig: &Rig, targets: &str) -> ExecutionId {
    let mut request = command(&format!("slow,{targets}"));
    request.concurrency = Some(1);
    let id = rig.submit(request).await;
    rig.events(id).await.until_started("slow").await;
    id
}

/// Longer than an engine takes to look for news.
async fn a_moment() {
    tokio::time::sleep(EngineLimits::default().breaker_poll * 2).await;
}

/// R7.7, R7.8
#[tokio::test(start_paused = true)]
async fn a_breaker_that_another_process_opens_is_seen_while_something_runs() {
    let (store, gate) = (Arc::new(MemoryStore::new()), Gate::new());
    let here = rig(&store, down().node(&node("slow"), NodeScript::new().waits_for(&gate))).await;
    let there = rig(&store, down()).await;
    let id = held_up(&here, "a,b").await;
    fails(&there, "a").await;
    fails(&there, "a").await;
    a_moment().await;
    gate.open();
    here.wait(id).await;
    assert_eq!(here.outcome(id, "a").await.word(), "rejected");
    assert_eq!(
        (here.transport.counts(&node("a")).connects, here.outcome(id, "b").await.word()),
        (0, "unreachable")
    );
    let all = here.engine.breakers(&ann()).await.unwrap();
    assert_eq!((all[0].state, all[0].failures, all[1].state), (BreakerState::Open, 2, BreakerState::Closed));
}

/// R7.8: also an engine that nobody has asked for anything lately knows what has happened.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_another_process_opens_is_seen_at_the_next_submission() {
    let store = Arc::new(MemoryStore::new());
    let (here, there) = (rig(&store, down()).await, rig(&store, down()).await);
    fails(&there, "a").await;
    fails(&there, "a").await;
    a_moment().await;
    let id = here.execute(command("a")).await.record.id;
    assert_eq!(here.outcome(id, "a").await.word(), "rejected");
}

/// R7.7
#[tokio::test(start_paused = true)]
async fn a_reset_by_another_process_takes_effect_while_something_runs() {
    let (store, gate) = (Arc::new(MemoryStore::new()), Gate::new());
    let twice = NodeScript::new().connect_fails_times(2, ErrorCode::ConnectionRefused);
    let transport = ScriptedTransport::new().node(&node("a"), twice);
    let here = rig(&store, transport.node(&node("slow"), NodeScript::new().waits_for(&gate))).await;
    let there = rig(&store, down()).await;
    fails(&here, "a").await;
    fails(&here, "a").await;
    let id = held_up(&here, "a").await;
    let component: Component = "node:a".parse().unwrap();
    // Of the same moment, by another clock: the later one is still later.
    assert!(there.engine.reset_breaker(&ann(), &component).await.unwrap());
    assert!(!there.engine.reset_breaker(&ann(), &component).await.unwrap());
    a_moment().await;
    gate.open();
    here.wait(id).await;
    assert!(here.outcome(id, "a").await.is_success());
    assert_eq!(here.engine.breakers(&ann()).await.unwrap(), []);
}

/// R7.7: news about a breaker does not make what is counted here forgotten, nor do two count the same twice.
#[tokio::test(start_paused = true)]
async fn what_is_counted_here_is_kept() {
    let store = Arc::new(MemoryStore::new());
    let limits = EngineLimits {
        node_breaker: Some(BreakerPolicy { failures: 3, ..POLICY }),
        ..EngineLimits::default()
    };
    let here = Rig::on(Arc::clone(&store), down(), limits.clone()).await;
    let there = Rig::on(Arc::clone(&store), down(), limits).await;
    fails(&here, "a").await;
    fails(&here, "a").await;
    // Counted there before it has heard of these two.
    fails(&there, "a").await;
    a_moment().await;
    let failures = async |rig: &Rig| rig.engine.breakers(&ann()).await.unwrap()[0].failures;
    assert_eq!((failures(&here).await, failures(&there).await), (2, 1), "the last record has one");
    fails(&here, "a").await;
    assert_eq!(here.engine.breakers(&ann()).await.unwrap()[0].state, BreakerState::Open);
    assert_eq!(there.engine.breakers(&ann()).await.unwrap()[0].state, BreakerState::Open);
}

/// A store that cannot be read holds nothing up.
#[tokio::test(start_paused = true)]
async fn without_news_everything_goes_on() {
    let (store, gate) = (Arc::new(MemoryStore::new()), Gate::new());
    let here = rig(&store, ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate))).await;
    let id = here.submit(command("slow")).await;
    here.events(id).await.until_started("slow").await;
    store.fail(Some(StoreError::Unavailable("the disk is gone".to_owned())));
    a_moment().await;
    assert!(here.engine.breakers(&ann()).await.is_err(), "whoever asks is told");
    store.fail(None);
    a_moment().await;
    gate.open();
    assert_eq!(here.wait(id).await.summary.progress.succeeded, 1);
}
