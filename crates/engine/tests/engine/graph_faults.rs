//! Graph runs when something is not as it should be: a store that cannot write graphs, secrets that are gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{GraphStore, StoreError};
use pabawi_domain::record::Page;
use pabawi_domain::secret::Secret;
use pabawi_domain::task::{
    GraphEventKind, GraphQuery, GraphRunRecord, GraphStatus, GraphUpdate, NewGraphRun, TaskGraph, TaskRecord,
};
use pabawi_engine::{EngineLimits, Graphs, ResumeOptions, parse_graph};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};
use tokio::sync::watch;

use super::graphs::{GraphRig, graph};
use super::support::{GRACEFUL, Rig, ann, node, settle};

/// A store that cannot write changes of graphs for a while; executions are stored elsewhere.
struct HeldUp {
    inner: Arc<MemoryStore>,
    is_held: watch::Sender<bool>,
    /// Writes that have failed.
    failed: watch::Sender<u64>,
}

#[async_trait]
impl GraphStore for HeldUp {
    async fn create_graph(&self, run: NewGraphRun) -> Result<(), StoreError> {
        self.inner.create_graph(run).await
    }

    async fn update_graph(&self, update: &GraphUpdate) -> Result<(), StoreError> {
        if *self.is_held.borrow() {
            self.failed.send_modify(|count| *count += 1);
            return Err(StoreError::Unavailable("gone fishing".into()));
        }
        self.inner.update_graph(update).await
    }

    async fn recover_graphs(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        self.inner.recover_graphs(now).await
    }

    async fn claim_graph(&self, id: ExecutionId) -> Result<bool, StoreError> {
        self.inner.claim_graph(id).await
    }

    async fn graph_run(&self, id: ExecutionId) -> Result<Option<GraphRunRecord>, StoreError> {
        self.inner.graph_run(id).await
    }

    async fn graph_of_run(&self, id: ExecutionId) -> Result<Option<TaskGraph>, StoreError> {
        self.inner.graph_of_run(id).await
    }

    async fn graph_tasks(&self, id: ExecutionId) -> Result<Vec<TaskRecord>, StoreError> {
        self.inner.graph_tasks(id).await
    }

    async fn graph_runs(&self, query: &GraphQuery) -> Result<Page<GraphRunRecord>, StoreError> {
        self.inner.graph_runs(query).await
    }

    async fn request_graph_cancel(&self, id: ExecutionId, by: &str) -> Result<(), StoreError> {
        self.inner.request_graph_cancel(id, by).await
    }

    async fn graph_cancel_request(&self, id: ExecutionId) -> Result<Option<String>, StoreError> {
        self.inner.graph_cancel_request(id).await
    }
}

/// R8.8: who cancels is heard while nothing can be written, and what runs is ended then and not when the store works again.
#[tokio::test(start_paused = true)]
async fn a_graph_hears_a_cancellation_while_the_store_is_held_up() {
    let gate = Gate::new();
    let transport = ScriptedTransport::new()
        .node(&node("n1"), NodeScript::new().waits_for(&gate))
        .node(&node("n2"), NodeScript::new().hangs());
    let rig = Rig::new(transport).await;
    let store = Arc::new(HeldUp {
        inner: Arc::clone(&rig.store),
        is_held: watch::Sender::new(false),
        failed: watch::Sender::new(0),
    });
    let graphs = Graphs::open(rig.engine.clone(), store.clone()).await.unwrap();
    let lines = "a n1\n b n2\n c n3 after=a\n d n4 after=b";
    let (id, mut events) = graphs.submit(ann(), graph(lines)).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(events.next().await.unwrap().kind, GraphEventKind::TaskStarted { .. }));
    }
    settle().await;
    store.is_held.send_replace(true);
    gate.open();
    let _ = store.failed.subscribe().wait_for(|failed| *failed > 0).await.unwrap();
    let ann = ann();
    let cancelling = graphs.cancel(&ann, id, GRACEFUL);
    let heard = tokio::time::timeout(Duration::from_secs(30), cancelling).await;
    assert!(heard.expect("the order is heard while the store fails").unwrap());
    while rig.transport.running() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(*store.is_held.borrow(), "it was ended before the store worked again");
    store.is_held.send_replace(false);
    let view = graphs.wait(&ann, id).await.unwrap();
    let words: Vec<_> = view.tasks.iter().map(|task| task.status.to_string()).collect();
    assert_eq!(words[0], "completed", "what had ended stays so");
    assert_eq!((words[1].as_str(), words[3].as_str()), ("cancelled", "skipped"));
    assert!(rig.transport.started().iter().all(|(name, _)| *name != node("n4")));
    assert_eq!(view.run.status, GraphStatus::Cancelled);
}

/// Both the health check of a task that has ended and that of one that has not have secrets; only the latter are asked for.
#[tokio::test(start_paused = true)]
async fn secrets_of_health_checks_are_asked_for_only_where_they_are_still_needed() {
    let task = |name: &str, targets: &str, after: &str, variable: &str| {
        format!(
            "- {{name: {name}, targets: {targets}, after: [{after}], action: {{type: command, command: x}}, \
             rollout: {{mode: {{type: rolling, waves: [1], healthCheck: {{action: {{type: command, command: check, \
             env: {{{variable}: {{secret: canary}}}}, runAs: {{user: root, password: canary}}}}}}}}}}}}\n"
        )
    };
    let text =
        format!("name: g\ntasks:\n{}{}", task("first", "n1", "", "A"), task("last", "n2", "first", "B"));
    let store = Arc::new(MemoryStore::new());
    let hangs = ScriptedTransport::new().node(&node("n2"), NodeScript::new().hangs());
    let rig = GraphRig::on(Arc::clone(&store), hangs, EngineLimits::default()).await;
    let (id, mut events) = rig.submit(parse_graph("g", text.as_bytes()).unwrap()).await;
    loop {
        let event = events.next().await.unwrap();
        if matches!(&event.kind, GraphEventKind::TaskStarted { task } if task.name == "last") {
            break;
        }
    }
    settle().await;
    store.orphan_all();
    rig.graphs.leave(Duration::from_secs(60)).await;
    std::mem::forget(rig);

    let rig = GraphRig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let mut options = ResumeOptions { rerun_unknown: true, ..ResumeOptions::default() };
    let error = rig.graphs.resume(ann(), id, options.clone()).await.unwrap_err().to_string();
    assert!(error.contains("tasks[1].rollout") && error.contains("B: the secret was not stored"), "{error}");
    assert!(error.contains("password") && !error.contains("tasks[0]"), "{error}");
    options.secrets.env.insert("B".into(), Secret::new("again"));
    options.secrets.run_as_password = Some(Secret::new("again"));
    rig.graphs.resume(ann(), id, options).await.unwrap();
    assert_eq!(rig.graphs.wait(&ann(), id).await.unwrap().run.status, GraphStatus::Completed);
    let started = rig.rig.transport.started();
    let [_, (_, check)] = started.as_slice() else { panic!("{started:?}") };
    assert_eq!(check.process().unwrap().env["B"].expose(), b"again");
}
