//! Prints what the SQLite store does in a second on this machine: durable node results, executions, reads.
//! `cargo run --release -p pabawi-store --example bench_store [targets] [executions] [directory]`

#![allow(clippy::print_stdout, reason = "a program whose purpose is to print")]
#![allow(clippy::expect_used, reason = "a measurement that fails has nothing to say")]
#![allow(clippy::cast_precision_loss, reason = "rates are shown with three digits")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData, StreamKind};
use pabawi_domain::ports::{ExecutionStore, StoreWrite, TargetResult};
use pabawi_domain::record::{ExecutionQuery, NewExecution, TargetQuery};
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::summary::{Progress, SummaryFold};
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use sha2::{Digest, Sha256};

const BATCH: usize = 1000;

fn node(number: usize) -> NodeId {
    NodeId::new(format!("node-{number:06}.example.com")).expect("a good name")
}

fn execution(targets: usize) -> NewExecution {
    let now = Timestamp::now();
    NewExecution {
        id: ExecutionId::from(uuid::Uuid::now_v7()),
        caller: Caller { user: "bench".into(), entry_point: EntryPoint::Rust },
        request: ExecutionRequest::new(
            Action::Command(CommandAction::new("uname -r")),
            TargetExpression::new("node-[000000-099999].example.com"),
        ),
        targets: (0..targets)
            .map(|number| {
                Target::new(
                    node(number),
                    Endpoint { port: Some(2222), user: Some("root".into()), ..Endpoint::default() },
                )
            })
            .collect(),
        plugins: BTreeSet::from([PluginName::new("ssh").expect("a good name")]),
        submitted_at: now,
    }
}

fn output(text: String) -> Option<CapturedOutput> {
    let bytes = Bytes::from(text);
    Some(CapturedOutput {
        hash: ContentHash(Sha256::digest(&bytes).into()),
        total_bytes: bytes.len() as u64,
        kept: KeptOutput::Whole(OutputData(bytes)),
    })
}

