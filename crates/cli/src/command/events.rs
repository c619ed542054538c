//! `pab executions events`.

use std::time::Duration;

use pabawi::{Caller, Framework, SubscriptionMode};

use crate::args::{EventsArgs, GlobalArgs};
use crate::command::find::find;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::watch::{Sink, write_event};

/// Events taken at once.
const BATCH: usize = 500;
/// How long stored events of a running execution are waited for without --follow.
const PATIENCE: Duration = Duration::from_millis(250);

/// Writes events, one JSON object a line.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn events(global: &GlobalArgs, args: &EventsArgs) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    open::with_history(global, async |framework, caller| write(framework, caller, args, &mut sink).await)
        .await?;
    Ok(Exit::AllSucceeded)
}

async fn write(
    framework: &Framework,
    caller: &Caller,
    args: &EventsArgs,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let record = find(framework, caller, &args.id).await?;
    let mut events = framework.events(caller, record.id, args.from, SubscriptionMode::GapWhenSlow).await?;
    // Ends with the execution; without --follow, when nothing more is stored.
    loop {
        let next = events.next_batch(BATCH);
        let batch = if args.follow || record.status.is_final() {
            next.await?
        } else {
            // What is stored comes at once; waiting is what --follow is for.
            match tokio::time::timeout(PATIENCE, next).await {
                Ok(batch) => batch?,
                Err(_) => None,
            }
        };
        let Some(batch) = batch else { break };
        for event in &batch {
            write_event(event, sink)?;
        }
        sink.flush().map_err(|error| Failure::nothing_ran(format!("write the events: {error}")))?;
        if sink.is_closed() {
            break;
        }
    }
    Ok(())
}
