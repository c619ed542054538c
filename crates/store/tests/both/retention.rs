//! Old executions and outputs go, with what belongs to them and nothing else.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::{ExecutionLimit, OutputCut};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{OutputData, StreamKind};
use pabawi_domain::ports::{ExecutionStore as _, RetentionStore as _, StoreWrite};
use pabawi_domain::record::{ExecutionQuery, NewExecution};
use pabawi_store::Store;

use crate::opened::rows;
use crate::records::{
    all_targets, at, events, execution, finished, hash, node, open, result, start, stored_events,
};

/// An execution that is over, submitted so many seconds after the others' beginning: each node prints what is said.
pub(crate) async fn done(store: &Store, seconds: i64, outputs: &[&[u8]]) -> ExecutionId {
    let new = NewExecution { submitted_at: at(seconds), ..execution("cat", outputs.len()) };
    let id = new.id;
    store.create(new).await.unwrap();
    let mut writes = vec![StoreWrite::Started { id, at: at(seconds) }];
    for (number, output) in outputs.iter().enumerate() {
        let name = format!("n{number}");
        writes.push(start(id, &name, 1));
        writes.push(result(id, &name, NodeOutcome::Succeeded, output));
    }
    writes.push(events(id, 1..=3));
    writes.push(finished(id, outputs.len() as u64));
    store.append(&writes).await.unwrap();
    id
}

/// Executions before that second.
pub(crate) fn before(seconds: i64) -> ExecutionLimit {
    ExecutionLimit { before: Some(at(seconds)), ..ExecutionLimit::default() }
}

async fn listed(store: &Store) -> Vec<ExecutionId> {
    let page = store.executions(&ExecutionQuery::default()).await.unwrap();
    page.items.into_iter().map(|record| record.id).collect()
}

async fn text(store: &Store, bytes: &[u8]) -> Option<Vec<u8>> {
    store.output(hash(bytes), 0, 1_000_000).await.unwrap().map(|chunk| chunk.data.0.to_vec())
}

/// R11.13: by age and by number, the oldest first, in small steps; an output goes with the last execution that has it, and one
/// that comes again afterwards is stored again, also by a process that remembers it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_go_with_what_nobody_else_has() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let elsewhere = open(dir.path()).await;
    let old = done(&store, 1, &[b"shared", b"own"]).await;
    let many = done(&store, 2, &[&b"many"[..]; 50]).await;
    let new = done(&elsewhere, 3, &[b"shared", b"new"]).await;
    let running = NewExecution { submitted_at: at(0), ..execution("sleep", 1) };
    let open_one = running.id;
    store.create(running).await.unwrap();

    let cuts = store.execution_cuts(&[before(3)]).await.unwrap();
    assert_eq!((cuts[0].executions, cuts[0].targets, cuts[0].newest), (2, 52, Some(at(2))));
    assert_eq!(listed(&store).await, [new, many, old, open_one], "looking removes nothing");

    let (mut steps, mut from, mut gone) = (0, None, (0, 0, 0));
    loop {
        let step = store.prune_executions(&cuts, from, 20).await.unwrap();
        assert!(step.targets <= 21, "{step:?}");
        gone = (gone.0 + step.executions, gone.1 + step.targets, gone.2 + step.outputs);
        steps += 1;
        assert!(steps < 20);
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    assert!(steps > 2, "in small steps");
    assert_eq!(gone, (2, 52, 2), "what is shared stays");
    assert_eq!(listed(&store).await, [new, open_one]);
    assert_eq!(text(&store, b"shared").await.as_deref(), Some(&b"shared"[..]));
    assert_eq!(text(&store, b"own").await, None);
    assert!(store.execution(old).await.unwrap().is_none());
    assert_eq!(rows(dir.path(), "pabawi_exec_targets").await, 3);
    assert_eq!(rows(dir.path(), "pabawi_exec_segments").await, 1);
    assert_eq!(rows(dir.path(), "pabawi_exec_attempts").await, 0);

    // Both remember the outputs that are gone.
    for store in [&store, &elsewhere] {
        let again = done(store, 5, &[b"own", b"many"]).await;
        let targets = all_targets(store, again).await;
        assert!(targets.iter().all(|target| target.stdout.is_some()), "{targets:?}");
        assert_eq!(text(store, b"own").await.as_deref(), Some(&b"own"[..]));
    }
    let keep = ExecutionLimit { keep: Some(1), ..ExecutionLimit::default() };
    let cuts = store.execution_cuts(&[keep]).await.unwrap();
    assert_eq!(cuts[0].executions, 2);
    let mut from = None;
    while let Some(next) = store.prune_executions(&cuts, from, 1).await.unwrap().next {
        from = Some(next);
    }
    assert_eq!(listed(&store).await.len(), 2, "the newest, and the one that is not over");
    assert_eq!(store.execution_cuts(&[ExecutionLimit::default()]).await.unwrap()[0].executions, 0);
}

