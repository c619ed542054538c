//! The engine and its durable store without a network: one execution on very many nodes. Main function: [`run`].

use anyhow::Result;

use super::cold::mib;
use super::list::Options;
use super::programs::{number, result_of};
use super::report::Aim;

/// How many nodes.
const NODES: &str = "100000";

pub(super) fn run(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== scripted: {NODES} node runs in one execution, durable store ==");
    let (mut rate, mut peak) = (0.0_f64, 0.0_f64);
    for round in 1..=options.rounds.max(1) {
        let result = result_of("pabawi", "bench_scripted", &[NODES])?;
        println!("   round {round}: {result}");
        rate = rate.max(number(&result, "results_per_second")?);
        peak = peak.max(number(&result, "peak_bytes")?);
    }
    Ok(vec![
        Aim::at_least("node results with the durable store", rate, 20_000.0, "/s"),
        Aim::at_most("peak memory with 100,000 node runs", mib(peak), 256.0, "MiB"),
    ])
}
