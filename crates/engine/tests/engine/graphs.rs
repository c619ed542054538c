//! Task graphs on a scripted transport: order, skips, rescues, values, cancelling, resuming.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::Action;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::task::{
    CheckedGraph, GraphEventKind, GraphQuery, GraphStatus, SkipWhy, TaskRecord, TaskStatus,
};
use pabawi_engine::{
    CancelScope, EngineLimits, GraphError, GraphEvents, GraphView, Graphs, ResumeOptions, parse_graph,
};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};
use proptest::prelude::*;

use super::support::{Answer, GRACEFUL, Policy, Rig, ann, node, settle};

/// One task a line: `name nodes after=a,b when=always: command`.
pub(super) fn graph(lines: &str) -> CheckedGraph {
    let mut text = "name: g\ntasks:\n".to_owned();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (head, command) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "true"));
        let mut words = head.split_whitespace();
        let (name, targets) = (words.next().unwrap(), words.next().unwrap());
        let command = serde_json::to_string(command).unwrap();
        text +=
            &format!("- {{name: {name}, targets: '{targets}', action: {{type: command, command: {command}}}");
        for word in words {
            let (key, value) = word.split_once('=').unwrap();
            let value = if key == "after" { format!("[{value}]") } else { value.to_owned() };
            text += &format!(", {key}: {value}");
        }
        text += "}\n";
    }
    parse_graph("test", text.as_bytes()).unwrap()
}

pub(super) struct GraphRig {
    pub(super) rig: Rig,
    pub(super) graphs: Graphs,
}

impl GraphRig {
    pub(super) async fn new(transport: ScriptedTransport) -> Self {
        Self::on(Arc::new(MemoryStore::new()), transport, EngineLimits::default()).await
    }

    pub(super) async fn on(
        store: Arc<MemoryStore>,
        transport: ScriptedTransport,
        limits: EngineLimits,
    ) -> Self {
        let rig = Rig::on(store, transport, limits).await;
        let graphs = Graphs::open(rig.engine.clone(), rig.store.clone()).await.unwrap();
        Self { rig, graphs }
    }

    pub(super) async fn submit(&self, graph: CheckedGraph) -> (ExecutionId, GraphEvents) {
        self.graphs.submit(ann(), graph).await.unwrap()
    }

    async fn run(&self, graph: CheckedGraph) -> GraphView {
        let (id, _) = self.submit(graph).await;
        self.graphs.wait(&ann(), id).await.unwrap()
    }

    /// The commands in the order of their start, with their nodes.
    fn started(&self) -> Vec<String> {
        let command = |action: &Action| match action {
            Action::Command(command) => command.command.clone(),
            _ => panic!("no command"),
        };
        self.rig
            .transport
            .started()
            .iter()
            .map(|(node, action)| format!("{node} {}", command(action)))
            .collect()
    }
}

fn task<'a>(view: &'a GraphView, name: &str) -> &'a TaskRecord {
    view.tasks.iter().find(|task| task.name == name).unwrap()
}

fn fails(name: &str) -> ScriptedTransport {
    ScriptedTransport::new().node(&node(name), NodeScript::new().exits(3))
}

