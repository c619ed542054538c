//! Tasks of a graph that are actions of tools (R2.1, R2.3).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::task::{TaskGraph, TaskStatus};
use pabawi_engine::{GraphError, Graphs, check_graph};
use pabawi_testkit::scripted::Conduct;
use serde_json::json;

use crate::support::{Rig, ann, bolt};

fn graph(kind: &str) -> TaskGraph {
    let task = |name: &str, after: &[&str]| json!({"name": name, "after": after, "targets": "a,b", "action": {"type": kind, "name": "package"}});
    let tasks = [task("first", &[]), task("second", &["first"])];
    serde_json::from_value(json!({"name": "rollout", "tasks": tasks})).unwrap()
}

/// R2.1, R2.3: each task of a tool is one run of it.
#[tokio::test(start_paused = true)]
async fn tasks_of_tools_run_in_a_graph() {
    let plugin = bolt();
    let rig = Rig::new(&[&plugin]).await;
    let graphs = Graphs::open(rig.engine.clone(), Arc::clone(&rig.store) as _).await.unwrap();
    let (id, _events) = graphs.submit(ann(), check_graph(graph("task")).unwrap()).await.unwrap();
    let view = graphs.wait(&ann(), id).await.unwrap();
    let nodes: Vec<Vec<String>> =
        plugin.runs().iter().map(|run| run.nodes().iter().map(|&node| node.to_owned()).collect()).collect();
    assert_eq!(nodes, [["a", "b"], ["a", "b"]], "{view:?}");
    assert!(view.tasks.iter().all(|task| task.status == TaskStatus::Completed), "{view:?}");
}

/// R2.1, R9.3: what no plugin can do is told before the first task is run.
#[tokio::test(start_paused = true)]
async fn a_graph_that_nobody_can_run_is_refused() {
    let plugin = bolt();
    let rig = Rig::new(&[&plugin]).await;
    let graphs = Graphs::open(rig.engine.clone(), Arc::clone(&rig.store) as _).await.unwrap();
    let refused = graphs.submit(ann(), check_graph(graph("playbook")).unwrap()).await;
    let Err(GraphError::Invalid(error)) = refused else { panic!() };
    let paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["tasks[0].action.type", "tasks[1].action.type"], "{error}");
    assert!(plugin.runs().is_empty());
}

/// R7.4: a task whose plugin did not get ready fails; nobody waits for a plugin of which nobody says when it will be.
#[tokio::test(start_paused = true)]
async fn a_task_of_a_plugin_that_is_not_ready_fails() {
    let broken = bolt().initializes(Conduct::Fails(ErrorCode::BadConfig));
    let rig = Rig::new(&[&broken]).await;
    let graphs = Graphs::open(rig.engine.clone(), Arc::clone(&rig.store) as _).await.unwrap();
    let (id, _events) = graphs.submit(ann(), check_graph(graph("task")).unwrap()).await.unwrap();
    let view = tokio::time::timeout(Duration::from_secs(600), graphs.wait(&ann(), id)).await;
    let view = view.expect("the graph ends").unwrap();
    assert_eq!(view.tasks[0].status, TaskStatus::Failed, "{view:?}");
    assert!(broken.runs().is_empty());
}
