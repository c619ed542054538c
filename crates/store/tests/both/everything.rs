//! A database with everything in it, and what every later version must read of it: [`write`] and [`check`].

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bytes::Bytes;
use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::breaker::{BreakerRecord, BreakerState};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{CorrelationId, ExecutionId, IdempotencyKey, PluginName, Tag};
use pabawi_domain::journal::{JournalQuery, NewJournalEntry};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData, StreamKind};
use pabawi_domain::ports::{
    BreakerStore as _, DetachedName, ExecutionStore as _, FactStore as _, GraphStore as _, JournalStore as _,
    KeptFacts, NodeFacts, PlanStore as _, StoreWrite, TargetResult,
};
use pabawi_domain::preview::{PlanHash, PreviewBasis, StoredPlan};
use pabawi_domain::record::{
    AttemptRecord, ExecutionQuery, ExecutionRecord, NewExecution, OutputRef, TargetRecord, TargetState,
};
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::summary::{ExecutionStatus, ExecutionSummary, Progress, SummaryFold};
use pabawi_domain::task::{
    GraphRunRecord, GraphStatus, GraphUpdate, NewGraphRun, TaskCounts, TaskDef, TaskGraph, TaskRecord,
    TaskStatus, When,
};
use pabawi_store::Store;
use serde_json::json;

use crate::breakers::record;
use crate::journal::entry;
use crate::records::{all_targets, at, hash, node, stored_events, whole};

const LARGE_BYTES: usize = 1_100_000;
/// What two nodes print.
pub(crate) const UP: &[u8] = b"up\n\xff";

pub(crate) fn id(number: u8) -> ExecutionId {
    ExecutionId::from_parts(1_790_000_000_000 + u64::from(number), [number; 10])
}

fn caller() -> Caller {
    Caller { user: "ada".into(), entry_point: EntryPoint::Cli }
}

/// A run with everything in it.
fn complete() -> NewExecution {
    let command = CommandAction::new("uptime żółw");
    let request = ExecutionRequest {
        tags: [Tag::new("deploy").unwrap(), Tag::new("web").unwrap()].into(),
        correlation_id: CorrelationId::new("req-7").ok(),
        idempotency_key: IdempotencyKey::new("once").ok(),
        ..ExecutionRequest::new(Action::Command(command), TargetExpression::new("n[0-3]"))
    };
    let endpoint = Endpoint { port: Some(2222), user: Some("root".into()), ..Endpoint::default() };
    let target = |number| {
        let endpoint = if number == 1 { endpoint.clone() } else { Endpoint::default() };
        Target::new(node(&format!("n{number}")), endpoint)
    };
    NewExecution {
        id: id(1),
        caller: caller(),
        request,
        targets: (0..4).map(target).collect(),
        plugins: ["bolt", "ssh"].map(|name| PluginName::new(name).unwrap()).into(),
        submitted_at: at(1),
    }
}

/// A run that its process has left in the middle.
fn left() -> NewExecution {
    let request = ExecutionRequest {
        rerun_of: Some(id(1)),
        ..ExecutionRequest::new(
            Action::Command(CommandAction::new("sleep 9")),
            TargetExpression::new("n0,n1"),
        )
    };
    let targets = ["n0", "n1"].map(|name| Target::new(node(name), Endpoint::default())).into();
    NewExecution {
        id: id(2),
        caller: caller(),
        request,
        targets,
        plugins: BTreeSet::new(),
        submitted_at: at(50),
    }
}

/// An output that stands in no row of the outputs: it would only take room in the repository. With its hash.
pub(crate) fn large() -> (&'static [u8], ContentHash) {
    static LARGE: LazyLock<(Vec<u8>, ContentHash)> = LazyLock::new(|| {
        let bytes: Vec<u8> = b"large \x00\xff".iter().copied().cycle().take(LARGE_BYTES).collect();
        let hash = hash(&bytes);
        (bytes, hash)
    });
    (&LARGE.0, LARGE.1)
}

fn shortened() -> CapturedOutput {
    let part = |text: &'static [u8]| OutputData(Bytes::from_static(text));
    CapturedOutput {
        hash: ContentHash([7; 32]),
        total_bytes: 1000,
        kept: KeptOutput::HeadTail { head: part(b"head"), tail: part(b"the tail") },
    }
}

