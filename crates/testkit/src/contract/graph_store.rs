//! What every [`GraphStore`] must do. Main entry: [`graph_store_contract!`](crate::graph_store_contract). What
//! survives a killed process is tested beside each store, for only it knows how to die.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use pabawi_domain::action::{Action, CommandAction, EnvValue};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::{GraphStore, StoreError};
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::secret::Secret;
use pabawi_domain::task::{
    GraphQuery, GraphStatus, GraphUpdate, NewGraphRun, SkipWhy, TaskCounts, TaskDef, TaskGraph, TaskRecord,
    TaskStatus, When,
};

use super::records::{at, good, id};

/// An empty store of graph runs.
pub struct GraphSubject {
    /// The store.
    pub store: Arc<dyn GraphStore>,
    // A directory or server that has to live as long as the store.
    _keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for GraphSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GraphSubject")
    }
}

impl GraphSubject {
    /// A subject; `keep` is dropped after the store.
    pub fn new(store: Arc<dyn GraphStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, _keep: Box::new(keep) }
    }
}

/// Makes a module with one test for each rule of the contract.
///
/// The second argument is an `async fn() -> GraphSubject` that gives an empty store; each test calls it anew. The
/// crate that uses the macro needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! graph_store_contract {
    ($module:ident, $subject:path) => {
        $crate::graph_store_contract!(@tests $module, $subject;
            what_is_created_is_read_back, changes_are_written_and_the_status_follows, runs_are_listed_newest_first,
            an_interrupted_run_is_claimed_once, a_cancel_request_reaches_its_owner, unknown_runs_are_none);
    };
    (@tests $module:ident, $subject:path; $($test:ident),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::contract::graph_store::$test(&$subject().await).await;
                }
            )*
        }
    };
}

fn task(name: &str, after: &[&str]) -> TaskDef {
    let action = Action::Command(CommandAction::new("uptime"));
    TaskDef {
        name: name.to_owned(),
        after: after.iter().map(|name| (*name).to_owned()).collect(),
        when: When::Succeeded,
        parameters: serde_json::Map::new(),
        parameter_schema: None,
        request: ExecutionRequest::new(action, TargetExpression::new("web1")),
    }
}

fn run(number: u8) -> NewGraphRun {
    NewGraphRun {
        id: id(number),
        caller: Caller { user: "ada".to_owned(), entry_point: EntryPoint::Rust },
        graph: TaskGraph {
            name: "release".to_owned(),
            tasks: vec![task("a", &[]), task("b", &["a"]), task("c", &["b"])],
        },
        submitted_at: at(i64::from(number)),
    }
}

async fn statuses(subject: &GraphSubject, id: ExecutionId) -> Vec<TaskStatus> {
    good("read", subject.store.graph_tasks(id).await).iter().map(|task| task.status).collect()
}

/// An update of all tasks, with what follows from it.
fn update(id: ExecutionId, tasks: &[TaskRecord], ends: bool) -> GraphUpdate {
    let mut counts = TaskCounts::default();
    for task in tasks {
        counts.add(task.status, task.skipped.as_ref());
    }
    let finished_at = ends.then(|| at(30));
    GraphUpdate { id, tasks: tasks.to_vec(), counts, started_at: Some(at(10)), finished_at }
}

/// R2.2: what was accepted is there at once, with every task queued; the same call may come twice.
pub async fn what_is_created_is_read_back(subject: &GraphSubject) {
    let mut new = run(1);
    if let Some(process) = new.graph.tasks.first_mut().and_then(|task| task.request.action.process_mut()) {
        process.env.insert("TOKEN".to_owned(), EnvValue::Secret { secret: Secret::new("canary") });
    }
    new.graph = new.graph.redacted();
    good("create", subject.store.create_graph(new.clone()).await);
    good("create", subject.store.create_graph(new.clone()).await);
    let Some(record) = good("read", subject.store.graph_run(new.id).await) else {
        unreachable!("it was stored")
    };
    assert_eq!((record.id, &record.caller, record.name.as_str()), (new.id, &new.caller, "release"));
    assert_eq!((record.status, record.counts.total, record.counts.queued), (GraphStatus::Queued, 3, 3));
    assert_eq!((record.submitted_at, record.started_at, record.finished_at), (new.submitted_at, None, None));
    assert_eq!(good("read", subject.store.graph_of_run(new.id).await), Some(new.graph));
    let tasks = good("read", subject.store.graph_tasks(new.id).await);
    let expected = (0..).zip(["a", "b", "c"]).map(|(position, name)| TaskRecord::queued(position, name));
    assert_eq!(tasks, expected.collect::<Vec<_>>());
}

