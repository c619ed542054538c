//! Benchmark of the engine with the durable store and without a network: one execution on very many scripted
//! nodes. Main function: [`main`]. It prints one JSON object; `cargo xtask bench` runs and judges it.
//!
//! Usage: `bench_scripted [NODES] [CONCURRENCY] [plain|waves]`. With `waves`, nodes are taken in twenty waves, and every
//! tenth node cannot be reached at first.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::resilience::{Backoff, RetryPolicy};
use pabawi_domain::rollout::{Mode, Rolling, Share};
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
    let waves = arguments.next().as_deref() == Some("waves");

    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(SqliteOptions::new(directory.path().join("pabawi.db"))).await?;
    let mut transport = ScriptedTransport::new().default_script(NodeScript::new().stdout("version 1\n"));
    for number in (1..=nodes).step_by(VARIANTS) {
        let id = pabawi_domain::id::NodeId::new(format!("n{number}"))?;
        transport = transport.node(&id, NodeScript::new().stdout("version 2\n").stderr("deprecated\n"));
    }
    if waves {
        let refused = NodeScript::new().connect_fails_times(1, ErrorCode::ConnectionRefused);
        for number in (10..=nodes).step_by(10) {
            let id = pabawi_domain::id::NodeId::new(format!("n{number}"))?;
            transport = transport.node(&id, refused.clone());
        }
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
    if waves {
        let waves = vec![Share::Percent(5.0)];
        request.rollout.mode = Mode::Rolling(Rolling { waves, pause_ms: 0, health_check: None });
        let backoff = Backoff { initial_ms: 1, ..Backoff::default() };
        request.retry = Some(RetryPolicy { backoff, ..RetryPolicy::new(3) });
    }
    let cpu_before = cpu_seconds()?;
    let begin = Instant::now();
    let id = engine.submit(caller.clone(), request).await?;
    let accepted = begin.elapsed();
    let outcome = engine.wait(&caller, id).await?;
    let wall = begin.elapsed();

    let started = transport.started().len();
    if outcome.summary.progress.succeeded != u64::from(nodes) || started != usize::try_from(nodes)? {
        return Err(format!("{started} of {nodes} nodes were started: {:?}", outcome.summary).into());
    }
    let attempts: u64 = transport.connects();
    let refused = u64::from(if waves { nodes / 10 } else { 0 });
    if attempts != u64::from(nodes) + refused {
        return Err(
            format!("{attempts} attempts for {nodes} nodes, {refused} of them refused at first").into()
        );
    }
    println!(
        "{{\"nodes\": {nodes}, \"cpu_seconds\": {:.3}, \"seconds\": {:.3}, \"accepted_seconds\": {:.3}, \"results_per_second\": {:.0}, \
         \"peak_bytes\": {}, \"peak_bytes_before\": {before}, \"peak_running\": {}}}",
        cpu_seconds()? - cpu_before,
        wall.as_secs_f64(),
        accepted.as_secs_f64(),
        f64::from(nodes) / wall.as_secs_f64(),
        peak_memory()?,
        transport.peak_running()
    );
    Ok(())
}

/// CPU time of this process so far, in seconds (utime and stime of `/proc/self/stat`, proc(5)).
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    /// Ticks a second: `USER_HZ`, which is 100 on every Linux.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no command in stat")?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS)
}

/// Most memory of this process that was resident at once, in bytes (`VmHWM`, proc(5)).
fn peak_memory() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}
