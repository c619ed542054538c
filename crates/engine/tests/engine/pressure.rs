//! One budget for all output in memory: nodes are held, nothing is lost, nothing locks up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pabawi_domain::event::EventKind;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ExecutionStore as _, Metric, MetricsSink};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::resilience::RetryPolicy;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{AllowAll, Engine, EngineLimits, Subscription, SubscriptionMode};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use proptest::prelude::*;

use super::support::{Names, Rig, ann, command, node, settle};

/// Far more than any of these tests takes, in virtual time: an engine that is stuck ends its test.
const LIMIT: Duration = Duration::from_secs(6 * 3600);
const PIECE: usize = 4 * 1024;
/// What lies beyond the budget for each run: the piece that it reads when the high mark is passed already, once on its
/// way and once in what is kept, where a growing buffer takes twice its content.
const SLACK_PER_RUN: usize = 3 * PIECE;
/// And for each execution: what one run of it keeps on its way to its end, with the block for the file.
const SLACK_PER_EXECUTION: usize = 64 * 1024;

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("it is not stuck")
}

/// Output that differs from node to node and from piece to piece.
fn flood(seed: usize, pieces: usize) -> (NodeScript, Vec<u8>) {
    let whole: Vec<u8> =
        (0..pieces * PIECE).map(|at| (((at / PIECE + seed) * 31 + at) % 251).to_le_bytes()[0]).collect();
    let script = whole.chunks(PIECE).fold(NodeScript::new(), |script, piece| script.stdout(piece.to_vec()));
    (script, whole)
}

fn floods(name: &str, count: usize, pieces: usize) -> (ScriptedTransport, Vec<Vec<u8>>) {
    let mut transport = ScriptedTransport::new();
    let mut all = Vec::new();
    for number in 0..count {
        let (script, whole) = flood(number, pieces);
        transport = transport.node(&node(&format!("{name}{number}")), script);
        all.push(whole);
    }
    (transport, all)
}

fn debug(targets: &str) -> ExecutionRequest {
    let mut request = command(targets);
    request.debug = true;
    request
}

fn limits(budget: usize, spill: &tempfile::TempDir) -> EngineLimits {
    EngineLimits {
        output_memory_bytes: Some(budget),
        output_head_bytes: 1024,
        output_tail_bytes: 1024,
        stored_output_event_bytes: 1024,
        spill_dir: spill.path().to_owned(),
        ..EngineLimits::default()
    }
}

async fn kept(rig: &Rig, id: ExecutionId, name: &str) -> Vec<u8> {
    let stdout = rig.stored(id, name).await.stdout.unwrap();
    assert_eq!(stdout.omitted_bytes, 0, "{name}");
    rig.engine.output(&ann(), stdout.hash, 0, u32::MAX).await.unwrap().unwrap().data.0.to_vec()
}

/// Reads to the end, one event in each pause; the output of each node as it was seen, and the pressure as it was told.
async fn read_slowly(mut reader: Subscription, pause: Duration) -> (HashMap<String, Vec<u8>>, Vec<bool>) {
    let (mut seen, mut told) = (HashMap::<String, Vec<u8>>::new(), Vec::new());
    while let Some(events) = reader.next_batch(5).await.unwrap() {
        for event in events {
            match &event.kind {
                EventKind::Output { node, data, .. } => {
                    seen.entry(node.to_string()).or_default().extend_from_slice(&data.0);
                }
                EventKind::Backpressure { on, used_bytes, limit_bytes } => {
                    assert!(*used_bytes <= 2 * *limit_bytes);
                    told.push(*on);
                }
                _ => {}
            }
        }
        tokio::time::sleep(pause).await;
    }
    (seen, told)
}

/// R8.6, R5.10: forty nodes flood a slow reader through half a MiB of memory.
#[tokio::test(start_paused = true)]
async fn the_budget_holds_and_every_byte_is_kept() {
    in_time(async {
        const NODES: usize = 40;
        const BUDGET: usize = 512 * 1024;
        let dir = tempfile::tempdir().unwrap();
        let (transport, whole) = floods("n", NODES, 100);
        let rig = Rig::with(transport, limits(BUDGET, &dir)).await;
        let mode = SubscriptionMode::SlowTheSource;
        let (id, reader) = rig.engine.submit_and_follow(ann(), debug("n*40"), mode).await.unwrap();
        let (seen, told) = read_slowly(reader, Duration::from_millis(10)).await;
        let outcome = rig.wait(id).await;
        assert_eq!(outcome.summary.progress.succeeded, NODES as u64);
        for (number, whole) in whole.iter().enumerate() {
            let name = format!("n{number}");
            assert!(seen[&name] == *whole, "{name}: what was seen");
            assert!(kept(&rig, id, &name).await == *whole, "{name}: what was kept");
        }
        let memory = rig.engine.stats().memory;
        assert!(memory.peak_bytes <= BUDGET + NODES * SLACK_PER_RUN + SLACK_PER_EXECUTION, "{memory:?}");
        assert!(memory.times_on > 0, "{memory:?}");
        assert_eq!(told.first(), Some(&true), "{told:?}");
        assert!(told.windows(2).all(|two| two[0] != two[1]), "only changes are told: {told:?}");
        settle().await;
        assert_eq!(rig.engine.stats().memory.used_bytes, 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "every file was taken over");
    })
    .await;
}

