//! Benchmark of the engine with the durable store and without a network: one execution on very many scripted
//! nodes. Main function: [`main`]. It prints one JSON object; `cargo xtask bench fanout` runs and judges it.
//!
//! Usage: `bench_scripted [NODES] [CONCURRENCY]`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_engine::{AllowAll, Engine};
use pabawi_inventory::Resolver;
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};

/// Different outputs, as a fleet with a few versions of something has.
const VARIANTS: usize = 3;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let nodes: u32 = arguments.next().as_deref().unwrap_or("100000").parse()?;
    let concurrency: u32 = arguments.next().as_deref().unwrap_or("200").parse()?;

    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(SqliteOptions::new(directory.path().join("pabawi.db"))).await?;
    let mut transport = ScriptedTransport::new().default_script(NodeScript::new().stdout("version 1\n"));
    for number in (1..=nodes).step_by(VARIANTS) {
        let id = pabawi_domain::id::NodeId::new(format!("n{number}"))?;
        transport = transport.node(&id, NodeScript::new().stdout("version 2\n").stderr("deprecated\n"));
    }
    let engine = Engine::builder()
        .store(Arc::new(store))
        .resolver(Arc::new(Resolver::new(Vec::new())))
        .authorizer(Arc::new(AllowAll))
        .transport(Arc::new(transport.clone()))
        .build()
        .await?;
    let before = peak_memory()?;

    let caller = Caller { user: "bench".to_owned(), entry_point: EntryPoint::Rust };
    let action = Action::Command(CommandAction::new("app --version"));
    let mut request = ExecutionRequest::new(action, TargetExpression::new(format!("n[1-{nodes}]")));
    request.concurrency = Some(concurrency);
    let begin = Instant::now();
    let id = engine.submit(caller.clone(), request).await?;
    let accepted = begin.elapsed();
    let outcome = engine.wait(&caller, id).await?;
    let wall = begin.elapsed();

    let started = transport.started().len();
    if outcome.summary.progress.succeeded != u64::from(nodes) || started != usize::try_from(nodes)? {
        return Err(format!("{started} of {nodes} nodes were started: {:?}", outcome.summary).into());
    }
    println!(
        "{{\"nodes\": {nodes}, \"seconds\": {:.3}, \"accepted_seconds\": {:.3}, \"results_per_second\": {:.0}, \
         \"peak_bytes\": {}, \"peak_bytes_before\": {before}, \"peak_running\": {}}}",
        wall.as_secs_f64(),
        accepted.as_secs_f64(),
        f64::from(nodes) / wall.as_secs_f64(),
        peak_memory()?,
        transport.peak_running()
    );
    Ok(())
}

/// Most memory of this process that was resident at once, in bytes (`VmHWM`, proc(5)).
fn peak_memory() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}
