//! Many executions at once on real threads and real time, cancelled and followed from all sides: whatever the
//! interleaving, the counts add up, numbers have no gaps and every permit comes back.

use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::ports::{StoreError, TerminateMode};
use pabawi_engine::{CancelScope, EngineLimits, SubscriptionMode};
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use pabawi_testkit::wait;

use super::support::{Events, GRACEFUL, Rig, ann, command, node};

fn transport() -> ScriptedTransport {
    let mut transport = ScriptedTransport::new()
        .default_script(NodeScript::new().stdout("some output\n").stderr("and more\n"))
        .latency(7, Duration::ZERO..Duration::from_millis(4));
    for number in (0..60).step_by(7) {
        let hangs = NodeScript::new().hangs();
        transport = transport.node(&node(&format!("n{number}")), hangs);
        let fails = NodeScript::new().connect_fails(ErrorCode::ConnectionRefused);
        transport = transport.node(&node(&format!("n{}", number + 1)), fails);
        let panics = NodeScript::new().stdout("x").panics();
        transport = transport.node(&node(&format!("n{}", number + 2)), panics);
    }
    transport
}

/// R8.1, R8.2, R8.8, R7.1, R2.6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_adds_up() {
    let limits = EngineLimits {
        max_node_runs: 17,
        max_running_executions: 5,
        event_ring: 16,
        ..EngineLimits::default()
    };
    let rig = Rig::with(transport(), limits).await;
    let mut followed = tokio::task::JoinSet::new();
    for round in 0..24_u64 {
        let mut request = command("n*60");
        request.concurrency = Some(u32::try_from(1 + round % 11).unwrap());
        request.priority = i32::try_from(round % 3).unwrap();
        request.timeouts.node_ms = Some(40);
        request.timeouts.execution_ms = (round % 5 == 0).then_some(60);
        let mode = match round % 2 {
            0 => SubscriptionMode::GapWhenSlow,
            _ => SubscriptionMode::SlowTheSource,
        };
        let (id, events) = rig.engine.submit_and_follow(ann(), request, mode).await.unwrap();
        let engine = rig.engine.clone();
        followed.spawn(async move {
            let mut events = Events(events);
            if round % 4 == 3 {
                events.until(|kind| matches!(kind, EventKind::NodeFinished { .. })).await;
                let some = CancelScope::Nodes((0..30).map(|number| node(&format!("n{number}"))).collect());
                engine.cancel(&ann(), id, some, GRACEFUL).await.unwrap();
                engine.cancel(&ann(), id, CancelScope::All, TerminateMode::Kill).await.unwrap();
            }
            (id, events.rest().await)
        });
        if round == 12 {
            rig.store.fail(Some(StoreError::Unavailable("busy".to_owned())));
            let held = wait::until_async("the store's trouble to be seen", Duration::from_secs(20), || {
                rig.engine.stats().store_trouble.is_some()
            });
            held.await.unwrap();
            rig.store.fail(None);
        }
    }
    while let Some(ended) = tokio::time::timeout(Duration::from_secs(60), followed.join_next()).await.unwrap()
    {
        let (id, events) = ended.unwrap();
        let Some(EventKind::Finished { summary }) = events.last().map(|event| &event.kind) else { panic!() };
        let progress = summary.progress;
        assert!(summary.status.is_final());
        assert_eq!((progress.total, progress.completed(), progress.running), (60, 60, 0));
        assert_eq!(summary.outcomes.values().sum::<u64>(), 60);
        assert_eq!(rig.wait(id).await.summary, *summary);
        let stored = rig.store.stored_events(id);
        assert!(stored.iter().map(|event| event.seq).eq(1..=stored.len() as u64));
        let ends = |event: &&_| matches!(event, EventKind::NodeFinished { .. });
        assert_eq!(stored.iter().map(|event| &event.kind).filter(ends).count(), 60);
        let targets = rig.engine.targets(&ann(), id, &Default::default()).await.unwrap().items;
        assert!(targets.iter().all(|target| target.result.is_some()));
    }
    assert!(rig.transport.peak_running() <= 17, "{}", rig.transport.peak_running());
    let idle = wait::until_async("every permit to come back", Duration::from_secs(20), || {
        let stats = rig.engine.stats();
        (stats.node_runs, stats.live_executions, stats.queued_executions) == (0, 0, 0)
    });
    idle.await.unwrap();
    assert!(rig.engine.shutdown(Duration::from_secs(5)).await.abandoned.is_empty());
}