/// R2.3, R2.4, R2.5: what has changed is read back whole, and the run's status follows.
pub async fn changes_are_written_and_the_status_follows(subject: &GraphSubject) {
    let new = run(1);
    good("create", subject.store.create_graph(new.clone()).await);
    let mut tasks = good("read", subject.store.graph_tasks(new.id).await);
    if let [a, b, c] = tasks.as_mut_slice() {
        (a.status, a.executions, a.started_at) = (TaskStatus::Running, vec![id(7)], Some(at(11)));
        good(
            "update",
            subject.store.update_graph(&update(new.id, &[a.clone(), b.clone(), c.clone()], false)).await,
        );
        let record = good("read", subject.store.graph_run(new.id).await);
        let shown = record.map(|record| (record.status, record.started_at, record.finished_at));
        assert_eq!(shown, Some((GraphStatus::Running, Some(at(10)), None)));
        (a.status, a.reason, a.finished_at) =
            (TaskStatus::Failed, Some("exit status 1".to_owned()), Some(at(12)));
        let why = |task: &str, status| Some(SkipWhy::Prerequisite { task: task.to_owned(), status });
        (b.status, b.skipped) = (TaskStatus::Skipped, why("a", TaskStatus::Failed));
        (c.status, c.skipped) = (TaskStatus::Skipped, why("b", TaskStatus::Skipped));
    }
    good("update", subject.store.update_graph(&update(new.id, &tasks, true)).await);
    assert_eq!(good("read", subject.store.graph_tasks(new.id).await), tasks);
    let record = good("read", subject.store.graph_run(new.id).await);
    let shown = record.map(|record| (record.status, record.counts.skipped, record.finished_at));
    assert_eq!(shown, Some((GraphStatus::Failed, 2, Some(at(30)))));
    assert!(!good("claim", subject.store.claim_graph(new.id).await), "there is nothing to go on with");
}

/// Lists show every run once, also in pages and by status.
pub async fn runs_are_listed_newest_first(subject: &GraphSubject) {
    for number in 1..=5 {
        good("create", subject.store.create_graph(run(number)).await);
    }
    let mut done = good("read", subject.store.graph_tasks(id(2)).await);
    for task in &mut done {
        task.status = TaskStatus::Completed;
    }
    good("update", subject.store.update_graph(&update(id(2), &done, true)).await);
    let mut query = GraphQuery { limit: Some(2), ..GraphQuery::default() };
    let mut seen = Vec::new();
    for _ in 0..5 {
        let page = good("list", subject.store.graph_runs(&query).await);
        seen.extend(page.items.iter().map(|record| record.id));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=5).rev().map(id).collect::<Vec<_>>());
    let completed = GraphQuery { status: BTreeSet::from([GraphStatus::Completed]), ..GraphQuery::default() };
    let page = good("list", subject.store.graph_runs(&completed).await);
    assert_eq!(page.items.iter().map(|record| record.id).collect::<Vec<_>>(), [id(2)]);
    query.cursor = Some("not a cursor of yours".to_owned());
    assert!(matches!(subject.store.graph_runs(&query).await, Err(StoreError::BadCursor)));
}

/// A run that was left with something open can be taken by one process, and then by nobody else.
pub async fn an_interrupted_run_is_claimed_once(subject: &GraphSubject) {
    let new = run(1);
    good("create", subject.store.create_graph(new.clone()).await);
    assert!(!good("claim", subject.store.claim_graph(new.id).await), "it runs");
    assert!(good("recover", subject.store.recover_graphs(at(20)).await).is_empty(), "its process lives");
    let mut tasks = good("read", subject.store.graph_tasks(new.id).await);
    for task in &mut tasks {
        task.status = TaskStatus::Interrupted;
    }
    good("update", subject.store.update_graph(&update(new.id, &tasks, true)).await);
    assert!(good("claim", subject.store.claim_graph(new.id).await));
    assert!(!good("claim", subject.store.claim_graph(new.id).await), "somebody has it");
    assert_eq!(statuses(subject, new.id).await, [TaskStatus::Interrupted; 3]);
}

/// Word is left for whoever runs it, once, and for nobody when it has ended.
pub async fn a_cancel_request_reaches_its_owner(subject: &GraphSubject) {
    let new = run(1);
    good("create", subject.store.create_graph(new.clone()).await);
    assert_eq!(good("ask", subject.store.graph_cancel_request(new.id).await), None);
    good("request", subject.store.request_graph_cancel(new.id, "bob").await);
    good("request", subject.store.request_graph_cancel(new.id, "eve").await);
    assert_eq!(good("ask", subject.store.graph_cancel_request(new.id).await), Some("bob".to_owned()));
    let other = run(2);
    good("create", subject.store.create_graph(other.clone()).await);
    let mut tasks = good("read", subject.store.graph_tasks(other.id).await);
    for task in &mut tasks {
        task.status = TaskStatus::Completed;
    }
    good("update", subject.store.update_graph(&update(other.id, &tasks, true)).await);
    good("request", subject.store.request_graph_cancel(other.id, "bob").await);
    assert_eq!(good("ask", subject.store.graph_cancel_request(other.id).await), None);
}

/// Asking for what is not there is no error.
pub async fn unknown_runs_are_none(subject: &GraphSubject) {
    let store = &subject.store;
    assert_eq!(good("read", store.graph_run(id(9)).await), None);
    assert_eq!(good("read", store.graph_of_run(id(9)).await), None);
    assert_eq!(good("read", store.graph_tasks(id(9)).await), []);
    assert_eq!(good("ask", store.graph_cancel_request(id(9)).await), None);
    assert!(!good("claim", store.claim_graph(id(9)).await));
    good("request", store.request_graph_cancel(id(9), "bob").await);
    good("update", store.update_graph(&update(id(9), &[], false)).await);
    assert_eq!(good("list", store.graph_runs(&GraphQuery::default()).await).items, []);
}