/// Starts, results and events of one batch of nodes, as the engine's recorder gives them.
fn batch(
    id: ExecutionId,
    from: usize,
    to: usize,
    distinct: bool,
    seq: &mut u64,
) -> (Vec<StoreWrite>, Vec<StoreWrite>) {
    let at = Timestamp::now();
    let (mut starts, mut ends, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for number in from..to {
        let node = node(number);
        let mut event = |kind| {
            *seq += 1;
            events.push(Arc::new(ExecutionEvent { execution_id: id, seq: *seq, at, kind }));
        };
        starts.push(StoreWrite::AttemptStarted { id, node: node.clone(), attempt: 1, at });
        event(EventKind::NodeStarted { node: node.clone(), attempt: 1 });
        let text = if distinct { format!("{node}\n") } else { format!("6.1.0-{}-amd64\n", number % 3) };
        event(EventKind::Output {
            node: node.clone(),
            stream: StreamKind::Stdout,
            offset: 0,
            data: OutputData(Bytes::from(text.clone())),
        });
        let stdout = output(text);
        event(EventKind::NodeFinished {
            phases: None,
            node: node.clone(),
            attempt: 1,
            result: NodeOutcome::Succeeded,
            duration_ms: 12,
            stdout: stdout.as_ref().map(|output| output.hash),
            stderr: None,
            progress: Progress { total: 100_000, queued: 50_000, succeeded: 50_000, ..Progress::default() },
        });
        ends.push(StoreWrite::TargetFinished(Box::new(TargetResult {
            id,
            node,
            attempt: 1,
            outcome: NodeOutcome::Succeeded,
            started_at: Some(at),
            finished_at: at,
            stdout,
            stderr: None,
        })));
    }
    ends.push(StoreWrite::Events { id, events });
    (starts, ends)
}

/// A stretch of work: wall time, and the CPU time of the whole process (the machine may be busy with others).
struct Stretch {
    since: Instant,
    cpu: f64,
}

impl Stretch {
    fn begin() -> Self {
        Self { since: Instant::now(), cpu: cpu_seconds() }
    }

    fn show(&self, what: &str, count: usize) {
        let (wall, cpu) = (self.since.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        let (rate, each) = (count as f64 / wall, cpu * 1e6 / count as f64);
        println!(
            "{what:<62} {count:>7} in {wall:>6.2} s {rate:>9.0}/s, CPU {cpu:>5.2} s = {each:>7.1} us each"
        );
    }
}

/// User and system time of this process in seconds, of `/proc/self/stat` (proc(5), fields 14 and 15).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    ticks.sum::<u64>() as f64 / 100.0
}

async fn fan_out(store: &SqliteStore, targets: usize, distinct: bool) -> ExecutionId {
    let new = execution(targets);
    let id = new.id;
    let since = Stretch::begin();
    store.create(new).await.expect("created");
    since.show("create: targets of one execution", targets);

    let mut seq = 0;
    let whole = Stretch::begin();
    for from in (0..targets).step_by(BATCH) {
        let (starts, ends) = batch(id, from, (from + BATCH).min(targets), distinct, &mut seq);
        store.append(&starts).await.expect("started");
        store.append(&ends).await.expect("ended");
    }
    let kind = if distinct { "every output another" } else { "3 different outputs" };
    whole.show(&format!("append: node results with 3 events each, {kind}"), targets);
    let mut fold = SummaryFold::new(targets as u64);
    for _ in 0..targets {
        fold.start();
        fold.finish(&NodeOutcome::Succeeded, true);
    }
    let finished = StoreWrite::Finished { id, at: Timestamp::now(), summary: Box::new(fold.summary(1000)) };
    store.append(&[finished]).await.expect("finished");
    id
}

async fn read(store: &SqliteStore, id: ExecutionId) {
    let since = Stretch::begin();
    let mut count = 0;
    let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
    // Ends with the last page.
    loop {
        let page = store.targets(id, &query).await.expect("targets");
        count += page.items.len();
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    since.show("read: targets in pages of 10,000", count);
    let since = Stretch::begin();
    let (mut count, mut next) = (0, 1);
    // Ends when a page reaches no further.
    loop {
        let page = store.events(id, next, 10_000).await.expect("events");
        count += page.events.len();
        if page.events.is_empty() {
            break;
        }
        next = page.next_seq;
    }
    since.show("read: events in pages of 10,000", count);
    let since = Stretch::begin();
    let groups = store.output_groups(id, StreamKind::Stdout).await.expect("groups");
    since.show("read: output groups", groups.len());
}

/// One small execution from its beginning to its end, as the engine writes it.
async fn small(store: &SqliteStore, number: usize) {
    let mut new = execution(0);
    new.targets.push(Target::new(node(number % 500), Endpoint::default()));
    let id = new.id;
    store.create(new).await.expect("created");
    let at = Timestamp::now();
    let node = node(number % 500);
    let start = StoreWrite::AttemptStarted { id, node: node.clone(), attempt: 1, at };
    store.append(&[StoreWrite::Started { id, at }, start]).await.expect("started");
    let mut fold = SummaryFold::new(1);
    fold.start();
    fold.finish(&NodeOutcome::Succeeded, true);
    let summary = fold.summary(3);
    let result = StoreWrite::TargetFinished(Box::new(TargetResult {
        id,
        node,
        attempt: 1,
        outcome: NodeOutcome::Succeeded,
        started_at: Some(at),
        finished_at: at,
        stdout: output("6.1.0\n".to_owned()),
        stderr: None,
    }));
    let event = ExecutionEvent {
        execution_id: id,
        seq: 1,
        at,
        kind: EventKind::Finished { summary: summary.clone() },
    };
    let events = StoreWrite::Events { id, events: vec![Arc::new(event)] };
    let finished = StoreWrite::Finished { id, at, summary: Box::new(summary) };
    store.append(&[result, events, finished]).await.expect("finished");
}

async fn history(store: &SqliteStore, executions: usize) {
    let since = Stretch::begin();
    for number in 0..executions / 100 {
        small(store, number).await;
    }
    since.show("small executions, 3 commits each, 1 caller", executions / 100);
    let since = Stretch::begin();
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (lane..executions).step_by(64) {
                small(&store, number).await;
            }
        });
    }
    tasks.join_all().await;
    since.show("small executions, 3 commits each, 64 callers", executions);
    let query = ExecutionQuery { target: Some(node(77)), ..ExecutionQuery::default() };
    store.executions(&query).await.expect("found");
    let since = Stretch::begin();
    for _ in 0..100 {
        store.executions(&query).await.expect("found");
    }
    since.show("list: 50 executions of one node", 100);
    let sparse = ExecutionQuery { target: Some(node(99_999)), ..ExecutionQuery::default() };
    let since = Stretch::begin();
    for _ in 0..100 {
        store.executions(&sparse).await.expect("found");
    }
    since.show("list: 1 or 2 executions of a rare node", 100);
    let since = Stretch::begin();
    for _ in 0..100 {
        store.take_cancel_requests().await.expect("taken");
    }
    since.show("cancel requests: looks at an empty table", 100);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let targets = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let executions: Option<usize> = arguments.next().and_then(|text| text.parse().ok());
    let dir = match arguments.next() {
        Some(parent) => tempfile::tempdir_in(parent),
        None => tempfile::tempdir(),
    }
    .expect("a directory");
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.expect("opened");
    let id = fan_out(&store, targets, false).await;
    fan_out(&store, targets, true).await;
    read(&store, id).await;
    if let Some(executions) = executions {
        history(&store, executions).await;
    }
    store.close().await;
    let bytes = std::fs::metadata(&path).expect("the file is there").len();
    let peak = std::fs::read_to_string("/proc/self/status").ok().and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("VmHWM:").map(|peak| peak.trim().to_owned()))
    });
    println!("database: {} MiB; peak memory: {}", bytes >> 20, peak.unwrap_or_default());
}
