//! Decision 1: what is acknowledged is durable, and a store that cannot write holds and loses nothing.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_domain::record::TargetState;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{CancelScope, EngineLimits};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Events, GRACEFUL, Rig, ann, command, node, settle};

/// A target that reads `queued` in the store has never run: nothing starts before its attempt is written.
#[tokio::test(start_paused = true)]
async fn nothing_starts_before_its_attempt_is_durable() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    rig.store.hold_appends(true);
    let id = rig.submit(command("a,b")).await;
    rig.store.appends_reach(1).await;
    settle().await;
    assert_eq!(rig.transport.counts(&node("a")).starts, 0);
    assert_eq!(rig.stored(id, "a").await.state, TargetState::Queued);
    rig.store.hold_appends(false);
    assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Completed);
    assert_eq!(rig.transport.counts(&node("a")).starts, 1);
}

/// Nobody is shown a result that is not in the store.
#[tokio::test(start_paused = true)]
async fn results_are_durable_before_they_are_shown() {
    let gate = Gate::new();
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate))).await;
    let id = rig.submit(command("a")).await;
    let mut events = rig.events(id).await;
    events.until_started("a").await;
    rig.store.hold_appends(true);
    gate.open();
    settle().await;
    assert_eq!(rig.transport.counts(&node("a")).ends, 1);
    assert_eq!(rig.status(id).await.progress.running, 1, "its end is not shown yet");
    let not_yet = tokio::time::timeout(Duration::from_secs(60), events.until_finished("a")).await;
    assert!(not_yet.is_err());
    rig.store.hold_appends(false);
    assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Completed);
}

/// Decision 1: executions are held while the store cannot write, and go on without a loss.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    let script = NodeScript::new().stdout("out").waits(Duration::from_secs(1));
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let mut request = command("n*200");
    request.concurrency = Some(10);
    let id = rig.submit(request).await;
    let mut events = rig.events(id).await;
    events.until_finished("n25").await;
    for error in [StoreError::Unavailable("locked".into()), StoreError::ReadOnly("mount".into())] {
        rig.store.fail(Some(error.clone()));
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(rig.engine.stats().store_trouble, Some(error.to_string()));
        let before = rig.transport.started().len();
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(rig.transport.started().len(), before, "nothing starts that cannot be written down");
        rig.store.fail(None);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(rig.engine.stats().store_trouble, None);
    }
    let summary = rig.wait(id).await.summary;
    assert_eq!(summary.progress.succeeded, 200);
    let stored = rig.store.stored_events(id);
    assert!(stored.iter().map(|event| event.seq).eq(1..=stored.len() as u64), "every event, once");
    for number in 0..200 {
        assert_eq!(rig.transport.counts(&node(&format!("n{number}"))).starts, 1);
        assert_eq!(rig.outcome(id, &format!("n{number}")).await, NodeOutcome::Succeeded);
    }
}

/// Cancelling ends the processes while the store cannot write; the results are stored when it can.
#[tokio::test(start_paused = true)]
async fn cancelling_works_while_the_store_fails() {
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().hangs())).await;
    let mut request = command("a,b,c");
    request.concurrency = Some(2);
    let id = rig.submit(request).await;
    rig.events(id).await.until_started("b").await;
    settle().await;
    rig.store.fail(Some(StoreError::Full("disk".into())));
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.transport.counts(&node("a")).terminations, [GRACEFUL]);
    assert_eq!(rig.transport.running(), 0);
    rig.store.fail(None);
    assert_eq!(rig.wait(id).await.summary.progress.cancelled, 3);
}

/// One execution that cannot be written does not hold the others.
#[tokio::test(start_paused = true)]
async fn a_damaged_execution_holds_only_itself() {
    let gate = Gate::new();
    let transport = ScriptedTransport::new().node(&node("bad"), NodeScript::new().waits_for(&gate));
    let rig = Rig::new(transport).await;
    let damaged = rig.submit(command("bad")).await;
    rig.events(damaged).await.until_started("bad").await;
    settle().await;
    rig.store.damage(Some(damaged));
    gate.open();
    for _ in 0..5 {
        assert_eq!(rig.execute(command("a,b")).await.summary.status, ExecutionStatus::Completed);
    }
    assert_eq!(rig.status(damaged).await.status, ExecutionStatus::Running);
    rig.store.damage(None);
    assert_eq!(rig.wait(damaged).await.summary.status, ExecutionStatus::Completed);
}

