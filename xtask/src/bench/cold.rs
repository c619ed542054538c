//! Fresh connections to many nodes: CPU and time of each tool, and the memory of `pab`. Main functions:
//! [`compare`] and [`memory`].

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::measure::{self, Usage};

use super::list::Options;
use super::report::{Aim, Table};
use super::tools::{self, Task, Tool};

/// What one tool's best round cost.
struct Measured {
    name: &'static str,
    usage: Usage,
    /// CPU time of all `sshd` and what they started.
    server: Duration,
}

/// Runs `true` on every node with every tool, in turns, and shows the tools side by side.
pub(super) fn compare(options: &Options) -> Result<Vec<Aim>> {
    println!(
        "\n== cold: fresh connections to {} nodes, {} at once, `true` ==",
        options.nodes, options.concurrency
    );
    let tools = tools::all(options.peers)?;
    let fleet = Fleet::builder().nodes(options.nodes).shared_host_key().start()?;
    let cores = cores()?;
    let mut best: Vec<Measured> = Vec::new();
    for round in 1..=options.rounds.max(1) {
        for tool in &tools {
            let measured = once(tool, &fleet, options.concurrency)?;
            println!(
                "   round {round}: {:<15} wall {:>7.2} s  client CPU {:>7.2} s  server CPU {:>7.2} s",
                tool.name,
                measured.usage.wall.as_secs_f64(),
                measured.usage.cpu.as_secs_f64(),
                measured.server.as_secs_f64()
            );
            match best.iter_mut().find(|known| known.name == measured.name) {
                Some(known) if known.usage.wall <= measured.usage.wall => {}
                Some(known) => *known = measured,
                None => best.push(measured),
            }
        }
    }
    let nodes = options.nodes as f64;
    let per_node = |measured: &Measured| measured.usage.cpu.as_secs_f64() * 1000.0 / nodes;
    let floor = |measured: &Measured| (measured.usage.cpu + measured.server).as_secs_f64() / cores;
    let ours = best.first().context("pab was measured")?;
    let mut table = Table::new(&[
        "tool",
        "client CPU ms/node",
        "to pab",
        "wall s",
        "to pab",
        "floor s",
        "wall/floor",
        "peak MiB",
    ]);
    for measured in &best {
        let wall = measured.usage.wall.as_secs_f64();
        table.row(vec![
            measured.name.to_owned(),
            format!("{:.2}", per_node(measured)),
            format!("{:.1}x", per_node(measured) / per_node(ours)),
            format!("{wall:.2}"),
            format!("{:.2}x", wall / ours.usage.wall.as_secs_f64()),
            format!("{:.2}", floor(measured)),
            format!("{:.2}", wall / floor(measured)),
            format!("{:.1}", mib(measured.usage.peak_memory as f64)),
        ]);
    }
    println!("\n{}", table.text());
    Ok(vec![
        Aim::at_most("client CPU per node", per_node(ours), 1.5, "ms"),
        Aim::at_most("wall time to the floor", ours.usage.wall.as_secs_f64() / floor(ours), 1.15, "x"),
    ])
}

/// Runs `true` on a thousand nodes with `pab` and looks at its memory.
pub(super) fn memory(options: &Options) -> Result<Vec<Aim>> {
    const NODES: usize = 1000;
    println!("\n== memory: {NODES} nodes, {} at once ==", options.concurrency);
    let program = tools::release_pab()?;
    let fleet = Fleet::builder().nodes(NODES).shared_host_key().start()?;
    let tool = Tool::pab(program);
    let measured = once(&tool, &fleet, options.concurrency)?;
    println!(
        "   wall {:.2} s, peak {:.1} MiB",
        measured.usage.wall.as_secs_f64(),
        mib(measured.usage.peak_memory as f64)
    );
    Ok(vec![Aim::at_most(
        "peak memory with 1,000 nodes",
        mib(measured.usage.peak_memory as f64),
        64.0,
        "MiB",
    )])
}

fn once(tool: &Tool, fleet: &Fleet, concurrency: usize) -> Result<Measured> {
    let directory = tempfile::tempdir()?;
    let before = fleet.cpu_seconds();
    let task = Task { fleet, concurrency, directory: directory.path(), command: "true" };
    let usage = measure::run(&mut tool.command(&task)).with_context(|| format!("start {}", tool.name))?;
    ensure!(usage.status.success(), "{} did not succeed on every node: {}", tool.name, usage.status);
    // A server's last work comes after the client has gone.
    pabawi_testkit::wait::until("the servers to be idle", Duration::from_secs(30), || fleet.is_idle())?;
    let server = Duration::from_secs_f64((fleet.cpu_seconds() - before).max(0.0));
    Ok(Measured { name: tool.name, usage, server })
}

/// Cores of this machine that we may use.
fn cores() -> Result<f64> {
    Ok(std::thread::available_parallelism()?.get() as f64)
}

/// Bytes as MiB.
pub(super) fn mib(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}
