//! An orderly end.

use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::{NodeOutcome, SkipReason, Termination};
use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_engine::{EngineError, SubmitError};
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use tokio::time::Instant;

use super::support::{Rig, ann, command, settle};

/// Running nodes come to their end, waiting ones are skipped, nothing new is accepted.
#[tokio::test(start_paused = true)]
async fn running_nodes_end_by_themselves_and_waiting_ones_are_skipped() {
    let script = NodeScript::new().waits(Duration::from_secs(3));
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let mut request = command("a,b,c");
    request.concurrency = Some(1);
    let id = rig.submit(request).await;
    rig.events(id).await.until_started("a").await;
    settle().await;
    let engine = rig.engine.clone();
    let waiting = tokio::spawn(async move { engine.wait(&ann(), id).await });
    settle().await;
    let begin = Instant::now();
    let report = rig.engine.shutdown(Duration::from_secs(60)).await;
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!((report.ended, report.abandoned.len()), (1, 0));
    let record = waiting.await.unwrap().unwrap().record;
    assert_eq!((record.progress.succeeded, record.progress.skipped), (1, 2));
    let error = rig.engine.submit(ann(), command("a")).await.unwrap_err();
    assert!(matches!(error, SubmitError::ShuttingDown));
    assert_eq!(error.code(), ErrorCode::ShuttingDown);
    assert!(matches!(rig.store.append(&[]).await, Err(StoreError::Closed)));
}

/// R8.8: what has not ended by the deadline is terminated, and the result says so.
#[tokio::test(start_paused = true)]
async fn what_hangs_is_terminated_at_the_deadline() {
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().hangs())).await;
    let id = rig.submit(command("a")).await;
    let mut events = rig.events(id).await;
    events.until_started("a").await;
    let begin = Instant::now();
    let report = rig.engine.shutdown(Duration::from_secs(10)).await;
    assert!((10..14).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!(report.ended, 1);
    let last = events.rest().await;
    let found = last.iter().find_map(|event| match &event.kind {
        pabawi_domain::event::EventKind::NodeFinished { result, .. } => Some(result.clone()),
        _ => None,
    });
    assert_eq!(found, Some(NodeOutcome::Cancelled { termination: Some(Termination::Confirmed) }));
}

/// An execution whose end cannot be stored is named, and whoever waits for it is told.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_is_named() {
    let script = NodeScript::new().waits(Duration::from_secs(1));
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let id = rig.submit(command("a")).await;
    rig.events(id).await.until_started("a").await;
    rig.store.fail(Some(StoreError::Full("disk".into())));
    let engine = rig.engine.clone();
    let waiting = tokio::spawn(async move { engine.wait(&ann(), id).await });
    settle().await;
    let report = rig.engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.ended, report.abandoned), (0, vec![id]));
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, EngineError::Abandoned(given_up) if given_up == id), "{error}");
}

/// A reader that holds an execution cannot hold the shutdown, and an idle engine ends at once.
#[tokio::test(start_paused = true)]
async fn a_reader_does_not_hold_the_shutdown() {
    let flood =
        NodeScript::new().prints(pabawi_domain::output::StreamKind::Stdout, vec![b'x'; 4096], 100_000);
    let limits = pabawi_engine::EngineLimits { event_ring: 4, ..Default::default() };
    let rig = Rig::with(ScriptedTransport::new().default_script(flood), limits).await;
    let id = rig.submit(command("a")).await;
    let mode = pabawi_engine::SubscriptionMode::SlowTheSource;
    let _reader = rig.engine.events(&ann(), id, 1, mode).await.unwrap();
    settle().await;
    let report = rig.engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.ended, report.abandoned.len()), (1, 0));
    let begin = Instant::now();
    assert_eq!(rig.engine.shutdown(Duration::from_secs(5)).await, Default::default());
    assert_eq!(begin.elapsed().as_secs(), 0);
    let skipped = SkipReason::Interrupted;
    assert_eq!(NodeOutcome::Skipped { why: skipped }.word(), "skipped");
}