/// R8.6: without the budget the same flood takes many times as much.
#[tokio::test(start_paused = true)]
async fn a_large_budget_holds_nobody() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let (transport, _) = floods("n", 40, 100);
        let rig = Rig::with(transport, limits(1 << 30, &dir)).await;
        let mode = SubscriptionMode::SlowTheSource;
        let (_, reader) = rig.engine.submit_and_follow(ann(), debug("n*40"), mode).await.unwrap();
        let (_, told) = read_slowly(reader, Duration::from_millis(10)).await;
        let memory = rig.engine.stats().memory;
        assert_eq!((told.len(), memory.times_on), (0, 0));
        assert!(memory.peak_bytes > 5 * 1024 * 1024, "{memory:?}");
    })
    .await;
}

/// R8.6: on is told, and off when the reader has caught up.
#[tokio::test(start_paused = true)]
async fn on_and_off_are_told_and_measured() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let (script, _) = flood(1, 100);
        let transport =
            ScriptedTransport::new().default_script(script.waits(Duration::from_secs(30)).stdout("end"));
        let sink = Arc::new(Gauges::default());
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::builder()
            .store(store.clone())
            .transport(Arc::new(transport))
            .resolver(Arc::new(Names))
            .authorizer(Arc::new(AllowAll))
            .metrics(sink.clone())
            .limits(limits(128 * 1024, &dir))
            .build()
            .await
            .unwrap();
        let mode = SubscriptionMode::SlowTheSource;
        let (id, reader) = engine.submit_and_follow(ann(), command("a*8"), mode).await.unwrap();
        let (_, told) = read_slowly(reader, Duration::from_millis(20)).await;
        assert_eq!((told.first(), told.last()), (Some(&true), Some(&false)), "{told:?}");
        let stored = store.stored_events(id);
        let on = stored.iter().filter(|event| matches!(event.kind, EventKind::Backpressure { on: true, .. }));
        let (gauges, times) = sink.0.lock().unwrap().clone();
        assert_eq!(on.count() as u64, times);
        assert_eq!(gauges["pabawi_backpressure"], 0.0);
        assert!(gauges.contains_key("pabawi_buffered_output_bytes"));
    })
    .await;
}

/// The last value of each gauge, and how often backpressure was counted.
#[derive(Default)]
struct Gauges(Mutex<(HashMap<String, f64>, u64)>);

impl MetricsSink for Gauges {
    fn record(&self, metric: Metric<'_>) {
        let (gauges, times) = &mut *self.0.lock().unwrap();
        match metric {
            Metric::Gauge { name, value, .. } => {
                gauges.insert(name.to_owned(), value);
            }
            Metric::Count { name: "pabawi_backpressure_total", by, .. } => *times += by,
            _ => {}
        }
    }
}

/// R8.6: a store that stands still holds the nodes within the budget, and everything goes on with it.
#[tokio::test(start_paused = true)]
async fn a_store_that_stands_still_holds_the_nodes() {
    in_time(async {
        const BUDGET: usize = 256 * 1024;
        let dir = tempfile::tempdir().unwrap();
        let (transport, whole) = floods("n", 30, 60);
        let store = Arc::new(MemoryStore::new());
        let rig = Rig::on(store, transport, limits(BUDGET, &dir)).await;
        let id = rig.submit(debug("n*30")).await;
        rig.events(id).await.until_started("n29").await;
        rig.store.hold_appends(true);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let memory = rig.engine.stats().memory;
        assert!(memory.peak_bytes <= BUDGET + 30 * SLACK_PER_RUN + SLACK_PER_EXECUTION, "{memory:?}");
        rig.store.hold_appends(false);
        assert_eq!(rig.wait(id).await.summary.status, ExecutionStatus::Completed);
        for (number, whole) in whole.iter().enumerate() {
            assert!(kept(&rig, id, &format!("n{number}")).await == *whole);
        }
    })
    .await;
}