fn summary() -> ExecutionSummary {
    let mut fold = SummaryFold::new(4);
    for outcome in [NodeOutcome::Succeeded, NodeOutcome::Exited { code: 3 }, NodeOutcome::Succeeded] {
        fold.start();
        fold.finish(&outcome, true);
    }
    fold.finish(&NodeOutcome::Skipped { why: SkipReason::Interrupted }, false);
    fold.summary(29_000)
}

fn told() -> Vec<ExecutionEvent> {
    let event = |seq, kind| ExecutionEvent { execution_id: id(1), seq, at: at(20), kind };
    vec![
        event(1, EventKind::NodeStarted { node: node("n0"), attempt: 1 }),
        event(
            2,
            EventKind::Output {
                node: node("n0"),
                stream: StreamKind::Stdout,
                offset: 0,
                data: OutputData(Bytes::from_static(UP)),
            },
        ),
        event(3, EventKind::Finished { summary: summary() }),
    ]
}

fn result(
    name: &str,
    attempt: u32,
    outcome: NodeOutcome,
    outputs: [Option<CapturedOutput>; 2],
) -> StoreWrite {
    let [stdout, stderr] = outputs;
    StoreWrite::TargetFinished(Box::new(TargetResult {
        id: id(1),
        node: node(name),
        attempt,
        outcome,
        started_at: (attempt > 0).then(|| at(10 + i64::from(attempt))),
        finished_at: at(20),
        stdout,
        stderr,
    }))
}

fn started(id: ExecutionId, name: &str, attempt: u32) -> StoreWrite {
    StoreWrite::AttemptStarted { id, node: node(name), attempt, at: at(10 + i64::from(attempt)) }
}

fn graph() -> TaskGraph {
    let task = |name: &str, after: &[&str]| TaskDef {
        name: name.to_owned(),
        after: after.iter().map(|name| (*name).to_owned()).collect(),
        when: When::Succeeded,
        parameters: serde_json::Map::new(),
        parameter_schema: None,
        request: ExecutionRequest::new(
            Action::Command(CommandAction::new("uptime")),
            TargetExpression::new("n0"),
        ),
    };
    TaskGraph { name: "roll".to_owned(), tasks: vec![task("first", &[]), task("second", &["first"])] }
}

fn tasks() -> Vec<TaskRecord> {
    let first = TaskRecord {
        status: TaskStatus::Completed,
        executions: vec![id(1)],
        started_at: Some(at(60)),
        finished_at: Some(at(70)),
        ..TaskRecord::queued(0, "first")
    };
    let second = TaskRecord {
        status: TaskStatus::Failed,
        reason: Some("exit 3".into()),
        ..TaskRecord::queued(1, "second")
    };
    vec![first, second]
}

fn counts() -> TaskCounts {
    let mut counts = TaskCounts::default();
    tasks().iter().for_each(|task| counts.add(task.status, None));
    counts
}

pub(crate) fn plan() -> StoredPlan {
    let request = left().request;
    StoredPlan {
        hash: PlanHash(ContentHash([0xab; 32])),
        caller: caller(),
        created_at: at(1),
        expires_at: at(1000),
        basis: PreviewBasis {
            format: PreviewBasis::FORMAT,
            request: request.clone(),
            targets: Vec::new(),
            files: Vec::new(),
        },
        request,
        surface: "of the surface".into(),
    }
}

fn breakers() -> [BreakerRecord; 2] {
    [record("node:n1", BreakerState::Open, 3, 0), record("node:n2", BreakerState::Closed, 2, 1)]
}

fn facts() -> KeptFacts {
    let facts = json!({"os": {"family": "Debian"}, "list": [1, "two"]});
    KeptFacts {
        provider: "ssh".into(),
        collected_at: at(30),
        facts: NodeFacts {
            node: node("n0"),
            facts: facts.as_object().unwrap().clone(),
            raw: Some(json!("raw")),
            warnings: vec!["slow".into()],
            gathered_at: at(29),
        },
    }
}

fn kept() -> DetachedName {
    DetachedName { execution: id(1), node: node("n0"), attempt: 1, may_exist: true }
}

