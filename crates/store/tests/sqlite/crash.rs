//! `kill -9` at any moment: what was acknowledged is there, the database is sound, nothing needs help.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::{JournalQuery, NewJournalEntry};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{Created, ExecutionStore, JournalStore as _, StoreWrite};
use pabawi_domain::record::TargetState;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_store::sqlite::SqliteStore;
use pabawi_testkit::wait;
use tokio::task::JoinSet;

use crate::child;
use crate::children::Running;
use crate::journal::entry;
use crate::opened::sound;
use crate::records::{all_targets, events, execution, finished, hash, open, result, start, stored_events};

const ROUNDS: usize = 20;
const LANES: usize = 4;
const TARGETS: usize = 60;
const STEP: usize = 10;

/// What one execution was told to be durable.
#[derive(Debug, Default)]
struct Acknowledged {
    started: usize,
    ended: usize,
    finished: bool,
}

/// What a node prints: small, and now and then too large for the database.
fn output_of(id: ExecutionId, number: usize) -> Vec<u8> {
    let size = if number % 30 == 7 { 1_200_000 } else { 20 };
    format!("{id} {number} ").into_bytes().into_iter().cycle().take(size).collect()
}

/// Writes executions until it is killed, and notes each acknowledgement in a file of its own.
async fn write_until_killed(store: SqliteStore, mut notes: File) {
    let mut note = |text: String| notes.write_all(text.as_bytes()).unwrap();
    // Ends with the process.
    loop {
        let new = execution("true", TARGETS);
        let id = new.id;
        assert_eq!(store.create(new).await.unwrap(), Created::New);
        note(format!("{id} created 0\n"));
        store.append(&[StoreWrite::Started { id, at: Timestamp::now() }]).await.unwrap();
        for from in (0..TARGETS).step_by(STEP) {
            let names: Vec<String> = (from..from + STEP).map(|number| format!("n{number}")).collect();
            let starts: Vec<StoreWrite> = names.iter().map(|name| start(id, name, 1)).collect();
            store.append(&starts).await.unwrap();
            note(format!("{id} started {}\n", from + STEP));
            let mut ends: Vec<StoreWrite> = names
                .iter()
                .zip(from..)
                .map(|(name, number)| result(id, name, NodeOutcome::Succeeded, &output_of(id, number)))
                .collect();
            // The entry of a result goes with it.
            ends.extend(names.iter().map(|name| StoreWrite::Journal { id, entry: Box::new(told(id, name)) }));
            ends.push(events(id, (from as u64 + 1)..=(from + STEP) as u64));
            store.append(&ends).await.unwrap();
            note(format!("{id} ended {}\n", from + STEP));
        }
        store.append(&[finished(id, TARGETS as u64)]).await.unwrap();
        note(format!("{id} finished 0\n"));
    }
}

/// What the journal says of a result.
fn told(id: ExecutionId, name: &str) -> NewJournalEntry {
    NewJournalEntry { execution_id: Some(id), ..entry(&id.to_string(), name, 1) }
}

fn child(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(dir).await;
        store.recover(Timestamp::now()).await.unwrap();
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            let notes = OpenOptions::new().create(true).append(true).open(dir.join(format!("notes-{lane}")));
            lanes.spawn(write_until_killed(store.clone(), notes.unwrap()));
        }
        lanes.join_all().await;
    });
}

fn notes(dir: &Path) -> String {
    (0..LANES).map(|lane| fs::read_to_string(dir.join(format!("notes-{lane}"))).unwrap_or_default()).collect()
}

fn acknowledged(dir: &Path) -> BTreeMap<ExecutionId, Acknowledged> {
    let mut all: BTreeMap<ExecutionId, Acknowledged> = BTreeMap::new();
    for line in notes(dir).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        // A note that was cut off was not made.
        let [id, what, count] = words[..] else { continue };
        let (Ok(id), Ok(count)) = (id.parse(), count.parse()) else { continue };
        let entry = all.entry(id).or_default();
        match what {
            "started" => entry.started = entry.started.max(count),
            "ended" => entry.ended = entry.ended.max(count),
            "finished" => entry.finished = true,
            _ => {}
        }
    }
    all
}