/// Outputs go before their executions: results say that there was output and how much, events hold none of it, and equal output
/// that comes later is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_go_and_say_that_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let old = done(&store, 1, &[b"both", b"secret"]).await;
    let event = |seq, kind| Arc::new(ExecutionEvent { execution_id: old, seq, at: at(1), kind });
    let printed = EventKind::Output {
        node: node("n1"),
        stream: StreamKind::Stdout,
        offset: 0,
        data: OutputData(bytes::Bytes::from_static(b"secret")),
    };
    let started = EventKind::NodeStarted { node: node("n1"), attempt: 1 };
    let more = vec![event(4, started.clone()), event(5, printed), event(6, started)];
    store.append(&[StoreWrite::Events { id: old, events: more }]).await.unwrap();
    let new = done(&store, 10, &[b"both"]).await;

    let cut = store.output_cut(&[before(5)]).await.unwrap();
    assert_eq!((cut.outputs, cut.bytes, cut.executions[0].executions), (1, 6, 1));
    assert_eq!(stored_events(&store, old, 100).await.len(), 6);
    assert_eq!(prune_outputs(&store, &cut).await.iter().sum::<u64>(), 1);
    let targets = all_targets(&store, old).await;
    let told: Vec<_> = targets
        .iter()
        .map(|one| one.stdout.map(|output| (output.total_bytes, output.omitted_bytes)))
        .collect();
    assert_eq!(told, [Some((4, 0)), Some((6, 6))]);
    let chunk = store.output(hash(b"secret"), 0, 100).await.unwrap().unwrap();
    assert_eq!((chunk.data.0.len(), chunk.omission.map(|hole| hole.bytes)), (0, Some(6)));
    let seqs: Vec<u64> = stored_events(&store, old, 100).await.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 6]);
    assert_eq!(stored_events(&store, new, 100).await.len(), 3);

    let cut = store.output_cut(&[before(5)]).await.unwrap();
    assert_eq!((cut.outputs, cut.executions[0].executions), (0, 0), "once is enough");

    let again = done(&store, 20, &[b"secret"]).await;
    let targets = all_targets(&store, again).await;
    assert_eq!(targets[0].stdout.map(|output| output.omitted_bytes), Some(0));
    assert_eq!(text(&store, b"secret").await.as_deref(), Some(&b"secret"[..]));
}

/// How many outputs went in each step.
pub(crate) async fn prune_outputs(store: &Store, cut: &OutputCut) -> Vec<u64> {
    let (mut from, mut gone) = (None, Vec::new());
    loop {
        let step = store.prune_outputs(cut, from, 10).await.unwrap();
        gone.push(step.outputs);
        assert!(gone.len() < 20, "{gone:?}");
        from = step.next;
        if from.is_none() {
            return gone;
        }
    }
}

