//! The handle for graph runs: [`Graphs`]. It takes graphs in, answers questions and gives orders; run state belongs
//! to the runners.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pabawi_domain::id::ExecutionId;
use pabawi_domain::pace::Pace;
use pabawi_domain::ports::{GraphStore, StoreError, TerminateMode};
use pabawi_domain::record::Page;
use pabawi_domain::request::Caller;
use pabawi_domain::summary::Progress;
use pabawi_domain::task::{
    CheckedGraph, GraphEvent, GraphQuery, GraphRun, GraphRunRecord, GraphStatus, GraphUpdate, NewGraphRun,
    SkippedTask, StoredTask, TaskGraph, TaskProgress, TaskRecord, TaskStatus,
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::Instrument as _;

use crate::chain::look;
use crate::denied::RUN_GRAPH;
use crate::engine::Engine;
use crate::graph::error::GraphError;
use crate::graph::events::{GraphEvents, WAITING};
use crate::graph::progress::{Teller, pace, sum};
use crate::graph::runner::{Order, Runner};
use crate::graph::secrets::with_secrets;
use crate::graph::start::{Context, Resume};
use crate::graph::targets::check_targets;
use crate::graph::tools::check_tools;
use crate::record::new_id;
use crate::rerun::RerunSecrets;

/// Orders on the way to a runner.
const ORDERS: usize = 16;
/// Messages of tasks on the way to a runner.
const INBOX: usize = 256;

/// Runs graphs on an engine. Cloning gives another handle of the same graphs.
#[derive(Clone)]
pub struct Graphs {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) store: Arc<dyn GraphStore>,
    /// The runs of this process. As an exception behind a mutex: it is not run state, it is held for single look-ups
    /// and never across an await.
    live: Mutex<HashMap<ExecutionId, Live>>,
}

/// What others see of a run of this process.
#[derive(Clone)]
struct Live {
    orders: mpsc::Sender<Order>,
    /// Weak, so that the events end with the runner.
    events: broadcast::WeakSender<Arc<GraphEvent>>,
    ended: watch::Receiver<bool>,
}

/// A graph run with its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphView {
    /// The run.
    #[serde(flatten)]
    pub run: GraphRunRecord,
    /// How many nodes stand where, over all tasks that have begun (R2.6).
    pub nodes: Progress,
    /// How fast tasks end, and when all will have; absent before the first start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// How far the tasks are that run, with the pace of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<TaskProgress>,
    /// The tasks in the order of the graph.
    pub tasks: Vec<TaskRecord>,
}

/// What a resume may do.
#[derive(Debug, Clone, Default)]
pub struct ResumeOptions {
    /// Also runs again where the process died while the command ran, so that nobody knows what came of it. What it
    /// does may then be done twice.
    pub rerun_unknown: bool,
    /// Secrets of the graph's tasks, which were not stored.
    pub secrets: RerunSecrets,
}

