//! Runs a command on nodes and shows what came of it:
//!
//! ```text
//! cargo run -p pabawi --example run_command -- 'web[01-03]' uptime
//! ```

#![allow(clippy::print_stdout, reason = "an example that shows its result")]

use std::error::Error;

use pabawi::{
    Action, AllowAll, Caller, CommandAction, EntryPoint, EventKind, ExecutionRequest, ExecutionSummary,
    Framework, SubscriptionMode, TargetExpression,
};

/// Submits the command, shows the events as they come, and returns the end.
pub(crate) async fn run_command(
    framework: &Framework,
    targets: &str,
    command: &str,
) -> Result<ExecutionSummary, Box<dyn Error>> {
    let caller = Caller { user: "ops".to_owned(), entry_point: EntryPoint::Rust };
    let mut request =
        ExecutionRequest::new(Action::Command(CommandAction::new(command)), TargetExpression::new(targets));
    request.concurrency = Some(50);
    request.timeouts.node_ms = Some(30_000);

    // The id comes as soon as the execution is on stable storage; the events can be read from anywhere, now
    // or later.
    let id = framework.submit(caller.clone(), request).await?;
    let mut events = framework.events(&caller, id, 1, SubscriptionMode::SlowTheSource).await?;
    while let Some(batch) = events.next_batch(100).await? {
        for event in batch {
            match &event.kind {
                EventKind::Output { node, stream, data, .. } => {
                    print!("{node} {stream}: {}", data.to_text());
                }
                EventKind::NodeFinished { node, result, progress, .. } => {
                    println!(
                        "{node}: {} ({} of {})",
                        result.describe(),
                        progress.completed(),
                        progress.total
                    );
                }
                _ => {}
            }
        }
    }
    Ok(framework.wait(&caller, id).await?.summary)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [targets, command] = arguments.as_slice() else {
        return Err("usage: run_command TARGETS COMMAND".into());
    };
    // This program's user is the machine's own, so everything is allowed. A server brings its own authorizer.
    let framework = Framework::builder().authorizer(AllowAll).open().await?;
    let summary = run_command(&framework, targets, command).await?;
    println!("{}: {} of {} succeeded", summary.status, summary.progress.succeeded, summary.progress.total);
    framework.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}
