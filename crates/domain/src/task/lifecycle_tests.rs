//! Tests of the state machine, without a runtime: who runs when, and what follows from what.

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::action::{Action, CommandAction};
use crate::node::TargetExpression;
use crate::request::ExecutionRequest;
use crate::task::{TaskDef, TaskGraph, check};

fn graph(tasks: &[(&str, &[&str], When)]) -> Arc<CheckedGraph> {
    let tasks = tasks.iter().map(|(name, after, when)| TaskDef {
        name: (*name).to_owned(),
        after: after.iter().map(|name| (*name).to_owned()).collect(),
        when: *when,
        parameters: Map::new(),
        parameter_schema: None,
        request: ExecutionRequest::new(
            Action::Command(CommandAction::new("true")),
            TargetExpression::new("web1"),
        ),
    });
    let graph = TaskGraph { name: "g".to_owned(), tasks: tasks.collect() };
    Arc::new(check(graph, &|_, _| Vec::new()).unwrap())
}

fn failed() -> TaskEnd {
    TaskEnd::Failed { reason: "exit status 1".to_owned() }
}

/// Runs a graph in which the named tasks fail; returns the names in the order of their start.
fn play(run: &mut GraphRun, fails: &[&str]) -> Vec<String> {
    let mut started = Vec::new();
    while let Some(ready) = run.next_ready() {
        let name = run.graph().task(ready.index()).unwrap().name.clone();
        let running = run.start(ready);
        let end = if fails.contains(&name.as_str()) { failed() } else { TaskEnd::Completed };
        let _ = run.end(running, &end);
        started.push(name);
    }
    started
}

const OK: When = When::Succeeded;

/// R2.2, R2.3, R2.4, R2.5
#[test]
fn a_task_goes_from_queued_over_running_to_its_end() {
    let mut run = GraphRun::new(graph(&[("a", &[], OK), ("b", &["a"], OK)]));
    assert_eq!((run.status_of(0), run.status()), (TaskStatus::Queued, GraphStatus::Queued));
    let ready = run.next_ready().unwrap();
    assert_eq!(run.next_ready(), None, "b waits");
    assert!(!run.is_idle());
    let running = run.start(ready);
    assert_eq!((run.status_of(0), run.status()), (TaskStatus::Running, GraphStatus::Running));
    assert!(run.end(running, &TaskEnd::Completed).is_empty());
    assert_eq!(run.status_of(0), TaskStatus::Completed);
    let ready = run.next_ready().unwrap();
    run.give_back(ready);
    let running = run.next_ready().map(|ready| run.start(ready)).unwrap();
    assert!(run.end(running, &failed()).is_empty());
    assert_eq!((run.status_of(1), run.status()), (TaskStatus::Failed, GraphStatus::Partial));
    assert!(run.is_idle());
}

/// R2.7, R2.10
#[test]
fn what_needs_a_task_that_failed_is_skipped_with_the_reason() {
    let graph = graph(&[("a", &[], OK), ("b", &["a"], OK), ("c", &["b"], OK), ("d", &[], OK)]);
    let mut run = GraphRun::new(graph);
    let running = run.next_ready().map(|ready| run.start(ready)).unwrap();
    let skipped = run.end(running, &failed());
    let why = |task: &str, status| SkipWhy::Prerequisite { task: task.into(), status };
    assert_eq!(
        skipped,
        [
            SkippedTask { index: 1, why: why("a", TaskStatus::Failed) },
            SkippedTask { index: 2, why: why("b", TaskStatus::Skipped) }
        ]
    );
    assert_eq!(play(&mut run, &[]), ["d"]);
    assert_eq!(run.status(), GraphStatus::Partial);
}

/// R2.10
#[test]
fn rescue_runs_when_something_failed_and_always_runs_in_any_case() {
    let graph = graph(&[
        ("deploy", &[], OK),
        ("check", &["deploy"], OK),
        ("rescue", &["deploy", "check"], When::Failed),
        ("clean", &["rescue", "check"], When::Always),
        ("after", &["deploy", "rescue"], OK),
    ]);
    let mut run = GraphRun::new(Arc::clone(&graph));
    assert_eq!(play(&mut run, &[]), ["deploy", "check", "clean", "after"]);
    assert_eq!((run.status(), run.counts().not_needed), (GraphStatus::Completed, 1));
    let mut run = GraphRun::new(Arc::clone(&graph));
    assert_eq!(play(&mut run, &["deploy"]), ["deploy", "rescue", "clean"]);
    assert_eq!(run.status(), GraphStatus::Partial);
    let mut run = GraphRun::new(graph);
    assert_eq!(play(&mut run, &["check"]), ["deploy", "check", "rescue", "clean", "after"]);
}

