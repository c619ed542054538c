//! Callers share transactions and do not hurt each other; a call that is made again changes nothing.

use pabawi_domain::id::{IdempotencyKey, Tag};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{Created, ExecutionStore, StoreError};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::summary::ExecutionStatus;
use tokio::task::JoinSet;

use crate::records::{
    all_targets, events, execution, finished, node, open, result, start, stored_events, whole, with_output,
};

/// R7.1: what one caller does wrong is told to that caller alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_fails_takes_nobody_along() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let store = store.clone();
        tasks.spawn(async move {
            let new = execution("true", 3);
            let id = new.id;
            if number % 3 == 1 {
                // The database itself refuses this one, in the middle of a transaction of many.
                let mut bad = execution("true", 2);
                bad.targets.push(bad.targets[0].clone());
                let error = store.create(bad).await.unwrap_err();
                assert!(error.to_string().contains("n0"), "{error}");
            }
            assert_eq!(store.create(new).await.unwrap(), Created::New);
            if number % 3 == 2 {
                let unknown = [start(id, "n0", 1), start(id, "elsewhere", 1)];
                let error = store.append(&unknown).await.unwrap_err();
                assert!(matches!(&error, StoreError::Corrupt(text) if text.contains("elsewhere")), "{error}");
                assert!(!error.is_retryable());
                let record = store.execution(id).await.unwrap().unwrap();
                assert_eq!(record.progress.queued, 3, "whole or not at all");
            }
            for name in ["n0", "n1", "n2"] {
                let writes = [start(id, name, 1), result(id, name, NodeOutcome::Succeeded, name.as_bytes())];
                store.append(&writes).await.unwrap();
            }
            store.append(&[finished(id, 3)]).await.unwrap();
            id
        });
    }
    let ids = tasks.join_all().await;
    for id in &ids {
        let record = store.execution(*id).await.unwrap().unwrap();
        assert_eq!((record.status, record.progress.succeeded), (ExecutionStatus::Completed, 3));
    }
    let mut seen = 0;
    let mut query = ExecutionQuery { limit: Some(7), ..ExecutionQuery::default() };
    for _ in 0..20 {
        let page = store.executions(&query).await.unwrap();
        seen += page.items.len();
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, 60, "nothing of the refused ones was kept");
}

/// A recorder that did not learn that its call was committed makes it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_made_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = execution("true", 2);
    let id = new.id;
    assert_eq!(store.create(new.clone()).await.unwrap(), Created::New);
    assert_eq!(store.create(new).await.unwrap(), Created::New);
    let calls = [
        vec![start(id, "n0", 1), start(id, "n0", 2), start(id, "n1", 1), events(id, 1..=3)],
        vec![result(id, "n1", NodeOutcome::Exited { code: 4 }, b"out"), events(id, 4..=6)],
    ];
    for call in calls.iter().chain(&calls) {
        store.append(call).await.unwrap();
    }
    // The second call came in other pieces.
    store.append(&[events(id, 2..=2), events(id, 5..=8)]).await.unwrap();
    let seqs: Vec<u64> = stored_events(&store, id, 3).await.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7, 8]);
    let progress = store.execution(id).await.unwrap().unwrap().progress;
    assert_eq!((progress.total, progress.queued, progress.running, progress.failed), (2, 0, 1, 1));
    let attempts = store.attempts(id, None).await.unwrap();
    let shown: Vec<_> = attempts.iter().map(|found| (found.node.to_string(), found.attempt)).collect();
    assert_eq!(shown, [("n0".into(), 1), ("n1".into(), 1), ("n0".into(), 2)]);
    let only = store.attempts(id, Some(&node("n1"))).await.unwrap();
    assert_eq!(only[0].result, Some(NodeOutcome::Exited { code: 4 }));
}

/// The writer's memory of an execution is a cache: a store that never saw it created counts the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_the_same_for_a_writer_that_has_to_read_them() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()).await, open(dir.path()).await);
    let new = execution("true", 12_000);
    let id = new.id;
    one.create(new).await.unwrap();
    one.append(&[start(id, "n7", 1), result(id, "n8", NodeOutcome::Succeeded, b"")]).await.unwrap();
    two.append(&[
        result(id, "n7", NodeOutcome::Cancelled { termination: None }, b""),
        start(id, "n11999", 1),
    ])
    .await
    .unwrap();
    let progress = two.execution(id).await.unwrap().unwrap().progress;
    assert_eq!((progress.total, progress.queued, progress.running), (12_000, 11_997, 1));
    assert_eq!((progress.succeeded, progress.cancelled), (1, 1));
}

/// Two submissions with one key that wait for the same transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_creates_once_however_many_come_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let store = store.clone();
        let mut new = execution(if number % 2 == 0 { "even" } else { "odd" }, 1);
        new.request.idempotency_key = Some(IdempotencyKey::new("once").unwrap());
        new.request.tags = [Tag::new("t").unwrap()].into();
        tasks.spawn(async move { (new.id, number % 2, store.create(new).await.unwrap()) });
    }
    let all = tasks.join_all().await;
    let new: Vec<_> = all.iter().filter(|(_, _, created)| *created == Created::New).collect();
    assert_eq!(new.len(), 1);
    let (first, parity, _) = new[0];
    for (_, other, created) in all.iter().filter(|(id, _, _)| id != first) {
        assert_eq!(*created, Created::Existing { id: *first, same_request: other == parity });
    }
    assert_eq!(store.executions(&ExecutionQuery::default()).await.unwrap().items.len(), 1);
}

/// Nothing that was asked for before `close` is lost, and a dropped store writes it too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_written_before_the_store_closes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = execution("true", 50);
    let id = new.id;
    store.create(new).await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        tasks.spawn(async move {
            let name = format!("n{number}");
            store.append(&[with_output(id, &name, NodeOutcome::Succeeded, whole(b"x"))]).await
        });
    }
    let closing = store.clone();
    tokio::join!(closing.close(), closing.close());
    let mut acknowledged = 0;
    for done in tasks.join_all().await {
        match done {
            Ok(()) => acknowledged += 1,
            Err(error) => assert!(matches!(error, StoreError::Closed), "{error}"),
        }
    }
    assert!(matches!(store.execution(id).await, Err(StoreError::Closed)));
    assert!(matches!(store.take_cancel_requests().await, Err(StoreError::Closed)));
    drop(store);
    let store = open(dir.path()).await;
    let stored = all_targets(&store, id).await.iter().filter(|target| target.result.is_some()).count();
    assert!(stored >= acknowledged, "{stored} of {acknowledged}");
}
