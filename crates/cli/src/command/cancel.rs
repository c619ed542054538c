//! `pab executions cancel`.

use std::time::Duration;

use pabawi::ports::TerminateMode;
use pabawi::{CancelReceipt, CancelScope, StreamKind};

use crate::args::{CancelArgs, GlobalArgs};
use crate::command::find::{find, nodes};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::watch::Sink;

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Ends an execution, whichever process runs it.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn cancel(global: &GlobalArgs, args: &CancelArgs) -> Result<Exit, Failure> {
    let scope = nodes(&args.node)?.map_or(CancelScope::All, CancelScope::Nodes);
    let mode = if args.kill { TerminateMode::Kill } else { TerminateMode::Graceful { grace: GRACE } };
    let (id, receipt) = open::with_history(global, async |framework, caller| {
        let id = find(framework, caller, &args.id).await?.id;
        Ok((id, framework.cancel(caller, id, scope, mode).await?))
    })
    .await?;
    let told = match receipt {
        CancelReceipt::AlreadyEnded => format!("execution {id} has ended already"),
        _ => format!("asked the process that runs execution {id} to end it; see pab executions show {id}"),
    };
    let mut sink = Sink::standard(global.no_color);
    sink.line(StreamKind::Stderr, &told);
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))?;
    Ok(Exit::AllSucceeded)
}
