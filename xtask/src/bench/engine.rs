//! The benchmark of the engine's own work, without nodes. Main function: [`run`].

use anyhow::{Result, ensure};

use super::list::Options;
use super::programs::{number, result_of};
use super::report::Aim;

/// One line about it.
pub(super) const ABOUT: &str = "what the engine does by itself: task graphs";

/// A part of the benchmark.
type Part = fn(&Options) -> Result<Vec<Aim>>;

const PARTS: &[(&str, Part)] = &[("graph", graph)];

/// How many tasks.
const TASKS: &str = "10000";

/// Runs the wanted parts.
pub(super) fn run(options: &Options) -> Result<()> {
    let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    for wanted in &options.only {
        ensure!(
            names.contains(&wanted.as_str()),
            "there is no part {wanted}; the parts are {}",
            names.join(", ")
        );
    }
    let mut aims = Vec::new();
    for (name, part) in PARTS {
        if options.wants(name) {
            aims.extend(part(options)?);
        }
    }
    println!("\n== aims ==");
    for aim in &aims {
        println!("{}", aim.text());
    }
    Ok(())
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
