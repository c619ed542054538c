//! The part about facts: collecting and merging many nodes, and reading what is cached. Main function: [`cache`].

use anyhow::Result;

use super::cold::mib;
use super::list::Options;
use super::programs::{number, result_of};
use super::report::{Aim, Table};

/// The program fails when a node lacks facts or a cached answer is copied, so what it prints is complete.
pub(super) fn cache(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== facts: two providers, each with about eighty facts of every node ==");
    let mut table =
        Table::new(&["nodes", "collect ms", "us a node", "cached us a node", "one cached us", "cache MiB"]);
    let mut read = f64::INFINITY;
    for nodes in ["1000", "10000"] {
        let mut best = [f64::INFINITY; 3];
        let mut bytes = 0.0_f64;
        for _ in 0..options.rounds.max(1) {
            let result = result_of("pabawi-facts", "bench_facts", &[nodes])?;
            for (best, name) in best.iter_mut().zip(["collect_ms", "batch_us", "read_us"]) {
                *best = best.min(number(&result, name)?);
            }
            bytes = number(&result, "cache_bytes")?;
        }
        let [collect_ms, batch_us, read_us] = best;
        read = read_us;
        table.row(vec![
            nodes.to_owned(),
            format!("{collect_ms:.0}"),
            format!("{:.1}", collect_ms * 1000.0 / nodes.parse::<f64>()?),
            format!("{batch_us:.2}"),
            format!("{read_us:.2}"),
            format!("{:.0}", mib(bytes)),
        ]);
    }
    println!("\n{}", table.text());
    Ok(vec![Aim::at_most("cached facts of one node read", read, 5.0, "us")])
}