/// R11.13: executions that are not over are passed over, once and not again by each step; a step looks at so many and no more, and
/// removes no more events than it has room for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_over_executions_looks_at_so_many_and_the_next_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    done(&store, 0, &[b"zero"]).await;
    for number in 1..=120 {
        let open_one = NewExecution { submitted_at: at(number), ..execution("sleep", 1) };
        store.create(open_one).await.unwrap();
    }
    let old = done(&store, 200, &[b"one"]).await;
    for number in 0..3 {
        let kind = EventKind::Output {
            node: node("n0"),
            stream: StreamKind::Stdout,
            offset: 0,
            data: OutputData(noise(number, 3_000_000)),
        };
        let event = Arc::new(ExecutionEvent { execution_id: old, seq: 4 + number, at: at(1), kind });
        store.append(&[StoreWrite::Events { id: old, events: vec![event] }]).await.unwrap();
    }
    done(&store, 201, &[b"two"]).await;
    let cuts = store.execution_cuts(&[before(1_000)]).await.unwrap();
    assert_eq!(cuts[0].executions, 3);
    let (mut from, mut gone) = (None, Vec::new());
    loop {
        let step = store.prune_executions(&cuts, from, 500).await.unwrap();
        gone.push((step.executions, rows(dir.path(), "pabawi_exec_segments").await));
        assert!(step.next >= from || step.next.is_none(), "it only goes on");
        from = step.next;
        if from.is_none() {
            break;
        }
        assert!(gone.len() < 10, "{gone:?}");
    }
    // The first has looked at a hundred; those behind them that are not over were passed over before the second began.
    assert_eq!(gone, [(1, 5), (0, 2), (2, 0)]);
    assert_eq!(listed(&store).await.len(), 50, "a page of those that are not over");
}

/// R11.13: outputs that somebody still has and events without output are passed over, once and not again by each step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_over_outputs_looks_at_so_many_and_the_next_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let texts: Vec<String> = (0..2_100).map(|number| format!("kept {number}")).collect();
    let shared = texts.iter().map(String::as_bytes);
    let own = |text: &'static [u8]| std::iter::once(text);
    let outputs: Vec<&[u8]> = own(b"the first").chain(shared.clone()).chain(own(b"the last")).collect();
    let id = done(&store, 1, &outputs).await;
    let new = done(&store, 10, &shared.collect::<Vec<_>>()).await;
    for seq in 4..=23 {
        let kind = match seq {
            6 | 22 => EventKind::Output {
                node: node("n1"),
                stream: StreamKind::Stdout,
                offset: 0,
                data: OutputData(bytes::Bytes::from_static(b"the last")),
            },
            _ => EventKind::NodeStarted { node: node("n1"), attempt: 1 },
        };
        let event = Arc::new(ExecutionEvent { execution_id: id, seq, at: at(1), kind });
        store.append(&[StoreWrite::Events { id, events: vec![event] }]).await.unwrap();
    }

    let cut = store.output_cut(&[before(5)]).await.unwrap();
    assert_eq!(cut.outputs, 2);
    // The first has looked at too few outputs to find both, and each of the others at eight rows of events.
    assert_eq!(prune_outputs(&store, &cut).await, [1, 1, 0, 0]);
    let left: Vec<u64> = stored_events(&store, id, 100).await.iter().map(|event| event.seq).collect();
    assert_eq!(left, (1..=23).filter(|seq| ![6, 22].contains(seq)).collect::<Vec<_>>());
    let targets = all_targets(&store, new).await;
    assert!(targets.iter().all(|one| one.stdout.is_some_and(|output| output.omitted_bytes == 0)));
}

/// Bytes that cannot be made fewer.
fn noise(seed: u64, length: usize) -> bytes::Bytes {
    let mut state = seed + 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// R11.13: of all processes on a store one does what the schedule says, until the time is over; a mark from far in the future is
/// that of a clock that went wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_has_its_turn_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()).await, open(dir.path()).await);
    let hour = Duration::from_secs(3600);
    let (first, second) = tokio::join!(one.claim_retention(at(0), hour), two.claim_retention(at(0), hour));
    let mut answers = [first.unwrap(), second.unwrap()];
    answers.sort();
    assert_eq!(answers, [None, Some(hour)]);
    assert_eq!(two.claim_retention(at(600), hour).await.unwrap(), Some(Duration::from_secs(3000)));
    // Whoever is at it says so.
    assert_eq!(one.claim_retention(at(700), Duration::ZERO).await.unwrap(), None);
    assert_eq!(two.claim_retention(at(3600), hour).await.unwrap(), Some(Duration::from_secs(700)));
    assert_eq!(two.claim_retention(at(4300), hour).await.unwrap(), None);
    assert_eq!(one.claim_retention(at(4299), hour).await.unwrap(), Some(Duration::from_secs(3601)));
    assert_eq!(one.claim_retention(at(-100_000), hour).await.unwrap(), None);
}
