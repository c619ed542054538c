//! Graph runs whose process died: found by the others, taken over by one of them.

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::GraphStore;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::task::{
    GraphStatus, GraphUpdate, NewGraphRun, TaskCounts, TaskDef, TaskGraph, TaskRecord, TaskStatus, When,
};

use crate::opened::abandon;
use crate::records::{at, open};

fn run() -> NewGraphRun {
    let task = |name: &str| TaskDef {
        name: name.to_owned(),
        after: Vec::new(),
        when: When::Succeeded,
        parameters: serde_json::Map::new(),
        parameter_schema: None,
        request: ExecutionRequest::new(
            Action::Command(CommandAction::new("uptime")),
            TargetExpression::new("web1"),
        ),
    };
    NewGraphRun {
        id: ExecutionId::from_parts(7, [7; 10]),
        caller: Caller { user: "ada".to_owned(), entry_point: EntryPoint::Rust },
        graph: TaskGraph { name: "g".to_owned(), tasks: ["a", "b", "c"].map(task).into() },
        submitted_at: at(0),
    }
}

/// R2.10: what had not ended is interrupted, what had ended stays, and only one takes the run over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_dead_process_is_found_and_taken_over_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = run();
    let id = new.id;
    store.create_graph(new).await.unwrap();
    let mut tasks = store.graph_tasks(id).await.unwrap();
    tasks[0].status = TaskStatus::Completed;
    tasks[1].status = TaskStatus::Running;
    tasks[1].executions = vec![ExecutionId::from_parts(8, [8; 10])];
    let mut counts = TaskCounts::default();
    tasks.iter().for_each(|task| counts.add(task.status, None));
    let changed: Vec<TaskRecord> = tasks[..2].to_vec();
    let update = GraphUpdate { id, tasks: changed, counts, started_at: Some(at(1)), finished_at: None };
    store.update_graph(&update).await.unwrap();

    let (one, two) = (open(dir.path()).await, open(dir.path()).await);
    assert_eq!(one.recover_graphs(at(60)).await.unwrap(), [], "its process lives");
    assert!(!one.claim_graph(id).await.unwrap());
    abandon(store, dir.path()).await;
    assert_eq!(one.recover_graphs(at(60)).await.unwrap(), [id]);
    assert_eq!(two.recover_graphs(at(61)).await.unwrap(), [], "once");
    let record = two.graph_run(id).await.unwrap().unwrap();
    assert_eq!((record.status, record.finished_at), (GraphStatus::Interrupted, Some(at(60))));
    assert_eq!((record.counts.completed, record.counts.interrupted), (1, 2));
    let found = two.graph_tasks(id).await.unwrap();
    let statuses: Vec<TaskStatus> = found.iter().map(|task| task.status).collect();
    assert_eq!(statuses, [TaskStatus::Completed, TaskStatus::Interrupted, TaskStatus::Interrupted]);
    assert_eq!(found[1].executions, tasks[1].executions);

    assert!(one.claim_graph(id).await.unwrap());
    assert!(!two.claim_graph(id).await.unwrap(), "somebody has it");
    // Whoever took it dies before it has written anything.
    abandon(one, dir.path()).await;
    assert_eq!(two.recover_graphs(at(62)).await.unwrap(), [id]);
    assert!(two.claim_graph(id).await.unwrap());
}
