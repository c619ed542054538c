//! The benchmark of the engine's own work, without nodes. Main function: [`run`].

use anyhow::Result;

use super::cold::mib;
use super::list::Options;
use super::parts::{Part, run_parts};
use super::programs::{number, result_of};
use super::report::{Aim, Table};

/// One line about it.
pub(super) const ABOUT: &str =
    "what the engine does by itself: task graphs, waves and retries, and how its cost grows";

const PARTS: &[Part] = &[("graph", graph), ("waves", waves), ("growth", growth)];

/// How many tasks.
const TASKS: &str = "10000";

/// Runs the wanted parts.
pub(super) fn run(options: &Options) -> Result<()> {
    run_parts(PARTS, options)
}

fn graph(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== graph: {TASKS} tasks are checked and scheduled ==");
    let mut best = f64::INFINITY;
    for round in 1..=options.rounds.max(1) {
        let result = result_of("pabawi-engine", "bench_graph", &[TASKS])?;
        println!("   round {round}: {result}");
        best = best.min(number(&result, "resolve_ms")? + number(&result, "schedule_ms")?);
    }
    Ok(vec![Aim::at_most("10,000 tasks resolved and scheduled", best, 200.0, "ms")])
}

/// The program fails when a node is lost or tried too often, so what it prints is complete.
fn waves(_options: &Options) -> Result<Vec<Aim>> {
    println!("\n== waves: 100,000 node runs in twenty waves, every tenth tried twice, durable store ==");
    let result = result_of("pabawi", "bench_scripted", &["100000", "200", "waves"])?;
    println!("   {result}");
    Ok(vec![
        Aim::at_least("node runs that succeeded in waves", number(&result, "nodes")?, 100_000.0, ""),
        Aim::at_most("peak memory in waves", mib(number(&result, "peak_bytes")?), 256.0, "MiB"),
    ])
}

/// CPU time a node run, for more and more of them.
fn growth(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== growth: CPU time of a node run, by the number of them in one execution ==");
    let mut table = Table::new(&["node runs", "CPU ms each", "to the fewest"]);
    let mut costs = Vec::new();
    for nodes in ["1000", "10000", "100000"] {
        let mut best = f64::INFINITY;
        for _ in 0..options.rounds.max(1) {
            let result = result_of("pabawi", "bench_scripted", &[nodes, "200", "waves"])?;
            best = best.min(number(&result, "cpu_seconds")? * 1000.0 / number(&result, "nodes")?);
        }
        costs.push(best);
        let first = costs.first().copied().unwrap_or(best);
        table.row(vec![nodes.to_owned(), format!("{best:.4}"), format!("{:.2}x", best / first)]);
    }
    println!("\n{}", table.text());
    let ratio = costs.last().copied().unwrap_or_default() / costs.first().copied().unwrap_or(1.0);
    Ok(vec![Aim::at_most("cost of a node run among 100,000 to one among 1,000", ratio, 1.25, "x")])
}
