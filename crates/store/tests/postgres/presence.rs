//! Who lives and who is dead, as several machines on one server see it.

use std::time::Duration;

use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, StoreError, StoreWrite};
use pabawi_domain::record::TargetState;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_store::postgres::PostgresStore;
use pabawi_testkit::wait::until_async;

use crate::opened::{open, options, sql};
use crate::records::{all_targets, at, events, execution, finished, result, start, stored_events};

const ELSEWHERE: &str = "UPDATE pabawi_exec_owners SET boot = 'another machine'";

/// A process that is heard of keeps its executions, however long they take; one that is not loses them after its lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_lives_as_long_as_it_is_heard_of() {
    let dir = tempfile::tempdir().unwrap();
    let short = || options(dir.path()).lease(Duration::from_secs(1));
    let store = PostgresStore::open(short()).await.unwrap();
    let new = execution("sleep 1000", 2);
    store.create(new.clone()).await.unwrap();
    let seen = || sql(dir.path(), "SELECT min(seen_at) FROM pabawi_exec_owners");
    let other = PostgresStore::open(short()).await.unwrap();
    // Through several leases.
    for _ in 0..8 {
        let before = seen();
        until_async("a sign of life", Duration::from_secs(20), || seen() != before).await.unwrap();
        assert_eq!(other.recover(at(60)).await.unwrap(), []);
    }
    // Another machine, which stops all at once: nobody says that it has ended.
    sql(
        dir.path(),
        "INSERT INTO pabawi_exec_owners SELECT 'silent', 1, 1, seen_at, 1000, 'other', 'another machine', 1 \
         FROM pabawi_exec_owners LIMIT 1; UPDATE pabawi_exec_executions SET owner = 'silent'",
    );
    let is_silent = || {
        sql(dir.path(), "SELECT max(seen_at) - min(seen_at) > 1000 AND count(*) = 3 FROM pabawi_exec_owners")
            == "t\n"
    };
    until_async("the end of its lease", Duration::from_secs(20), is_silent).await.unwrap();
    assert_eq!(other.recover(at(60)).await.unwrap(), [new.id]);
}

/// The time in which the server was down counts against nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_while_the_server_was_down_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let store = PostgresStore::open(options(dir.path()).lease(Duration::from_hours(1))).await.unwrap();
    let new = execution("sleep 1000", 1);
    store.create(new.clone()).await.unwrap();
    // Heard of for the last time long before the server was started.
    sql(dir.path(), &format!("{ELSEWHERE}, seen_at = 1000"));
    let other = open(dir.path()).await;
    assert_eq!(other.recover(at(60)).await.unwrap(), []);
    sql(dir.path(), "UPDATE pabawi_exec_owners SET lease_ms = 0 WHERE seen_at = 1000");
    assert_eq!(other.recover(at(60)).await.unwrap(), [new.id]);
}

/// Decision 1: whoever was taken for dead and lives takes that back, and nothing it was told is stored is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_taken_for_dead_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = execution("sleep 1000", 5);
    let id = new.id;
    store.create(new).await.unwrap();
    let waiting = execution("later", 1);
    store.create(waiting.clone()).await.unwrap();
    let failed = StoreWrite::AttemptFailed {
        id,
        node: "n3".parse().unwrap(),
        attempt: 1,
        at: at(2),
        outcome: NodeOutcome::Exited { code: 7 },
    };
    store
        .append(&[
            StoreWrite::Started { id, at: at(0) },
            start(id, "n0", 1),
            start(id, "n1", 1),
            start(id, "n3", 1),
            failed,
            result(id, "n0", NodeOutcome::Succeeded, b"done"),
            events(id, 1..=4),
        ])
        .await
        .unwrap();
    sql(dir.path(), &format!("{ELSEWHERE}, seen_at = 0"));
    let other = open(dir.path()).await;
    let mut closed = other.recover(at(60)).await.unwrap();
    closed.sort();
    assert_eq!(closed, [id, waiting.id]);
    assert_eq!(other.execution(id).await.unwrap().unwrap().status, ExecutionStatus::Interrupted);
    assert_eq!(stored_events(&other, id, 10).await.len(), 5, "an end was made up");

    // The next write fails in a way that is worth trying again, and the second time all is as it was.
    let more = [result(id, "n1", NodeOutcome::Succeeded, b"late"), events(id, 5..=6)];
    let error = store.append(&more).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("took it for dead")), "{error}");
    store.append(&more).await.unwrap();
    let record = other.execution(id).await.unwrap().unwrap();
    assert_eq!((record.status, record.finished_at, record.summary), (ExecutionStatus::Running, None, None));
    let states: Vec<_> = all_targets(&other, id).await.into_iter().map(|target| target.state).collect();
    let (waits, done) = (TargetState::Queued, TargetState::Finished);
    assert_eq!(states[..3], [done, done, waits], "n3 ended as its last attempt did, until the next one");
    assert_eq!((states[3], states[4]), (done, waits));
    assert_eq!(other.execution(waiting.id).await.unwrap().unwrap().status, ExecutionStatus::Queued);
    let mut next = start(id, "n3", 2);
    if let StoreWrite::AttemptStarted { at, .. } = &mut next {
        *at = crate::records::at(70);
    }
    store.append(&[next, start(id, "n2", 1), start(id, "n4", 1)]).await.unwrap();
    let mut ends: Vec<StoreWrite> =
        ["n2", "n4"].iter().map(|name| result(id, name, NodeOutcome::Succeeded, b"")).collect();
    let mut last = result(id, "n3", NodeOutcome::Succeeded, b"");
    if let StoreWrite::TargetFinished(result) = &mut last {
        result.attempt = 2;
    }
    ends.extend([last, events(id, 7..=8), finished(id, 5)]);
    store.append(&ends).await.unwrap();
    let record = other.execution(id).await.unwrap().unwrap();
    assert_eq!((record.status, record.progress.succeeded), (ExecutionStatus::Completed, 5));
    let seqs: Vec<u64> = stored_events(&other, id, 10).await.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=8).collect::<Vec<_>>());
    assert_eq!(other.recover(at(90)).await.unwrap(), [], "it lives");
}