/// R2.1, R2.2, R2.3, R2.4, R2.6, R2.10
#[tokio::test(start_paused = true)]
async fn a_graph_runs_in_its_order_and_every_task_is_an_execution_of_its_own() {
    let rig = GraphRig::new(ScriptedTransport::new()).await;
    let (id, mut events) = rig.submit(graph("c n3 after=a,b: three\n a n1: one\n b n2 after=a: two")).await;
    let first = rig.graphs.status(&ann(), id).await.unwrap();
    assert_eq!((first.run.status, first.run.counts.queued), (GraphStatus::Queued, 3));
    assert!(first.tasks.iter().all(|task| task.status == TaskStatus::Queued));
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        assert_eq!(event.graph_id, id);
        told.push(match &event.kind {
            GraphEventKind::TaskStarted { task } => format!("{} {}", task.name, task.status),
            GraphEventKind::TaskEnded { task } => format!("{} {}", task.name, task.status),
            GraphEventKind::Finished { run } => format!("{} {}", run.name, run.status),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        told,
        ["a running", "a completed", "b running", "b completed", "c running", "c completed", "g completed"]
    );
    assert_eq!(rig.started(), ["n1 one", "n2 two", "n3 three"]);
    let view = rig.graphs.status(&ann(), id).await.unwrap();
    assert_eq!(
        (view.run.status, view.run.counts.completed, view.nodes.succeeded),
        (GraphStatus::Completed, 3, 3)
    );
    assert_eq!(view.pace.unwrap().remaining_ms, Some(0));
    let execution = rig.rig.status(task(&view, "b").executions[0]).await;
    assert_eq!(execution.request.parent, Some(id));
    assert_eq!(execution.status, pabawi_domain::summary::ExecutionStatus::Completed);
    let listed = rig.graphs.list(&ann(), &GraphQuery::default()).await.unwrap();
    assert_eq!(listed.items, [view.run]);
}

/// R2.5, R2.7
#[tokio::test(start_paused = true)]
async fn what_needs_a_failed_task_is_skipped_with_the_reason() {
    let rig = GraphRig::new(fails("bad")).await;
    let view = rig
        .run(graph(
            "a ok,bad\n b ok after=a\n c ok after=b\n d ok\n rescue ok after=a when=failed\n \
             never ok after=d when=failed\n last ok after=c,rescue when=always",
        ))
        .await;
    assert_eq!(view.run.status, GraphStatus::Partial);
    let a = task(&view, "a");
    assert_eq!(a.status, TaskStatus::Partial);
    assert_eq!(a.reason.as_deref(), Some("1 of 2 nodes did not succeed (1 exited); bad: exit status 3"));
    let why = |task: &str, status| Some(SkipWhy::Prerequisite { task: task.into(), status });
    assert_eq!(task(&view, "b").skipped, why("a", TaskStatus::Partial));
    assert_eq!(task(&view, "c").skipped, why("b", TaskStatus::Skipped));
    assert_eq!(task(&view, "never").skipped, Some(SkipWhy::NothingFailed));
    for name in ["d", "rescue", "last"] {
        assert_eq!(task(&view, name).status, TaskStatus::Completed, "{name}");
    }
}

/// R2.8: tasks that do not need each other run side by side, under the limits of all executions.
#[tokio::test(start_paused = true)]
async fn independent_tasks_run_side_by_side_under_the_same_permits() {
    let transport = ScriptedTransport::new().default_script(NodeScript::new().waits(Duration::from_secs(1)));
    let tasks: String = (0..6).map(|n| format!("t{n} n{n}\n")).collect();
    let rig = GraphRig::new(transport.clone()).await;
    rig.run(graph(&tasks)).await;
    assert_eq!(transport.peak_running(), 6);
    let transport = ScriptedTransport::new().default_script(NodeScript::new().waits(Duration::from_secs(1)));
    let limits = EngineLimits { max_node_runs: 2, ..EngineLimits::default() };
    let rig = GraphRig::on(Arc::new(MemoryStore::new()), transport.clone(), limits).await;
    assert_eq!(rig.run(graph(&tasks)).await.run.status, GraphStatus::Completed);
    assert_eq!(transport.peak_running(), 2);
}

/// A full queue holds tasks up and fails none.
#[tokio::test(start_paused = true)]
async fn a_full_queue_is_waited_for() {
    let transport = ScriptedTransport::new().default_script(NodeScript::new().waits(Duration::from_secs(1)));
    let limits =
        EngineLimits { max_queued_executions: 1, max_running_executions: 4, ..EngineLimits::default() };
    let rig = GraphRig::on(Arc::new(MemoryStore::new()), transport, limits).await;
    let tasks: String = (0..20).map(|n| format!("t{n} n{n}\n")).collect();
    assert_eq!(rig.run(graph(&tasks)).await.run.counts.completed, 20);
}

/// R2.1: results of a prerequisite are values of its dependants.
#[tokio::test(start_paused = true)]
async fn references_become_values() {
    let transport = ScriptedTransport::new()
        .node(&node("n1"), NodeScript::new().stdout("v1.2; rm -rf /\n\n"))
        .node(&node("n2"), NodeScript::new().stderr("oops").exits(3))
        .node(&node("n3"), NodeScript::new().stdout("n4,n5\n"));
    let rig = GraphRig::new(transport).await;
    let view = rig
        .run(graph(
            "a n1,n2\n pick n3\n \
             b n9 after=a when=always: do ${tasks.a.nodes.n1.stdout} ${tasks.a.nodes.n2.exitCode} \
             ${tasks.a.nodes.n2.stderr} ${tasks.a.nodes.n2.outcome} ${tasks.a.status}\n \
             c ${tasks.pick.nodes.n3.stdout} after=pick: go\n",
        ))
        .await;
    let started = rig.started();
    let expected = r"n9 do 'v1.2; rm -rf /' '3' 'oops' 'exited' 'partial'";
    assert!(started.iter().any(|line| line == expected), "{started:?}");
    for line in ["n4 go", "n5 go"] {
        assert!(started.iter().any(|found| found == line), "{started:?}");
    }
    assert_eq!(task(&view, "c").nodes.unwrap().succeeded, 2);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_not_there_fails_the_task_with_the_reason() {
    let transport = ScriptedTransport::new()
        .node(&node("n1"), NodeScript::new().exits(1))
        .node(&node("n2"), NodeScript::new().signalled("SEGV"))
        .node(&node("n3"), NodeScript::new().stdout(&b"\xff"[..]));
    let rig = GraphRig::new(transport).await;
    let view = rig
        .run(graph(
            "a n1\n s n2 after=a\n x n2\n y n3\n \
             skipped n9 after=s when=always: echo ${tasks.s.nodes.n2.stdout}\n \
             signal n9 after=x when=always: echo ${tasks.x.nodes.n2.exitCode}\n \
             bytes n9 after=y: echo ${tasks.y.nodes.n3.stdout}\n",
        ))
        .await;
    for (name, part) in [
        ("skipped", "nothing was run there; the task is skipped"),
        ("signal", "there is no exit status: ended by SIGSEGV"),
        ("bytes", "it is no text in UTF-8"),
    ] {
        let task = task(&view, name);
        assert_eq!(task.status, TaskStatus::Failed, "{name}");
        assert!(task.reason.as_ref().unwrap().contains(part), "{task:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn targets_are_checked_before_anything_starts() {
    let rig = GraphRig::new(ScriptedTransport::new()).await;
    let error = rig
        .graphs
        .submit(ann(), graph("a no-x\n b n1\n c n2,no-y after=b: echo ${tasks.b.nodes.zz.stdout}"))
        .await
        .unwrap_err();
    let GraphError::Invalid(error) = error else { panic!("{error}") };
    let faults: Vec<&str> = error.fields.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(faults, ["tasks[0].targets", "tasks[2].targets", "tasks[2].action"]);
    assert!(error.fields[2].message.contains("zz is not among the targets of b"), "{error}");
    assert!(rig.graphs.list(&ann(), &GraphQuery::default()).await.unwrap().items.is_empty());
    let denied = Rig::judged_by(
        Arc::new(Policy(
            |query: &pabawi_domain::ports::AuthorizationQuery<'_>| {
                if query.capability == "graphs.run" { Answer::Deny } else { Answer::Allow }
            },
        )),
        Arc::new(MemoryStore::new()),
        ScriptedTransport::new(),
        EngineLimits::default(),
    )
    .await;
    let graphs = Graphs::open(denied.engine.clone(), denied.store.clone()).await.unwrap();
    assert_eq!(graphs.submit(ann(), graph("a n1")).await.unwrap_err().code(), ErrorCode::Denied);
}

/// R8.8
#[tokio::test(start_paused = true)]
async fn cancelling_ends_what_runs_and_skips_the_rest() {
    for by_store in [false, true] {
        let rig = GraphRig::new(ScriptedTransport::new().default_script(NodeScript::new().hangs())).await;
        let (id, mut events) = rig.submit(graph("a n1\n b n2\n c n3 after=a when=always")).await;
        for _ in 0..2 {
            assert!(matches!(events.next().await.unwrap().kind, GraphEventKind::TaskStarted { .. }));
        }
        settle().await;
        if by_store {
            use pabawi_domain::ports::GraphStore as _;
            rig.rig.store.request_graph_cancel(id, "bob").await.unwrap();
        } else {
            assert!(rig.graphs.cancel(&ann(), id, GRACEFUL).await.unwrap());
        }
        let view = rig.graphs.wait(&ann(), id).await.unwrap();
        assert_eq!((view.run.status, view.run.counts.cancelled), (GraphStatus::Cancelled, 3));
        assert_eq!(task(&view, "a").status, TaskStatus::Cancelled);
        assert_eq!(task(&view, "c").skipped, Some(SkipWhy::Cancelled));
        assert!(!rig.graphs.cancel(&ann(), id, GRACEFUL).await.unwrap(), "it has ended");
        assert_eq!(rig.rig.transport.running(), 0);
    }
}

/// What is to happen when one execution of a graph is cancelled by itself.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_cancelled_by_itself_can_be_rescued() {
    let transport = ScriptedTransport::new().node(&node("n1"), NodeScript::new().hangs());
    let rig = GraphRig::new(transport).await;
    let (id, mut events) = rig.submit(graph("a n1\n b n2 after=a\n r n3 after=a when=failed")).await;
    let GraphEventKind::TaskStarted { task: started } = &events.next().await.unwrap().kind else { panic!() };
    rig.rig.engine.cancel(&ann(), started.executions[0], CancelScope::All, GRACEFUL).await.unwrap();
    let view = rig.graphs.wait(&ann(), id).await.unwrap();
    assert_eq!(task(&view, "a").status, TaskStatus::Cancelled);
    assert_eq!(task(&view, "b").status, TaskStatus::Skipped);
    assert_eq!(task(&view, "r").status, TaskStatus::Completed);
    assert_eq!(view.run.status, GraphStatus::Cancelled);
}

/// A store that cannot write holds the graph up and nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_while_holds_the_graph_up() {
    let gate = Gate::new();
    let rig =
        GraphRig::new(ScriptedTransport::new().node(&node("n1"), NodeScript::new().waits_for(&gate))).await;
    let (id, mut events) = rig.submit(graph("a n1\n b n2 after=a")).await;
    assert!(matches!(events.next().await.unwrap().kind, GraphEventKind::TaskStarted { .. }));
    settle().await;
    rig.rig.store.fail(Some(StoreError::Unavailable("gone fishing".into())));
    gate.open();
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.rig.store.fail(None);
    assert_eq!(rig.graphs.wait(&ann(), id).await.unwrap().run.status, GraphStatus::Completed);
}

/// The process dies while a task runs on one node of three, one after the other.
async fn crashed(lines: &str) -> (Arc<MemoryStore>, ExecutionId) {
    let store = Arc::new(MemoryStore::new());
    let transport = ScriptedTransport::new().node(&node("n2"), NodeScript::new().hangs());
    let rig = GraphRig::on(Arc::clone(&store), transport, EngineLimits::default()).await;
    let (id, mut events) = rig.submit(graph(lines)).await;
    // Until the task that hangs is the only one that runs.
    loop {
        let event = events.next().await.unwrap();
        if matches!(&event.kind, GraphEventKind::TaskStarted { task } if task.name == "work") {
            break;
        }
    }
    while rig.rig.transport.started().iter().all(|(name, _)| *name != node("n2")) {
        tokio::task::yield_now().await;
    }
    settle().await;
    store.orphan_all();
    // The process of before is no more: nothing of it may write any longer.
    rig.graphs.leave(Duration::from_secs(60)).await;
    std::mem::forget(rig);
    (store, id)
}

const CRASH: &str =
    "first n1: first\n work n1,n2,n3 after=first concurrency=1: work\n last n4 after=work: last";

/// R2.10: after a crash nothing is run twice, and what is not known stays so until somebody asks.
#[tokio::test(start_paused = true)]
async fn a_resumed_graph_runs_nothing_twice() {
    let (store, id) = crashed(CRASH).await;
    let rig = GraphRig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let view = rig.graphs.status(&ann(), id).await.unwrap();
    assert_eq!(
        (view.run.status, task(&view, "work").status),
        (GraphStatus::Interrupted, TaskStatus::Interrupted)
    );
    assert_eq!(task(&view, "first").status, TaskStatus::Completed);
    let reason = task(&view, "work").reason.as_ref().unwrap();
    assert!(reason.contains("ran on n2, and what") && reason.contains("not started on n3"), "{reason}");

    rig.graphs.resume(ann(), id, ResumeOptions::default()).await.unwrap();
    let view = rig.graphs.wait(&ann(), id).await.unwrap();
    assert_eq!(rig.started(), ["n3 work"], "neither what had ended nor what is not known");
    let work = task(&view, "work");
    assert_eq!((work.status, work.executions.len()), (TaskStatus::Interrupted, 2));
    assert!(
        work.reason.as_ref().unwrap().contains("ran on n2, and what came of it is not known"),
        "{work:?}"
    );
    assert_eq!(
        (view.run.status, task(&view, "last").status),
        (GraphStatus::Interrupted, TaskStatus::Interrupted)
    );

    let options = ResumeOptions { rerun_unknown: true, ..ResumeOptions::default() };
    rig.graphs.resume(ann(), id, options.clone()).await.unwrap();
    let view = rig.graphs.wait(&ann(), id).await.unwrap();
    assert_eq!(rig.started(), ["n3 work", "n2 work", "n4 last"]);
    assert_eq!((view.run.status, task(&view, "work").nodes.unwrap().succeeded), (GraphStatus::Completed, 3));
    let error = rig.graphs.resume(ann(), id, options).await.unwrap_err();
    assert!(matches!(error, GraphError::NotInterrupted { status: GraphStatus::Completed, .. }), "{error}");
    let all = rig.rig.engine.executions(&ann(), &ExecutionQuery::default()).await.unwrap();
    assert!(
        all.items.iter().all(|record| record.request.parent == Some(id)),
        "reruns belong to the graph too"
    );
}

/// An execution that came to its end while nobody was told is not run again.
#[tokio::test(start_paused = true)]
async fn a_task_that_had_ended_unnoticed_is_only_taken_note_of() {
    let store = Arc::new(MemoryStore::new());
    let gate = Gate::new();
    let transport = ScriptedTransport::new().node(&node("n2"), NodeScript::new().waits_for(&gate).exits(7));
    let old = GraphRig::on(Arc::clone(&store), transport, EngineLimits::default()).await;
    let (id, mut events) = old.submit(graph("work n1,n2: work\n last n4 after=work when=failed: last")).await;
    let GraphEventKind::TaskStarted { task: started } = &events.next().await.unwrap().kind else { panic!() };
    old.graphs.leave(Duration::from_secs(60)).await;
    gate.open();
    old.rig.wait(started.executions[0]).await;
    store.orphan_all();
    let rig = GraphRig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    rig.graphs.resume(ann(), id, ResumeOptions::default()).await.unwrap();
    let view = rig.graphs.wait(&ann(), id).await.unwrap();
    assert_eq!(rig.started(), ["n4 last"]);
    assert_eq!(task(&view, "work").status, TaskStatus::Partial);
    assert!(task(&view, "work").reason.as_ref().unwrap().contains("n2: exit status 7"));
}

/// Two who resume at once do not both run it.
#[tokio::test(start_paused = true)]
async fn a_graph_is_resumed_by_one_only() {
    let (store, id) = crashed("work n2: work\n last n4 after=work: last").await;
    let rig = GraphRig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let options = ResumeOptions { rerun_unknown: true, ..ResumeOptions::default() };
    let mut events = rig.graphs.resume(ann(), id, options.clone()).await.unwrap();
    let taken = rig.graphs.resume(ann(), id, options).await.unwrap_err();
    assert!(matches!(taken, GraphError::NotInterrupted { .. } | GraphError::Taken(_)), "{taken}");
    while events.next().await.is_some() {}
    assert_eq!(rig.started(), ["n2 work", "n4 last"]);
}

/// Secrets are not stored, so each one that is still needed has to be given again.
#[tokio::test(start_paused = true)]
async fn secrets_are_given_again_at_a_resume() {
    let (store, id) = {
        let store = Arc::new(MemoryStore::new());
        let text = "name: g\ntasks:\n- {name: work, targets: n2, action: {type: command, command: work}}\n\
                    - {name: last, targets: n4, after: [work], action: {type: command, command: last, env: {T: {secret: canary}}}}\n";
        let rig = GraphRig::on(
            Arc::clone(&store),
            ScriptedTransport::new().default_script(NodeScript::new().hangs()),
            EngineLimits::default(),
        )
        .await;
        let (id, mut events) = rig.submit(parse_graph("g", text.as_bytes()).unwrap()).await;
        assert!(events.next().await.is_some());
        let stored = rig.graphs.graph(&ann(), id).await.unwrap();
        assert!(!serde_json::to_string(&stored).unwrap().contains("canary"));
        rig.graphs.leave(Duration::from_secs(60)).await;
        store.orphan_all();
        (store, id)
    };
    let rig = GraphRig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let error = rig.graphs.resume(ann(), id, ResumeOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("tasks[1].action.env: T: the secret was not stored"), "{error}");
    let mut options = ResumeOptions { rerun_unknown: true, ..ResumeOptions::default() };
    options.secrets.env.insert("T".into(), pabawi_domain::secret::Secret::new("again"));
    rig.graphs.resume(ann(), id, options).await.unwrap();
    assert_eq!(rig.graphs.wait(&ann(), id).await.unwrap().run.status, GraphStatus::Completed);
    let (_, last) = &rig.rig.transport.started()[1];
    assert_eq!(last.process().unwrap().env["T"].expose(), b"again");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_leaves_graphs_that_can_be_resumed() {
    let store = Arc::new(MemoryStore::new());
    let transport = ScriptedTransport::new().default_script(NodeScript::new().hangs());
    let rig = GraphRig::on(Arc::clone(&store), transport, EngineLimits::default()).await;
    let (id, mut events) = rig.submit(graph("a n1\n b n2 after=a")).await;
    assert!(events.next().await.is_some());
    rig.graphs.leave(Duration::from_secs(60)).await;
    assert!(events.next().await.is_none(), "nobody runs it any more");
    store.orphan_all();
    let again = Graphs::open(rig.rig.engine.clone(), store.clone()).await.unwrap();
    assert_eq!(again.status(&ann(), id).await.unwrap().run.status, GraphStatus::Interrupted);
}

fn shape() -> impl Strategy<Value = Vec<(Vec<usize>, &'static str, bool)>> {
    let when = prop_oneof![3 => Just("succeeded"), 1 => Just("failed"), 1 => Just("always")];
    proptest::collection::vec((proptest::collection::vec(0usize..12, 0..4), when, any::<bool>()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// R2.7, R2.10: over random graphs, failures and latencies no task starts before its prerequisites have ended,
    /// each starts at most once, and every status follows.
    #[test]
    fn order_is_kept_over_random_graphs_and_failures(shape in shape(), seed in any::<u64>()) {
        let mut lines = String::new();
        for (at, (needs, when, _)) in shape.iter().enumerate() {
            let mut needs: Vec<String> = needs.iter().filter(|need| **need < at).map(|need| format!("t{need}")).collect();
            needs.sort();
            needs.dedup();
            lines += &format!("t{at} n{at}");
            if !needs.is_empty() {
                lines += &format!(" after={} when={when}", needs.join(","));
            }
            lines += ": x\n";
        }
        let graph = graph(&lines);
        let mut transport = ScriptedTransport::new().latency(seed, Duration::from_millis(1)..Duration::from_secs(3));
        for (at, (.., fails)) in shape.iter().enumerate() {
            transport = transport.node(&node(&format!("n{at}")), NodeScript::new().exits(i32::from(*fails)));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (view, events, started) = runtime.block_on(async {
            let rig = GraphRig::new(transport).await;
            let (id, mut stream) = rig.submit(graph.clone()).await;
            let mut events = Vec::new();
            while let Some(event) = stream.next().await {
                events.push(event);
            }
            (rig.graphs.status(&ann(), id).await.unwrap(), events, rig.started())
        });
        let mut ended: HashMap<String, TaskStatus> = HashMap::new();
        let mut begun = Vec::new();
        for event in &events {
            match &event.kind {
                GraphEventKind::TaskStarted { task } => {
                    for need in graph.needs(graph.index_of(&task.name).unwrap()) {
                        prop_assert!(ended.contains_key(&graph.task(*need).unwrap().name));
                    }
                    begun.push(task.name.clone());
                }
                GraphEventKind::TaskEnded { task } => {
                    prop_assert!(ended.insert(task.name.clone(), task.status).is_none());
                }
                _ => {}
            }
        }
        let mut once = started.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), started.len(), "each at most once");
        prop_assert_eq!(begun.len(), started.len());
        for (at, (.., fails)) in shape.iter().enumerate() {
            let record = &view.tasks[at];
            let expected = match (record.executions.is_empty(), fails) {
                (true, _) => TaskStatus::Skipped,
                (false, true) => TaskStatus::Failed,
                (false, false) => TaskStatus::Completed,
            };
            prop_assert_eq!(record.status, expected);
            prop_assert_eq!(ended.get(&record.name), Some(&record.status));
        }
        prop_assert!(view.run.status.is_final());
        prop_assert_eq!(view.run.counts.ended(), shape.len() as u64);
    }
}
