//! Executions whose process died. A store that is dropped leaves without closing executions, as a killed process does;
//! that it is so after a real `kill -9` too is shown in `crash`.

use std::time::Duration;

use pabawi_domain::condition::{LastCondition, LastOutcome};
use pabawi_domain::event::EventKind;
use pabawi_domain::outcome::{NodeOutcome, SkipReason, Termination, TimeoutPhase};
use pabawi_domain::ports::{CancelRequest, ExecutionStore, StoreWrite, TerminateMode};
use pabawi_domain::record::TargetState;
use pabawi_domain::summary::ExecutionStatus;

use crate::opened::abandon;
use crate::records::{all_targets, at, events, execution, finished, open, result, start, stored_events};

/// Decision 1: in-flight targets read interrupted, waiting ones were never run, finished ones stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_process_leaves_interrupted_targets_and_a_folded_summary() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = execution("sleep 1000", 6);
    let id = new.id;
    store.create(new).await.unwrap();
    let cancelled =
        NodeOutcome::Cancelled { termination: Some(Termination::Unconfirmed { why: "link lost".into() }) };
    store
        .append(&[
            StoreWrite::Started { id, at: at(0) },
            start(id, "n0", 1),
            start(id, "n1", 1),
            start(id, "n2", 1),
            start(id, "n3", 1),
            result(id, "n0", NodeOutcome::Succeeded, b"done"),
            result(id, "n3", cancelled.clone(), b""),
            events(id, 1..=7),
        ])
        .await
        .unwrap();
    let waiting = execution("never begun", 2);
    store.create(waiting.clone()).await.unwrap();
    let over = execution("over", 1);
    store.create(over.clone()).await.unwrap();
    store.append(&[result(over.id, "n0", NodeOutcome::Succeeded, b""), finished(over.id, 1)]).await.unwrap();

    let other = open(dir.path()).await;
    assert_eq!(other.recover(at(60)).await.unwrap(), [], "its process lives");
    abandon(store, dir.path()).await;
    let mut closed = other.recover(at(60)).await.unwrap();
    closed.sort();
    let mut expected = vec![id, waiting.id];
    expected.sort();
    assert_eq!(closed, expected);
    assert_eq!(other.recover(at(61)).await.unwrap(), [], "once");

    let record = other.execution(id).await.unwrap().unwrap();
    assert_eq!((record.status, record.finished_at), (ExecutionStatus::Interrupted, Some(at(60))));
    let summary = record.summary.unwrap();
    assert_eq!((summary.duration_ms, summary.unconfirmed), (60_000, 3));
    let p = summary.progress;
    assert_eq!((p.total, p.succeeded, p.cancelled, p.interrupted, p.skipped), (6, 1, 1, 2, 2));
    assert_eq!((p.queued, p.running, record.progress), (0, 0, p));
    assert_eq!(summary.outcomes.get("interrupted"), Some(&2));
    let skipped = NodeOutcome::Skipped { why: SkipReason::Interrupted };
    let targets: Vec<_> =
        all_targets(&other, id).await.into_iter().map(|target| (target.state, target.result)).collect();
    assert_eq!(
        targets,
        [
            (TargetState::Finished, Some(NodeOutcome::Succeeded)),
            (TargetState::Interrupted, None),
            (TargetState::Interrupted, None),
            (TargetState::Finished, Some(cancelled)),
            (TargetState::Finished, Some(skipped.clone())),
            (TargetState::Finished, Some(skipped)),
        ]
    );
    let open_attempts = other.attempts(id, None).await.unwrap();
    assert_eq!(open_attempts.iter().filter(|attempt| attempt.finished_at.is_none()).count(), 2);
    let stored = stored_events(&other, id, 3).await;
    assert_eq!(stored.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!(stored.last().unwrap().kind, EventKind::Finished { summary });

    // Nobody saw the end of n1 and n2; their execution was closed at 60. Those never begun count nowhere.
    let last = async |outcome, within: Option<u64>, now| {
        let condition = LastCondition { outcome, within: within.map(Duration::from_secs) };
        let mut nodes = other.nodes_by_last(&condition, at(now)).await.unwrap();
        nodes.sort();
        nodes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(last(LastOutcome::Interrupted, None, 900).await, ["n1", "n2"]);
    assert_eq!(last(LastOutcome::Interrupted, Some(10), 70).await, ["n1", "n2"]);
    assert!(last(LastOutcome::Interrupted, Some(10), 71).await.is_empty());
    assert_eq!(last(LastOutcome::Failed, None, 900).await, ["n1", "n2", "n3"]);
    assert_eq!(last(LastOutcome::Succeeded, None, 900).await, ["n0"]);

    let record = other.execution(waiting.id).await.unwrap().unwrap();
    assert_eq!(record.status, ExecutionStatus::Interrupted);
    assert_eq!(record.summary.unwrap().duration_ms, 0);
    assert_eq!(stored_events(&other, waiting.id, 10).await.len(), 1);
    let record = other.execution(over.id).await.unwrap().unwrap();
    assert_eq!(record.status, ExecutionStatus::Completed);
}

/// A process that died between the last event and the last record: the stream gets no second end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_has_its_end_gets_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = execution("true", 1);
    let id = new.id;
    store.create(new).await.unwrap();
    let StoreWrite::Finished { summary, .. } = finished(id, 1) else { panic!("it is one") };
    let last = pabawi_domain::event::ExecutionEvent {
        execution_id: id,
        seq: 5,
        at: at(4),
        kind: EventKind::Finished { summary: *summary },
    };
    let events = StoreWrite::Events { id, events: vec![last.into()] };
    store.append(&[start(id, "n0", 1), result(id, "n0", NodeOutcome::Succeeded, b""), events]).await.unwrap();
    abandon(store, dir.path()).await;
    let other = open(dir.path()).await;
    assert_eq!(other.recover(at(60)).await.unwrap(), [id]);
    assert_eq!(other.execution(id).await.unwrap().unwrap().status, ExecutionStatus::Completed);
    assert_eq!(stored_events(&other, id, 10).await.len(), 1);
}