async fn check(store: &SqliteStore, id: ExecutionId, told: &Acknowledged) -> ExecutionStatus {
    let record = store.execution(id).await.unwrap().unwrap_or_else(|| panic!("{id} is lost"));
    assert!(record.status.is_final(), "{id} is {}", record.status);
    if told.finished {
        assert_eq!(record.status, ExecutionStatus::Completed);
    }
    for target in all_targets(store, id).await {
        let number = usize::try_from(target.position).unwrap();
        if number < told.ended {
            assert_eq!(target.result, Some(NodeOutcome::Succeeded), "{id} {number}");
        }
        if number < told.started {
            assert_ne!(target.attempt, 0, "{id} {number}: its command may have run");
        }
        assert!(matches!(target.state, TargetState::Finished | TargetState::Interrupted), "{id} {number}");
        if let Some(output) = target.stdout
            && (number < 3 || number % 30 == 7)
        {
            let bytes = output_of(id, number);
            assert_eq!(output.hash, hash(&bytes));
            let chunk = store.output(output.hash, 0, 2_000_000).await.unwrap().unwrap();
            assert!(chunk.data.0 == bytes, "{id} {number}: another output");
        }
    }
    // R11.11: no result without its entry, and no entry without its result.
    let query = JournalQuery { execution_id: Some(id), limit: Some(1000), ..JournalQuery::default() };
    let journalled: Vec<String> =
        store.journal(&query).await.unwrap().items.iter().map(|one| one.entry.node.to_string()).collect();
    for target in all_targets(store, id).await {
        let has = journalled.contains(&target.target.node.to_string());
        assert_eq!(has, target.result == Some(NodeOutcome::Succeeded), "{id} {}", target.position);
    }
    let stored = stored_events(store, id, 1000).await;
    let seqs: Vec<u64> = stored.iter().map(|event| event.seq).collect();
    assert!(seqs.len() >= told.ended, "{id}: {} events of {}", seqs.len(), told.ended);
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    record.status
}

async fn check_round(dir: &Path, known: &mut BTreeMap<ExecutionId, ExecutionStatus>) -> usize {
    let store = open(dir).await;
    let closed = store.recover(Timestamp::now()).await.unwrap().len();
    for (id, told) in acknowledged(dir) {
        if let std::collections::btree_map::Entry::Vacant(entry) = known.entry(id) {
            entry.insert(check(&store, id, &told).await);
        }
    }
    sound(store, dir).await;
    closed
}

/// Decision 1.
#[test]
fn what_was_acknowledged_survives_kill_9() {
    if let Some(dir) = child::directory() {
        return child(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut known, mut closed) = (BTreeMap::new(), 0);
    for round in 0..ROUNDS {
        // Most are killed soon after their start; some come to the end of an execution first.
        let sign = if round % 4 == 0 { " finished 0" } else { " created 0" };
        let before = notes(dir.path()).matches(sign).count();
        let mut running = Running::start("crash::what_was_acknowledged_survives_kill_9", dir.path());
        wait::until("something acknowledged", Duration::from_secs(120), || {
            assert!(!running.has_ended(), "the child ended by itself");
            notes(dir.path()).matches(sign).count() > before
        })
        .unwrap();
        // Any moment will do; this is not a wait for something.
        let moment = uuid::Uuid::new_v4().as_u128() % 150;
        std::thread::sleep(Duration::from_millis(u64::try_from(moment).unwrap()));
        running.kill();
        closed += runtime.block_on(check_round(dir.path(), &mut known));
        assert!(!known.is_empty(), "round {round}");
    }
    // What the first kills left must have outlived all the later ones.
    let store = runtime.block_on(open(dir.path()));
    for (id, told) in acknowledged(dir.path()) {
        let status = runtime.block_on(check(&store, id, &told));
        assert_eq!(known.get(&id), Some(&status));
    }
    runtime.block_on(store.close());
    // Kills that interrupt nothing would show nothing.
    assert!(closed >= ROUNDS, "only {closed} executions were interrupted");
    assert!(known.values().any(|status| *status == ExecutionStatus::Completed), "none came to its end");
}