fn journal() -> [NewJournalEntry; 3] {
    [
        entry("one", "n0", 5),
        NewJournalEntry { execution_id: Some(id(1)), ..entry("two", "n0", 6) },
        entry("one", "n1", 7),
    ]
}

pub(crate) async fn write(store: &Store) {
    store.create(complete()).await.unwrap();
    let failed = StoreWrite::AttemptFailed {
        id: id(1),
        node: node("n1"),
        attempt: 1,
        at: at(15),
        outcome: NodeOutcome::Exited { code: 9 },
    };
    let writes = [
        StoreWrite::Started { id: id(1), at: at(10) },
        started(id(1), "n0", 1),
        started(id(1), "n1", 1),
        failed,
        started(id(1), "n1", 2),
        started(id(1), "n2", 1),
        result("n0", 1, NodeOutcome::Succeeded, [whole(UP), None]),
        result("n1", 2, NodeOutcome::Exited { code: 3 }, [whole(UP), Some(shortened())]),
        result("n2", 1, NodeOutcome::Succeeded, [whole(large().0), None]),
        result("n3", 0, NodeOutcome::Skipped { why: SkipReason::Interrupted }, [None, None]),
        StoreWrite::Events { id: id(1), events: told().into_iter().map(Into::into).collect() },
        StoreWrite::Unsettled { id: id(1), name: kept() },
        StoreWrite::Finished { id: id(1), at: at(39), summary: Box::new(summary()) },
    ];
    store.append(&writes).await.unwrap();
    store.create(left()).await.unwrap();
    store.append(&[StoreWrite::Started { id: id(2), at: at(51) }, started(id(2), "n0", 1)]).await.unwrap();
    let run = NewGraphRun { id: id(3), caller: caller(), graph: graph(), submitted_at: at(59) };
    store.create_graph(run).await.unwrap();
    let ended = GraphUpdate {
        id: id(3),
        tasks: tasks(),
        counts: counts(),
        started_at: Some(at(60)),
        finished_at: Some(at(80)),
    };
    store.update_graph(&ended).await.unwrap();
    store.save_plan(&plan()).await.unwrap();
    store.save_breakers(&breakers()).await.unwrap();
    store.put_facts(vec![facts()]).await.unwrap();
    store.append_journal(&journal()).await.unwrap();
}

/// All fields of all that is in it. Not every version has kept the plugins of an execution.
pub(crate) async fn check(store: &Store, has_plugins: bool) {
    assert_eq!(store.recover(at(100)).await.unwrap(), [id(2)]);
    let of = |new: &NewExecution| ExecutionRecord {
        id: new.id,
        caller: new.caller.clone(),
        request: new.request.clone(),
        action_kind: new.request.action.kind(),
        action_text: new.request.action.text(),
        plugins: if has_plugins { new.plugins.clone() } else { BTreeSet::new() },
        status: ExecutionStatus::Partial,
        progress: summary().progress,
        submitted_at: new.submitted_at,
        started_at: Some(at(10)),
        finished_at: Some(at(39)),
        summary: Some(summary()),
        reruns: Vec::new(),
    };
    let first = ExecutionRecord { reruns: vec![id(2)], ..of(&complete()) };
    let mut fold = SummaryFold::new(2);
    fold.start();
    fold.interrupt();
    fold.finish(&NodeOutcome::Skipped { why: SkipReason::Interrupted }, false);
    let folded = fold.summary(49_000);
    let second = ExecutionRecord {
        status: ExecutionStatus::Interrupted,
        progress: folded.progress,
        started_at: Some(at(51)),
        finished_at: Some(at(100)),
        summary: Some(folded.clone()),
        ..of(&left())
    };
    let all = store.executions(&ExecutionQuery::default()).await.unwrap().items;
    assert_eq!(all, [second, first.clone()]);
    let progress: Progress = first.progress;
    assert_eq!((progress.succeeded, progress.failed, progress.skipped), (2, 1, 1));
    let by_tag =
        ExecutionQuery { tag: Tag::new("deploy").ok(), text: Some("ŻÓŁW".into()), ..Default::default() };
    assert_eq!(store.executions(&by_tag).await.unwrap().items, [first]);

    targets(store).await;
    assert_eq!(stored_events(store, id(1), 2).await, told());
    assert_eq!(
        stored_events(store, id(2), 2).await.last().unwrap().kind,
        EventKind::Finished { summary: folded }
    );
    assert_eq!(store.unsettled().await.unwrap(), [kept()]);

    let run = GraphRunRecord {
        id: id(3),
        caller: caller(),
        name: "roll".into(),
        status: GraphStatus::Partial,
        counts: counts(),
        submitted_at: at(59),
        started_at: Some(at(60)),
        finished_at: Some(at(80)),
    };
    assert_eq!(counts().status(), run.status);
    assert_eq!(store.graph_run(id(3)).await.unwrap(), Some(run));
    assert_eq!(store.graph_tasks(id(3)).await.unwrap(), tasks());
    assert_eq!(store.graph_of_run(id(3)).await.unwrap(), Some(graph()));
    assert_eq!(store.plan(plan().hash).await.unwrap(), Some(plan()));
    assert_eq!(store.breakers(0).await.unwrap().records, breakers());
    assert_eq!(store.facts_of(&[node("n0")]).await.unwrap(), [facts()]);
    let read = store.journal(&JournalQuery::default()).await.unwrap().items;
    let mut written = journal().to_vec();
    written.reverse();
    assert_eq!(read.iter().map(|one| one.entry.clone()).collect::<Vec<_>>(), written);
    assert_eq!(read.iter().map(|one| one.seq).collect::<Vec<_>>(), [Some(1), Some(2), Some(1)]);
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.entries, verified.is_sound()), (3, true));
}

