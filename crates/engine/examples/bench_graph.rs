//! Benchmark of task graphs without a store and without nodes: a large graph is checked and scheduled to its end. Main
//! function: [`main`]. It prints one JSON object; `cargo xtask bench engine` runs and judges it.
//!
//! Usage: `bench_graph [TASKS]`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::task::{GraphRun, TaskDef, TaskEnd, TaskGraph, When};
use pabawi_engine::{check_graph, parse_graph};

fn main() -> Result<(), Box<dyn Error>> {
    let tasks: usize = std::env::args().nth(1).as_deref().unwrap_or("10000").parse()?;
    let graph = graph(tasks);
    let text = serde_json::to_vec(&graph)?;
    let begin = Instant::now();
    let read = parse_graph("bench", &text)?;
    let read_ms = begin.elapsed().as_secs_f64() * 1000.0;

    let begin = Instant::now();
    let checked = check_graph(graph)?;
    let resolve_ms = begin.elapsed().as_secs_f64() * 1000.0;
    if checked != read {
        return Err("the graph was not read as it was written".into());
    }

    let begin = Instant::now();
    let mut run = GraphRun::new(Arc::new(checked));
    let mut started = 0_usize;
    let mut running = std::collections::VecDeque::new();
    // Ends with the graph: what runs ends in the order of its start, as many at once as executions may run.
    loop {
        while running.len() < 64 {
            let Some(ready) = run.next_ready() else { break };
            running.push_back(run.start(ready));
            started += 1;
        }
        let Some(task) = running.pop_front() else { break };
        let end = if task.index() % 50 == 49 {
            TaskEnd::Failed { reason: "exit status 1".to_owned() }
        } else {
            TaskEnd::Completed
        };
        let _ = run.end(task, &end);
    }
    let schedule_ms = begin.elapsed().as_secs_f64() * 1000.0;
    println!(
        "{}",
        serde_json::json!({
            "tasks": tasks,
            "started": started,
            "status": run.status(),
            "read_ms": read_ms,
            "resolve_ms": resolve_ms,
            "schedule_ms": schedule_ms,
        })
    );
    Ok(())
}

/// Each task comes after up to three earlier ones, some far back, and refers to one of them.
fn graph(tasks: usize) -> TaskGraph {
    let name = |task: usize| format!("task-{task}");
    let all = (0..tasks).map(|task| {
        let mut needs: Vec<usize> =
            if task == 0 { Vec::new() } else { vec![task - 1 - task % 7 % task, task / 2] };
        needs.dedup();
        let command = match needs.first() {
            Some(need) => format!("deploy --version 1.2 --after ${{tasks.{}.status}}", name(*need)),
            None => "deploy --version 1.2".to_owned(),
        };
        let action = Action::Command(CommandAction::new(command));
        let targets = TargetExpression::new(format!("web[{:02}-{:02}]", task % 90, task % 90 + 9));
        TaskDef {
            name: name(task),
            after: needs.into_iter().map(name).collect(),
            when: if task % 10 == 9 { When::Always } else { When::Succeeded },
            parameters: serde_json::Map::new(),
            parameter_schema: None,
            request: ExecutionRequest::new(action, targets),
        }
    });
    TaskGraph { name: "bench".to_owned(), tasks: all.collect() }
}