/// R8.6: a budget smaller than one run's needs lets every run come to its end, one after the other.
#[tokio::test(start_paused = true)]
async fn a_budget_of_one_byte_is_slow_and_not_stuck() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let (transport, whole) = floods("n", 10, 20);
        let rig = Rig::with(transport, limits(1, &dir)).await;
        let id = rig.execute(debug("n*10")).await.record.id;
        for (number, whole) in whole.iter().enumerate() {
            assert!(kept(&rig, id, &format!("n{number}")).await == *whole);
        }
        let quiet = rig.execute(command("quiet*10")).await;
        assert_eq!(quiet.summary.progress.succeeded, 10);
    })
    .await;
}

/// R8.6: a reader that has stopped reading holds its own execution, even when that fills the whole budget.
#[tokio::test(start_paused = true)]
async fn a_stuck_reader_holds_no_other_execution() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let (transport, _) = floods("n", 20, 60);
        let rig = Rig::with(transport, limits(128 * 1024, &dir)).await;
        let mode = SubscriptionMode::SlowTheSource;
        let (stuck, reader) = rig.engine.submit_and_follow(ann(), command("n*20"), mode).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(rig.engine.stats().memory.backpressure);
        let other = rig.execute(debug("n*20")).await;
        assert_eq!(other.summary.status, ExecutionStatus::Completed);
        assert_eq!(rig.status(stuck).await.status, ExecutionStatus::Running);
        assert!(rig.engine.stats().memory.backpressure);
        drop(reader);
        assert_eq!(rig.wait(stuck).await.summary.status, ExecutionStatus::Completed);
    })
    .await;
}

/// R8.6: a command that has become silent is neither forgotten nor in the way of the others.
#[tokio::test(start_paused = true)]
async fn a_silent_command_holds_nobody() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let (mut transport, _) = floods("n", 20, 60);
        for number in 0..20 {
            let (script, _) = flood(number, 10);
            transport = transport.node(&node(&format!("s{number}")), script.waits(Duration::from_secs(3600)));
        }
        let rig = Rig::with(transport, limits(64 * 1024, &dir)).await;
        let begin = tokio::time::Instant::now();
        let id = rig.submit(command("s*20,n*20")).await;
        let mut events = rig.events(id).await;
        let mut flooding = 0;
        while flooding < 20 {
            events
            .until(
                |kind| matches!(kind, EventKind::NodeFinished { node, .. } if node.as_str().starts_with('n')),
            )
            .await;
            flooding += 1;
        }
        assert!(begin.elapsed() < Duration::from_secs(600), "{:?}", begin.elapsed());
        assert_eq!(rig.wait(id).await.summary.progress.succeeded, 40);
        assert!(begin.elapsed() < Duration::from_secs(5000), "{:?}", begin.elapsed());
    })
    .await;
}

/// R8.6: what failed attempts have left in memory does not keep their next attempts from being made.
#[tokio::test(start_paused = true)]
async fn attempts_that_wait_for_the_next_one_are_not_held_for_ever() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let (script, _) = flood(1, 4);
        let script = script.exits(1).then(NodeScript::new());
        let rig = Rig::with(ScriptedTransport::new().default_script(script), limits(32 * 1024, &dir)).await;
        let mut request = command("n*100");
        request.retry =
            Some(RetryPolicy { idempotent: true, on: ["exited".to_owned()].into(), ..RetryPolicy::new(3) });
        let outcome = rig.execute(request).await;
        assert_eq!(outcome.summary.progress.succeeded, 100);
        settle().await;
        assert_eq!(rig.engine.stats().memory.used_bytes, 0);
    })
    .await;
}

/// How an execution of the property test is followed.
#[derive(Debug, Clone, Copy)]
enum Follower {
    Nobody,
    /// It may miss events; it pauses so many milliseconds after each batch.
    Careless(u64),
    /// It may not; as above.
    Careful(u64),
    /// It reads nothing and goes away after so many milliseconds.
    Stuck(u64),
}

fn follower() -> impl Strategy<Value = Follower> {
    prop_oneof![
        Just(Follower::Nobody),
        (0u64..50).prop_map(Follower::Careless),
        (0u64..50).prop_map(Follower::Careful),
        (0u64..20_000).prop_map(Follower::Stuck),
    ]
}

/// What one node prints: pieces with a pause after each, in milliseconds.
type Printed = Vec<(Vec<u8>, bool, u64)>;