#[test]
fn a_cancelled_graph_starts_nothing_more() {
    let mut run = GraphRun::new(graph(&[("a", &[], OK), ("b", &[], OK), ("c", &["a"], When::Always)]));
    let running = run.next_ready().map(|ready| run.start(ready)).unwrap();
    let skipped = run.cancel();
    assert_eq!(skipped.iter().map(|skipped| skipped.index).collect::<Vec<_>>(), [1, 2]);
    assert!(skipped.iter().all(|skipped| skipped.why == SkipWhy::Cancelled));
    assert!(run.end(running, &TaskEnd::Cancelled).is_empty());
    assert_eq!((run.next_ready(), run.status(), run.is_idle()), (None, GraphStatus::Cancelled, true));
}

#[test]
fn what_needs_an_interrupted_task_waits_for_a_resume() {
    let graph = graph(&[("a", &[], OK), ("b", &["a"], When::Always), ("c", &[], OK)]);
    let mut run = GraphRun::new(Arc::clone(&graph));
    let running = run.next_ready().map(|ready| run.start(ready)).unwrap();
    run.park(running);
    assert_eq!(play(&mut run, &[]), ["c"]);
    assert!(run.is_idle());
    assert_eq!(run.park_waiting(), [1]);
    assert_eq!(run.status(), GraphStatus::Interrupted);

    let stored: Vec<StoredTask> =
        (0..3).map(|task| StoredTask { status: run.status_of(task), why: None }).collect();
    let (mut again, skipped) = GraphRun::resume(graph, &stored);
    assert!(skipped.is_empty());
    assert_eq!(play(&mut again, &["a"]), ["a", "b"], "c has ended and is not touched");
    assert_eq!(again.status(), GraphStatus::Partial);
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![4 => Just(When::Succeeded), 1 => Just(When::Failed), 1 => Just(When::Always)]
}

proptest! {
    /// R2.7, R2.10: over random graphs and failures, nothing starts before its prerequisites have ended or twice,
    /// everything ends, and statuses follow.
    #[test]
    fn order_is_kept_whatever_fails(
        shape in proptest::collection::vec((proptest::collection::btree_set(0usize..40, 0..4), when(), 0u8..4), 1..40),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 200),
        resumed_at in 0usize..80,
    ) {
        let names: Vec<String> = (0..shape.len()).map(|n| format!("t{n}")).collect();
        let afters: Vec<Vec<&str>> = shape.iter().enumerate().map(|(n, (needs, ..))| {
            needs.iter().filter(|need| **need < n).map(|need| names[*need].as_str()).collect()
        }).collect();
        let tasks: Vec<(&str, &[&str], When)> = shape.iter().enumerate().map(|(n, (_, when, _))| {
            let when = if afters[n].is_empty() { OK } else { *when };
            (names[n].as_str(), afters[n].as_slice(), when)
        }).collect();
        let graph = graph(&tasks);
        let mut run = GraphRun::new(Arc::clone(&graph));
        let mut picks = picks.into_iter().cycle();
        let (mut running, mut started, mut whys) = (Vec::new(), vec![0; shape.len()], vec![None; shape.len()]);
        let mut turn = 0;
        loop {
            turn += 1;
            if turn == resumed_at {
                // As after a crash: what ran is ready again.
                for task in running.drain(..).map(|task: RunningTask| task.index()) {
                    started[task] = 0;
                }
                let stored: Vec<StoredTask> = (0..shape.len())
                    .map(|task| StoredTask { status: run.status_of(task), why: whys[task].clone() }).collect();
                run = GraphRun::resume(Arc::clone(&graph), &stored).0;
            }
            while let Some(ready) = run.next_ready() {
                let task = ready.index();
                for need in graph.needs(task) {
                    let status = run.status_of(*need);
                    prop_assert!(!matches!(status, TaskStatus::Queued | TaskStatus::Running));
                }
                started[task] += 1;
                prop_assert_eq!(started[task], 1);
                running.push(run.start(ready));
            }
            if running.is_empty() {
                break;
            }
            let task = running.swap_remove(picks.next().unwrap().index(running.len()));
            let end = match shape[task.index()].2 {
                0 => failed(),
                1 => TaskEnd::Partial { reason: String::new() },
                _ => TaskEnd::Completed,
            };
            for skipped in run.end(task, &end) {
                prop_assert_eq!(started[skipped.index], 0);
                whys[skipped.index] = Some(skipped.why);
            }
        }
        prop_assert!(run.is_idle() && run.park_waiting().is_empty());
        let counts = run.counts();
        prop_assert_eq!(counts.ended(), shape.len() as u64);
        let mut again = TaskCounts::default();
        for task in 0..shape.len() {
            again.add(run.status_of(task), whys[task].as_ref());
            let ran = !matches!(run.status_of(task), TaskStatus::Skipped);
            prop_assert_eq!(ran, started[task] == 1);
        }
        prop_assert_eq!(again, counts);
        prop_assert!(run.status().is_final());
    }
}