/// Two processes that start at once close each execution once between them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_recover_at_once_share_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        let new = execution("true", 5);
        ids.push(new.id);
        store.create(new).await.unwrap();
    }
    abandon(store, dir.path()).await;
    let (one, two) = (open(dir.path()).await, open(dir.path()).await);
    let (a, b) = tokio::join!(one.recover(at(1)), two.recover(at(2)));
    let mut closed = [a.unwrap(), b.unwrap()].concat();
    closed.sort();
    ids.sort();
    assert_eq!(closed, ids);
}

/// R8.8: word reaches the process that runs the execution and no other, and dies with the execution.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_requests_cross_processes() {
    let dir = tempfile::tempdir().unwrap();
    let (runs, asks) = (open(dir.path()).await, open(dir.path()).await);
    let (one, two) = (execution("sleep", 2), execution("sleep", 1));
    runs.create(one.clone()).await.unwrap();
    runs.create(two.clone()).await.unwrap();
    let word = |id, by: &str| CancelRequest { id, nodes: None, mode: TerminateMode::Kill, by: by.into() };
    asks.request_cancel(word(one.id, "bob")).await.unwrap();
    asks.request_cancel(word(two.id, "eve")).await.unwrap();
    asks.request_cancel(word(crate::records::new_id(), "nobody")).await.unwrap();
    runs.append(&[result(two.id, "n0", NodeOutcome::Succeeded, b""), finished(two.id, 1)]).await.unwrap();
    asks.request_cancel(word(two.id, "late")).await.unwrap();
    assert_eq!(asks.take_cancel_requests().await.unwrap(), []);
    assert_eq!(runs.take_cancel_requests().await.unwrap(), [word(one.id, "bob")]);
    assert_eq!(runs.take_cancel_requests().await.unwrap(), []);
}

/// R7.6: a target that waited for another attempt ended as its last one did where that may have run, and was never
/// started where it cannot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_waited_for_another_attempt_is_not_called_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = execution("flaky", 3);
    let id = new.id;
    store.create(new).await.unwrap();
    let exited = NodeOutcome::Exited { code: 7 };
    let refused = NodeOutcome::TimedOut { phase: TimeoutPhase::Connect, termination: None };
    let failed = |node: &str, outcome: &NodeOutcome| StoreWrite::AttemptFailed {
        id,
        node: node.parse().unwrap(),
        attempt: 1,
        at: at(2),
        outcome: outcome.clone(),
    };
    store
        .append(&[
            StoreWrite::Started { id, at: at(0) },
            start(id, "n0", 1),
            start(id, "n1", 1),
            failed("n0", &exited),
            failed("n1", &refused),
        ])
        .await
        .unwrap();
    abandon(store, dir.path()).await;

    let other = open(dir.path()).await;
    assert_eq!(other.recover(at(60)).await.unwrap(), [id]);
    let targets: Vec<_> =
        all_targets(&other, id).await.into_iter().map(|target| (target.state, target.result)).collect();
    let skipped = NodeOutcome::Skipped { why: SkipReason::Interrupted };
    assert_eq!(
        targets,
        [exited.clone(), skipped.clone(), skipped].map(|outcome| (TargetState::Finished, Some(outcome)))
    );
    let attempts = other.attempts(id, None).await.unwrap();
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.finished_at, attempt.result.clone())).collect();
    assert_eq!(ends, [(Some(at(2)), Some(exited)), (Some(at(2)), Some(refused))]);
    let summary = other.execution(id).await.unwrap().unwrap().summary.unwrap();
    assert_eq!((summary.progress.failed, summary.progress.skipped), (1, 2));
}