/// Many results go into few transactions.
#[tokio::test(start_paused = true)]
async fn results_are_committed_in_groups() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let ids = [rig.submit(command("a*1000")).await, rig.submit(command("b*1000")).await];
    for id in ids {
        rig.wait(id).await;
    }
    // 4,000 results and attempts, and 6,000 events.
    assert!(rig.store.appends() < 400, "{} transactions", rig.store.appends());
}

/// After a crash the executions of the dead process are closed when an engine is built.
#[tokio::test(start_paused = true)]
async fn executions_of_a_dead_process_are_recovered() {
    let store = Arc::new(MemoryStore::new());
    let hangs = ScriptedTransport::new().default_script(NodeScript::new().hangs());
    let died = Rig::on(store.clone(), hangs, EngineLimits::default()).await;
    let mut request = command("a,b,c");
    request.concurrency = Some(2);
    let id = died.submit(request).await;
    died.events(id).await.until_started("b").await;
    store.orphan_all();
    let rig = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let record = rig.wait(id).await.record;
    assert_eq!((record.status, record.progress.interrupted), (ExecutionStatus::Interrupted, 2));
    assert_eq!(rig.stored(id, "a").await.state, TargetState::Interrupted);
    assert_eq!(rig.stored(id, "c").await.attempt, 0);
    assert!(rig.transport.started().is_empty(), "nothing is silently run again");
}

/// Whoever waits for an execution of another process learns that this process has died.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_process_that_dies_ends() {
    let store = Arc::new(MemoryStore::new());
    let hangs = ScriptedTransport::new().default_script(NodeScript::new().hangs());
    let dying = Rig::on(store.clone(), hangs, EngineLimits::default()).await;
    let other = Rig::on(store.clone(), ScriptedTransport::new(), EngineLimits::default()).await;
    let ids = [dying.submit(command("a,b")).await, dying.submit(command("c")).await];
    dying.events(ids[0]).await.until_started("b").await;
    let (waiting, following) = (other.engine.clone(), other.engine.clone());
    let waiting = tokio::spawn(async move { waiting.wait(&ann(), ids[0]).await });
    let mode = pabawi_engine::SubscriptionMode::GapWhenSlow;
    let mut following = Events(following.events(&ann(), ids[0], 1, mode).await.unwrap());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!waiting.is_finished());
    store.orphan_all();
    assert_eq!(waiting.await.unwrap().unwrap().summary.status, ExecutionStatus::Interrupted);
    following.rest().await;
    let receipt = other.engine.cancel(&ann(), ids[1], CancelScope::All, GRACEFUL).await.unwrap();
    assert_eq!(receipt, pabawi_engine::CancelReceipt::AlreadyEnded);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_recovered_builds_no_engine() {
    let store = MemoryStore::new();
    store.close().await;
    let built = pabawi_engine::Engine::builder()
        .store(Arc::new(store))
        .resolver(Arc::new(super::support::Names))
        .build()
        .await;
    assert!(matches!(built.err().unwrap(), pabawi_engine::BuildError::Store(StoreError::Closed)));
}

/// R8.3: what many nodes have to write goes into few transactions, the more so the more there is; how many is told.
#[tokio::test(start_paused = true)]
async fn many_nodes_are_written_together() {
    let mut each = Vec::new();
    for nodes in [10_u64, 1_000] {
        let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().stdout("x\n"))).await;
        let mut request = command(&format!("n*{nodes}"));
        request.concurrency = Some(200);
        assert_eq!(rig.execute(request).await.summary.progress.succeeded, nodes);
        let stats = rig.engine.stats();
        assert_eq!(rig.store.appends(), stats.store_commits);
        assert!(stats.store_writes >= 2 * nodes, "a start and an end of each: {stats:?}");
        each.push(stats.store_writes / stats.store_commits);
    }
    assert!(each[1] >= 50 && each[1] > 2 * each[0], "{each:?} writes in a transaction");
}
