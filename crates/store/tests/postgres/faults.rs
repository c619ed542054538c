//! A server that goes away in the middle of writes and comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::{JournalQuery, NewJournalEntry};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{Created, ExecutionStore as _, JournalStore as _, StoreError, StoreWrite};
use pabawi_domain::record::{NewExecution, TargetState};
use pabawi_domain::summary::ExecutionStatus;
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::postgres::{End, Postgres};
use pabawi_testkit::wait::until_async;
use tokio::task::JoinSet;

use crate::journal::entry;
use crate::records::{all_targets, events, execution, finished, hash, result, start, stored_events};

const ROUNDS: usize = 20;
const LANES: usize = 4;
const TARGETS: usize = 12;

/// What was told to be durable.
#[derive(Debug, Default)]
struct Told {
    created: Mutex<Vec<ExecutionId>>,
    finished: Mutex<Vec<ExecutionId>>,
    acknowledged: AtomicUsize,
    /// Calls that failed and were made again.
    failed: AtomicUsize,
    stop: std::sync::atomic::AtomicBool,
}

/// One caller. Each call is made until it succeeds, as the engine does.
#[derive(Debug)]
struct Lane {
    store: PostgresStore,
    told: Arc<Told>,
}

impl Lane {
    async fn create(&self, new: &NewExecution) {
        loop {
            match self.store.create(new.clone()).await {
                Ok(created) => {
                    assert_eq!(created, Created::New);
                    self.told.acknowledged.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn append(&self, writes: &[StoreWrite]) {
        loop {
            match self.store.append(writes).await {
                Ok(()) => {
                    self.told.acknowledged.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    /// Only a fault that may pass is made good by another call; a store that does not come back fails the test.
    async fn failed(&self, error: &StoreError) {
        assert!(error.is_retryable(), "{error:?}");
        assert!(!error.to_string().contains("pabawi-test"), "{error}");
        assert!(self.told.failed.fetch_add(1, Ordering::SeqCst) < 100_000, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a node prints: small, and now and then too large for a row.
fn output_of(id: ExecutionId, number: usize) -> Vec<u8> {
    let size = if number == 7 { 1_200_000 } else { 20 };
    format!("{id} {number} ").into_bytes().into_iter().cycle().take(size).collect()
}

/// What the journal says of a result.
fn told(id: ExecutionId, name: &str) -> NewJournalEntry {
    NewJournalEntry { execution_id: Some(id), ..entry(&id.to_string(), name, 1) }
}

async fn write(lane: Lane) {
    // Ends when the test says so, at the end of an execution.
    while !lane.told.stop.load(Ordering::SeqCst) {
        let new = execution("true", TARGETS);
        let id = new.id;
        lane.create(&new).await;
        lane.told.created.lock().unwrap().push(id);
        lane.append(&[StoreWrite::Started { id, at: Timestamp::now() }]).await;
        for number in 0..TARGETS {
            let name = format!("n{number}");
            lane.append(&[start(id, &name, 1)]).await;
            let output = output_of(id, number);
            let seq = number as u64 + 1;
            let entry = Box::new(told(id, &name));
            let result = result(id, &name, NodeOutcome::Succeeded, &output);
            lane.append(&[result, StoreWrite::Journal { id, entry }, events(id, [seq])]).await;
        }
        lane.append(&[finished(id, TARGETS as u64)]).await;
        lane.told.finished.lock().unwrap().push(id);
    }
}

async fn check(store: &PostgresStore, id: ExecutionId) {
    let record = store.execution(id).await.unwrap().unwrap_or_else(|| panic!("{id} is lost"));
    assert_eq!(record.status, ExecutionStatus::Completed, "{id}");
    for target in all_targets(store, id).await {
        let number = usize::try_from(target.position).unwrap();
        assert_eq!((target.state, target.attempt), (TargetState::Finished, 1), "{id} {number}");
        let output = target.stdout.unwrap();
        let bytes = output_of(id, number);
        assert_eq!(output.hash, hash(&bytes), "{id} {number}");
        let chunk = store.output(output.hash, 0, 2_000_000).await.unwrap().unwrap();
        assert!(chunk.data.0 == bytes, "{id} {number}: another output");
    }
    let query = JournalQuery { execution_id: Some(id), limit: Some(1000), ..JournalQuery::default() };
    let mut entries: Vec<NewJournalEntry> =
        store.journal(&query).await.unwrap().items.into_iter().map(|found| found.entry).collect();
    entries.sort_by_key(|entry| entry.id);
    let mut expected: Vec<NewJournalEntry> =
        (0..TARGETS).map(|number| told(id, &format!("n{number}"))).collect();
    expected.sort_by_key(|entry| entry.id);
    assert!(entries == expected, "{id}: {entries:?}");
    let seqs: Vec<u64> = stored_events(store, id, 1000).await.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=TARGETS as u64).collect::<Vec<_>>(), "{id}");
}

/// Decision 1: the server is stopped twenty times in the middle of writes. Nothing that was acknowledged is missing or
/// changed, nothing is written twice, and the processes go on by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_server() {
    let mut server = Postgres::start().unwrap();
    let url = server.url("postgres");
    let open = async || PostgresStore::open(PostgresOptions::new(&url)).await.unwrap();
    // Two machines.
    let stores = [open().await, open().await];
    let told = Arc::new(Told::default());
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        lanes.spawn(write(Lane { store: stores[lane % 2].clone(), told: Arc::clone(&told) }));
    }
    let mut stopped = 0;
    for round in 0..ROUNDS {
        let before = told.acknowledged.load(Ordering::SeqCst);
        // Another number each time, so that it meets every step of an execution.
        let some = before + 5 + round * 3;
        let many = || told.acknowledged.load(Ordering::SeqCst) >= some;
        until_async("some acknowledged", Duration::from_secs(120), many).await.unwrap();
        let failed = told.failed.load(Ordering::SeqCst);
        server.stop(if round % 2 == 0 { End::Immediate } else { End::Fast });
        let fails = || told.failed.load(Ordering::SeqCst) > failed;
        until_async("a call to fail", Duration::from_secs(60), fails).await.unwrap();
        stopped += 1;
        server.start_again().unwrap();
    }
    told.stop.store(true, Ordering::SeqCst);
    lanes.join_all().await;
    assert_eq!(stopped, ROUNDS);
    let (created, finished) = (told.created.lock().unwrap().clone(), told.finished.lock().unwrap().clone());
    assert_eq!(created.len(), finished.len());
    assert!(!finished.is_empty());
    let other = open().await;
    assert_eq!(other.recover(Timestamp::now()).await.unwrap(), [], "everybody lives");
    for id in &finished {
        check(&other, *id).await;
    }
    let sound = other.verify_journal(None).await.unwrap();
    assert!(sound.is_sound(), "{sound:?}");
    let count = server.query("postgres", "SELECT count(*) FROM pabawi_exec_executions").unwrap();
    assert_eq!(count, format!("{}\n", finished.len()), "none was written twice");
    for store in stores {
        store.close().await;
    }
    let left = server.query("postgres", "SELECT count(*) FROM pabawi_exec_owners").unwrap();
    assert_eq!(left, "1\n", "who closes leaves nothing behind");
}