/// Targets, attempts and outputs.
async fn targets(store: &Store) {
    let whole = |hash, bytes: &[u8]| OutputRef { hash, total_bytes: bytes.len() as u64, omitted_bytes: 0 };
    let target = |position: u64, state, attempt: u32, result| TargetRecord {
        position,
        target: complete().targets[usize::try_from(position).unwrap()].clone(),
        state,
        attempt,
        result,
        started_at: (attempt > 0).then(|| at(10 + i64::from(attempt))),
        finished_at: Some(at(20)),
        stdout: None,
        stderr: None,
    };
    let done = TargetState::Finished;
    let cut = OutputRef { hash: shortened().hash, total_bytes: 1000, omitted_bytes: 988 };
    let up = whole(hash(UP), UP);
    let large = whole(large().1, large().0);
    let expected = [
        TargetRecord { stdout: Some(up), ..target(0, done, 1, Some(NodeOutcome::Succeeded)) },
        TargetRecord {
            stdout: Some(up),
            stderr: Some(cut),
            ..target(1, done, 2, Some(NodeOutcome::Exited { code: 3 }))
        },
        TargetRecord { stdout: Some(large), ..target(2, done, 1, Some(NodeOutcome::Succeeded)) },
        target(3, done, 0, Some(NodeOutcome::Skipped { why: SkipReason::Interrupted })),
    ];
    assert_eq!(all_targets(store, id(1)).await, expected);
    let attempt = |name: &str, attempt: u32, finished: i64, result| AttemptRecord {
        node: node(name),
        attempt,
        started_at: at(10 + i64::from(attempt)),
        finished_at: Some(at(finished)),
        result: Some(result),
    };
    let attempts = [
        attempt("n0", 1, 20, NodeOutcome::Succeeded),
        attempt("n1", 1, 15, NodeOutcome::Exited { code: 9 }),
        attempt("n2", 1, 20, NodeOutcome::Succeeded),
        attempt("n1", 2, 20, NodeOutcome::Exited { code: 3 }),
    ];
    assert_eq!(store.attempts(id(1), None).await.unwrap(), attempts);
    for (hash, bytes) in [(up.hash, UP), (large.hash, self::large().0), (cut.hash, b"headthe tail")] {
        let chunk = store.output(hash, 0, 2_000_000).await.unwrap().unwrap();
        assert!(chunk.data.0 == bytes, "{hash}");
    }
    let groups = store.output_groups(id(1), StreamKind::Stdout).await.unwrap();
    let sizes: Vec<_> = groups.iter().map(|group| (group.output, group.nodes.len())).collect();
    assert_eq!(sizes, [(Some(up), 2), (Some(large), 1), (None, 1)]);
}
