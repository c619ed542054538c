//! What the benchmark of the C library is compared with: the same through the Rust facade, in a process of its own. Main function:
//! [`main`]. It prints one JSON object; `cargo xtask bench c` runs and judges it.
//!
//! Usage: `bench_rust OPTIONS NODES CALLS`, as `benches/bench.c`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::time::Instant;

use pabawi::json::{FrameworkOptions, read};
use pabawi::{AllowAll, Caller, EntryPoint, ExecutionQuery, ExecutionRequest, SubscriptionMode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: bench_rust OPTIONS NODES CALLS");
    let (options, nodes, calls) = (next()?, next()?, next()?);
    let calls: u32 = calls.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        let bad = |failure: pabawi::json::Failure| failure.message;
        let options: FrameworkOptions = read(&options).map_err(bad)?;
        let framework = options.builder().map_err(bad)?.authorizer(AllowAll).open().await?;
        let caller = Caller { user: "bench".to_owned(), entry_point: EntryPoint::Rust };
        let request = format!(
            r#"{{"action":{{"type":"command","command":"true"}},"targets":"n[1-{nodes}]","transport":"local"}}"#
        );
        let request: ExecutionRequest = read(&request).map_err(bad)?;

        let begin = Instant::now();
        let mode = SubscriptionMode::SlowTheSource;
        let (id, mut events) = framework.submit_and_follow(caller.clone(), request, mode).await?;
        let mut bytes = 0;
        // Ends with the execution. Events are written as JSON here too, since that is what a program wants to have.
        while let Some(batch) = events.next_batch(1_000).await? {
            bytes += serde_json::to_string(&batch)?.len();
        }
        let outcome = framework.wait(&caller, id).await?;
        let execution = begin.elapsed().as_secs_f64();
        if outcome.summary.progress.succeeded.to_string() != nodes {
            return Err(format!("not all nodes succeeded: {:?}", outcome.summary).into());
        }

        let begin = Instant::now();
        for _ in 0..calls {
            bytes += serde_json::to_string(&framework.executions(&caller, &ExecutionQuery::default()).await?)?.len();
        }
        let calling = begin.elapsed().as_secs_f64();
        framework.shutdown(std::time::Duration::from_secs(5)).await;
        Ok::<_, Box<dyn Error>>(format!(
            r#"{{"execution_seconds": {execution:.4}, "call_micros": {:.2}, "bytes": {bytes}}}"#,
            calling * 1e6 / f64::from(calls)
        ))
    })?;
    println!("{told}");
    Ok(())
}