impl Graphs {
    /// Graph runs on this engine, remembered in that store. Runs of processes that have died are marked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(engine: Engine, store: Arc<dyn GraphStore>) -> Result<Self, StoreError> {
        for id in store.recover_graphs(engine.shared.clock.now()).await? {
            tracing::warn!(graph_id = %id, "interrupted: the process of this graph run died; it can be resumed");
        }
        Ok(Self { shared: Arc::new(Shared { engine, store, live: Mutex::default() }) })
    }

    /// Accepts a graph and returns the id of its run as soon as it is on stable storage, with every task queued
    /// (R2.2). Needs `graphs.run` for the nodes that are known by now; what the tasks do is asked about again when each one starts. The events from its
    /// start on come with it.
    ///
    /// # Errors
    /// [`GraphError`]; then nothing was started.
    pub async fn submit(
        &self,
        caller: Caller,
        graph: CheckedGraph,
    ) -> Result<(ExecutionId, GraphEvents), GraphError> {
        let engine = &self.shared.engine;
        self.is_open()?;
        let nodes = check_targets(&graph, &*engine.shared.resolver).await?;
        self.may_on(&caller, RUN_GRAPH, &nodes).await?;
        let stored = match check_tools(graph.graph().clone(), &engine.shared.tools, |_| true).await {
            Ok(graph) => graph.redacted(),
            Err(error) => {
                self.tell_refused(&caller, &nodes, &error).await;
                return Err(error);
            }
        };
        let submitted_at = engine.shared.clock.now();
        let id = new_id(submitted_at);
        let new = NewGraphRun { id, caller: caller.clone(), graph: stored, submitted_at };
        self.shared.store.create_graph(new).await?;
        let graph = Arc::new(graph);
        let tasks = (0..).zip(&graph.graph().tasks).map(|(at, task)| TaskRecord::queued(at, &task.name));
        let tasks = tasks.collect();
        let record = self.shared.store.graph_run(id).await?.ok_or(GraphError::NotFound(id))?;
        let run = GraphRun::new(graph);
        Ok((id, self.start(&record, run, tasks, Vec::new(), None)))
    }

    /// Goes on with a run whose process has died. What has ended is not touched. A task that was being run is gone on
    /// with on the nodes on which nothing was run, and with its detached commands; where the outcome is not known, it is run again only when the
    /// options say so, and the task stays interrupted otherwise. Needs `graphs.run`.
    ///
    /// # Errors
    /// [`GraphError`]; [`GraphError::Invalid`] names secrets that have to be given again. Nothing was started then.
    pub async fn resume(
        &self,
        caller: Caller,
        id: ExecutionId,
        options: ResumeOptions,
    ) -> Result<GraphEvents, GraphError> {
        let (engine, store) = (&self.shared.engine, &self.shared.store);
        self.may_about(&caller, RUN_GRAPH, id).await?;
        self.is_open()?;
        let now = engine.shared.clock.now();
        engine.shared.journaller.abandoned(&*engine.shared.store, now).await;
        engine.shared.store.recover(now).await?;
        store.recover_graphs(now).await?;
        let record = store.graph_run(id).await?.ok_or(GraphError::NotFound(id))?;
        if record.status != GraphStatus::Interrupted {
            return Err(GraphError::NotInterrupted { id, status: record.status });
        }
        let graph = store.graph_of_run(id).await?.ok_or(GraphError::NotFound(id))?;
        let tasks = store.graph_tasks(id).await?;
        let graph = match with_secrets(graph, &tasks, &options.secrets, &engine.shared.tools).await {
            Ok(graph) => Arc::new(graph),
            Err(error) => {
                self.tell_refused(&caller, &self.nodes_told_of(id).await, &error).await;
                return Err(error);
            }
        };
        let stored: Vec<StoredTask> =
            tasks.iter().map(|task| StoredTask { status: task.status, why: task.skipped.clone() }).collect();
        if !store.claim_graph(id).await? {
            return Err(GraphError::Taken(id));
        }
        let (run, skipped) = GraphRun::resume(graph, &stored);
        let resume = Resume { secrets: options.secrets, rerun_unknown: options.rerun_unknown };
        let record = GraphRunRecord { caller, ..record };
        let tasks = queued_again(tasks);
        let waiting = tasks.iter().filter(|task| task.status == TaskStatus::Queued).cloned();
        let update = GraphUpdate {
            id,
            tasks: waiting.collect(),
            counts: run.counts(),
            started_at: None,
            finished_at: None,
        };
        store.update_graph(&update).await?;
        Ok(self.start(&record, run, tasks, skipped, Some(resume)))
    }

    /// Where a run stands, with its tasks and how far their nodes are (R2.6). Needs `graphs.show`.
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn status(&self, caller: &Caller, id: ExecutionId) -> Result<GraphView, GraphError> {
        self.may_about(caller, "graphs.show", id).await?;
        let (engine, store) = (&self.shared.engine.shared, &self.shared.store);
        let run = store.graph_run(id).await?.ok_or(GraphError::NotFound(id))?;
        let mut tasks = store.graph_tasks(id).await?;
        let mut running = Vec::new();
        for task in &mut tasks {
            if task.status == TaskStatus::Running
                && let Some(execution) = task.executions.last()
                && let Some(nodes) = self.shared.engine.report(*execution).await?
            {
                task.nodes = Some(nodes.counts);
                running.push(TaskProgress { position: task.position, name: task.name.clone(), nodes });
            }
            if task.status == TaskStatus::Interrupted && task.nodes.is_none() && !task.executions.is_empty() {
                // As the process that died has left it: nobody has looked at it since.
                let ended = look(&task.executions, &*engine.store).await?;
                task.reason.get_or_insert_with(|| ended.open_reason());
                task.nodes = ended.nodes();
            }
        }
        let nodes = sum(tasks.iter().filter_map(|task| task.nodes.as_ref()));
        let pace = pace(&tasks, &run.counts, run.started_at, run.finished_at, engine.clock.now());
        Ok(GraphView { run, nodes, pace, running, tasks })
    }

    /// Runs, newest first. Needs `graphs.list`; runs on whose nodes the caller may not look are left out, so that a page may
    /// hold fewer than there are.
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn list(
        &self,
        caller: &Caller,
        query: &GraphQuery,
    ) -> Result<Page<GraphRunRecord>, GraphError> {
        self.may_on(caller, "graphs.list", &[]).await?;
        let page = self.shared.store.graph_runs(query).await?;
        Ok(Page { items: self.seen(caller, page.items).await?, ..page })
    }

    /// The graph of a run, without secrets. Needs `graphs.show`.
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn graph(&self, caller: &Caller, id: ExecutionId) -> Result<TaskGraph, GraphError> {
        self.may_about(caller, "graphs.show", id).await?;
        self.shared.store.graph_of_run(id).await?.ok_or(GraphError::NotFound(id))
    }

    /// What happens in a run of this process from now on; `None` for a run that has ended or that another process
    /// runs. Needs `graphs.show`.
    ///
    /// # Errors
    /// [`GraphError::Denied`].
    pub async fn events(&self, caller: &Caller, id: ExecutionId) -> Result<Option<GraphEvents>, GraphError> {
        self.may_about(caller, "graphs.show", id).await?;
        let events = self.lock().get(&id).and_then(|live| live.events.upgrade());
        Ok(events.map(|events| GraphEvents { run: id, receiver: events.subscribe(), last: None }))
    }

    /// Cancels a run, also one of another process: what runs is ended, what waits is skipped. `false` when it had
    /// ended already. Needs `graphs.cancel`.
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: ExecutionId,
        mode: TerminateMode,
    ) -> Result<bool, GraphError> {
        self.may_about(caller, "graphs.cancel", id).await?;
        let live = self.lock().get(&id).cloned();
        if let Some(live) = live {
            let (taken, answer) = oneshot::channel();
            let order = Order::Cancel { mode, by: caller.user.clone(), taken };
            if live.orders.send(order).await.is_ok() && answer.await.is_ok() {
                return Ok(true);
            }
        }
        let store = &self.shared.store;
        // A process that has died would never read the word that is left for it.
        store.recover_graphs(self.shared.engine.shared.clock.now()).await?;
        let record = store.graph_run(id).await?.ok_or(GraphError::NotFound(id))?;
        if record.status.is_final() {
            return Ok(false);
        }
        store.request_graph_cancel(id, &caller.user).await?;
        Ok(true)
    }

    /// Waits until a run of any process has ended or is interrupted. Needs `graphs.show`.
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn wait(&self, caller: &Caller, id: ExecutionId) -> Result<GraphView, GraphError> {
        let live = self.lock().get(&id).cloned();
        if let Some(mut live) = live {
            // An error says that the runner is gone, which is the same.
            let _ = live.ended.wait_for(|ended| *ended).await;
            return self.status(caller, id).await;
        }
        let mut foreign = self.shared.engine.foreign();
        // Ends with the run, which another process runs; one whose process dies is found as interrupted.
        loop {
            let view = self.status(caller, id).await?;
            if view.run.status.is_final() {
                return Ok(view);
            }
            foreign.pause().await;
            self.shared.store.recover_graphs(self.shared.engine.shared.clock.now()).await?;
        }
    }

    /// Starts no further task. What is not over is found as interrupted by the next start. To be called before the
    /// engine is shut down. Takes no longer than `deadline`: runs that a store holds up are left to the next start.
    pub async fn leave(&self, deadline: Duration) {
        let all: Vec<Live> = self.lock().values().cloned().collect();
        let left = async {
            for mut live in all {
                let _ = live.orders.send(Order::Leave).await;
                let _ = live.ended.wait_for(|ended| *ended).await;
            }
        };
        let _ = tokio::time::timeout(deadline, left).await;
    }

    fn start(
        &self,
        record: &GraphRunRecord,
        run: GraphRun,
        tasks: Vec<TaskRecord>,
        skipped: Vec<SkippedTask>,
        resume: Option<Resume>,
    ) -> GraphEvents {
        let id = record.id;
        let (orders, orders_in) = mpsc::channel(ORDERS);
        let (outbox, inbox) = mpsc::channel(INBOX);
        let (events, receiver) = broadcast::channel(WAITING);
        let (ended_now, ended) = watch::channel(false);
        let context = Context {
            engine: self.shared.engine.clone(),
            run: id,
            caller: record.caller.clone(),
            graph: Arc::clone(run.graph()),
            cancelled: watch::Sender::new(false),
            outbox,
            resume,
        };
        let mut runner = Runner {
            context: Arc::new(context),
            store: Arc::clone(&self.shared.store),
            run,
            tasks,
            submitted_at: record.submitted_at,
            started_at: record.started_at,
            orders: orders_in,
            inbox,
            events: events.clone(),
            changes: Default::default(),
            running: HashMap::new(),
            teller: Teller::default(),
            seq: 0,
        };
        runner.skip(skipped);
        self.lock().insert(id, Live { orders, events: events.downgrade(), ended });
        drop(events);
        let shared = Arc::clone(&self.shared);
        let parent = &self.shared.engine.shared.span;
        let span = tracing::error_span!(parent: parent, "graph", graph_id = %id);
        let running = async move {
            runner.run().await;
            shared.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            ended_now.send_replace(true);
        };
        tokio::spawn(running.instrument(span));
        GraphEvents { run: id, receiver, last: None }
    }

    fn is_open(&self) -> Result<(), GraphError> {
        let closing = self.shared.engine.shared.closing.load(std::sync::atomic::Ordering::Acquire);
        if closing { Err(GraphError::ShuttingDown) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, Live>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.shared.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of an interrupted run as they are when it goes on.
fn queued_again(mut tasks: Vec<TaskRecord>) -> Vec<TaskRecord> {
    for task in &mut tasks {
        if task.status == TaskStatus::Interrupted {
            task.status = TaskStatus::Queued;
        }
    }
    tasks
}
