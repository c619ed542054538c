//! Tests of the check: each violation with its field, all at once, and graphs that are large or go in circles.

use std::time::Instant;

use serde_json::json;

use super::*;
use crate::action::{Action, CommandAction};
use crate::node::TargetExpression;
use crate::request::ExecutionRequest;

fn task(name: &str, after: &[&str]) -> TaskDef {
    let action = Action::Command(CommandAction::new("true"));
    TaskDef {
        name: name.to_owned(),
        after: after.iter().map(|name| (*name).to_owned()).collect(),
        when: When::Succeeded,
        parameters: Map::new(),
        parameter_schema: None,
        request: ExecutionRequest::new(action, TargetExpression::new("web1")),
    }
}

fn runs(name: &str, after: &[&str], command: &str) -> TaskDef {
    let mut task = task(name, after);
    task.request.action = Action::Command(CommandAction::new(command));
    task
}

fn checked(tasks: Vec<TaskDef>) -> Result<CheckedGraph, ValidationError> {
    check(TaskGraph { name: "g".to_owned(), tasks }, &|_, _| Vec::new())
}

fn faults(tasks: Vec<TaskDef>) -> Vec<(String, String)> {
    checked(tasks).unwrap_err().fields.into_iter().map(|fault| (fault.path, fault.message)).collect()
}

/// R2.1, R2.7
#[test]
fn every_violation_is_told_at_once_with_its_field() {
    let mut bad = task("-x", &["nowhere", "a", "a"]);
    bad.request.concurrency = Some(0);
    bad.when = When::Failed;
    let mut rescue = task("rescue", &[]);
    rescue.when = When::Failed;
    let mut key = task("a", &[]);
    key.request.idempotency_key = "k".parse().ok();
    let found = faults(vec![
        task("a", &[]),
        bad,
        rescue,
        key,
        task("loop", &["loop"]),
        runs(
            "r",
            &["a"],
            "echo ${parameters.x} ${tasks.zz.status} '${tasks.a.status}' ${tasks.rescue.status} ${a.b}",
        ),
    ]);
    let expected = [
        ("tasks[1].after[0]", "no task is named \"nowhere\""),
        ("tasks[1].after[2]", "\"a\" is given twice"),
        ("tasks[1].concurrency", "must be at least 1"),
        ("tasks[1].name", "must not start with '-'"),
        ("tasks[2].when", "no prerequisite that could fail"),
        ("tasks[3].idempotencyKey", "is set by the graph"),
        ("tasks[3].name", "the name of tasks[0] already"),
        ("tasks[4].after[0]", "loop comes after itself"),
        ("tasks[5].action.command", "${a.b}: known are"),
    ];
    for (path, part) in expected {
        assert!(
            found.iter().any(|(found, message)| found == path && message.contains(part)),
            "{path} {part} is not among {found:#?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

/// R2.7
#[test]
fn a_reference_names_a_prerequisite_and_what_is_known_of_it() {
    let command = "echo ${parameters.x} ${tasks.zz.status} '${tasks.a.status}' ${tasks.c.status} \
                   ${tasks.a.nodes.-x.stdout} ${tasks.a.status}";
    let found = faults(vec![task("a", &[]), task("b", &["a"]), task("c", &[]), runs("r", &["b"], command)]);
    for part in [
        "${parameters.x}: the task has no parameter \"x\"; known: it has none",
        "${tasks.zz.status}: no task is named \"zz\"",
        "${tasks.a.status} stands within quotes",
        "${tasks.c.status}: c does not come before this task",
        "${tasks.a.nodes.-x.stdout}: invalid node id",
    ] {
        assert!(
            found.iter().any(|(path, text)| path == "tasks[3].action.command" && text.starts_with(part)),
            "{part} is not among {found:#?}"
        );
    }
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn parameters_are_held_against_their_schema() {
    let mut one = task("a", &[]);
    one.parameters = json!({"n": 1}).as_object().unwrap().clone();
    one.parameter_schema = Some(json!({"type": "object"}));
    let graph = TaskGraph { name: "g".to_owned(), tasks: vec![one] };
    let error = check(graph, &|schema, parameters| {
        assert_eq!((schema["type"].as_str(), parameters["n"].as_u64()), (Some("object"), Some(1)));
        vec![FieldError { path: "parameters.n".into(), message: "is too small".into() }]
    });
    assert_eq!(error.unwrap_err().fields[0].path, "tasks[0].parameters.n");
}

/// R2.10
#[test]
fn the_order_is_by_level_and_then_as_written() {
    let graph =
        checked(vec![task("d", &["c", "a"]), task("c", &["a"]), task("b", &[]), task("a", &[])]).unwrap();
    let names = |tasks: &[usize]| -> String {
        tasks.iter().map(|task| graph.task(*task).unwrap().name.as_str()).collect()
    };
    assert_eq!(names(graph.order()), "bacd");
    assert_eq!(graph.levels().map(names).collect::<Vec<_>>(), ["ba", "c", "d"]);
    assert_eq!((graph.needs(0), graph.needed_by(3)), (&[1, 3][..], &[0, 1][..]));
    assert_eq!((graph.index_of("c"), graph.index_of("x")), (Some(1), None));
}

/// R2.7
#[test]
fn cycles_of_any_length_are_named_and_shortened() {
    assert_eq!(
        faults(vec![task("a", &["a"])]),
        [("tasks[0].after[0]".into(), "a comes after itself".into())]
    );
    let three = faults(vec![task("a", &[]), task("b", &["a", "d"]), task("c", &["b"]), task("d", &["c"])]);
    assert_eq!(three, [("tasks[1].after[1]".into(), "a cycle of 3 tasks: b after d after c after b".into())]);
    let many = (0..10_000).map(|n| task(&format!("t{n}"), &[&format!("t{}", (n + 1) % 10_000)])).collect();
    let found = faults(many);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].1,
        "a cycle of 10000 tasks: t0 after t1 after t2 after t3 after t4 after t5 after t6 after t7 after (9990 more) \
         after t9998 after t9999 after t0"
    );
}

#[test]
fn a_graph_has_a_limit_and_within_it_any_shape_is_checked_in_bounded_time() {
    let start = Instant::now();
    assert_eq!(faults(Vec::new())[0].0, "tasks");
    let found = faults(vec![task("a", &[]); 1_000_000]);
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("1000000 tasks, at most 100000"), "{found:?}");
    // A chain in which each task looks far back.
    let chain = (0..MAX_TASKS).map(|n| {
        let before = format!("t{}", n.max(1) - 1);
        let after = if n == 0 { vec![] } else { vec![before.as_str()] };
        let back = n / 2;
        let command = if n < 2 { "true".to_owned() } else { format!("echo ${{tasks.t{back}.status}}") };
        runs(&format!("t{n}"), &after, &command)
    });
    let found = faults(chain.collect());
    assert!(found.len() <= MAX_VIOLATIONS + 1);
    assert!(found[0].1.contains("name t"), "{}", found[0].1);
    assert!(found.last().unwrap().1.contains("more things are not valid"));
    // Debug builds on a loaded machine: seconds mean that nothing here is quadratic.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