fn printed() -> impl Strategy<Value = Printed> {
    let piece = (0u8..=255, 1usize..9000, any::<bool>(), prop_oneof![4 => Just(0u64), 1 => 0u64..3000]);
    let piece = piece.prop_map(|(byte, length, err, pause)| (vec![byte; length], err, pause));
    proptest::collection::vec(piece, 0..12)
}

#[derive(Debug, Clone)]
struct Case {
    budget: usize,
    in_flight: usize,
    ring: usize,
    runs: usize,
    nodes: Vec<Printed>,
    executions: Vec<(bool, u32, Follower)>,
}

fn case() -> impl Strategy<Value = Case> {
    let nodes = proptest::collection::vec(printed(), 1..10);
    let executions = proptest::collection::vec((any::<bool>(), 1u32..12, follower()), 1..4);
    (1usize..150_000, 1usize..100_000, 1usize..100_000, 1usize..20, nodes, executions).prop_map(
        |(budget, in_flight, ring, runs, nodes, executions)| Case {
            budget,
            in_flight,
            ring,
            runs,
            nodes,
            executions,
        },
    )
}

async fn ends_and_keeps(case: Case) {
    let dir = tempfile::tempdir().unwrap();
    let mut transport = ScriptedTransport::new();
    for (number, printed) in case.nodes.iter().enumerate() {
        let script = printed.iter().fold(NodeScript::new(), |script, (data, err, pause)| {
            let stream = if *err { StreamKind::Stderr } else { StreamKind::Stdout };
            script.prints(stream, data.clone(), 1).waits(Duration::from_millis(*pause))
        });
        transport = transport.node(&node(&format!("n{number}")), script);
    }
    let limits = EngineLimits {
        output_in_flight_bytes: case.in_flight,
        event_ring_bytes: case.ring,
        max_node_runs: case.runs,
        ..limits(case.budget, &dir)
    };
    let rig = Rig::with(transport, limits).await;
    let targets = format!("n*{}", case.nodes.len());
    let mut followed = tokio::task::JoinSet::new();
    let mut ids = Vec::new();
    for (debug, concurrency, follower) in &case.executions {
        let mut request = command(&targets);
        (request.debug, request.concurrency) = (*debug, Some(*concurrency));
        let mode = match follower {
            Follower::Careful(_) | Follower::Stuck(_) => SubscriptionMode::SlowTheSource,
            Follower::Careless(_) | Follower::Nobody => SubscriptionMode::GapWhenSlow,
        };
        let (id, reader) = rig.engine.submit_and_follow(ann(), request, mode).await.unwrap();
        ids.push((id, *debug));
        match *follower {
            Follower::Nobody => drop(reader),
            Follower::Stuck(ms) => {
                followed.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    drop(reader);
                });
            }
            Follower::Careless(ms) | Follower::Careful(ms) => {
                followed.spawn(async move {
                    read_slowly_any(reader, Duration::from_millis(ms)).await;
                });
            }
        }
    }
    for (id, debug) in ids {
        let outcome = rig.wait(id).await;
        assert_eq!(outcome.summary.progress.succeeded, case.nodes.len() as u64);
        for (number, printed) in case.nodes.iter().enumerate() {
            let stored = rig.stored(id, &format!("n{number}")).await;
            for (err, output) in [(false, stored.stdout), (true, stored.stderr)] {
                let whole: Vec<u8> = printed
                    .iter()
                    .filter(|(_, to, _)| *to == err)
                    .flat_map(|(data, _, _)| data.clone())
                    .collect();
                let Some(output) = output else {
                    assert!(whole.is_empty());
                    continue;
                };
                assert_eq!(output.total_bytes, whole.len() as u64);
                if debug {
                    let chunk = rig.store.output(output.hash, 0, u32::MAX).await.unwrap().unwrap();
                    assert!(chunk.data.0[..] == whole[..], "every byte is kept");
                }
            }
        }
    }
    while let Some(ended) = followed.join_next().await {
        ended.unwrap();
    }
    settle().await;
    let memory = rig.engine.stats().memory;
    assert_eq!((memory.used_bytes, memory.backpressure), (0, false), "everything is given back");
}

async fn read_slowly_any(mut reader: Subscription, pause: Duration) {
    while reader.next_batch(3).await.unwrap().is_some() {
        tokio::time::sleep(pause).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// R8.6: whatever is printed, however small the memory and however its readers behave, every execution ends, keeps
    /// what it has to keep, and leaves nothing in the account.
    #[test]
    fn it_never_locks_up(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(in_time(ends_and_keeps(case)));
    }
}
