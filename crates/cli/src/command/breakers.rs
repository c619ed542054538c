//! `pab breakers`: what is not asked for a while, because it failed again and again.

use pabawi::{BreakerStatus, StreamKind};

use crate::args::{BreakersCommand, Format, GlobalArgs};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::Table;
use crate::watch::Sink;

/// Shows or resets breakers.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn breakers(global: &GlobalArgs, command: &BreakersCommand) -> Result<Exit, Failure> {
    match command {
        BreakersCommand::List { format } => list(global, *format).await,
        BreakersCommand::Reset { component } => {
            let reset = open::with_history(global, async |framework, caller| {
                Ok(framework.reset_breaker(caller, component).await?)
            })
            .await?;
            let told = if reset { "is closed now" } else { "was closed already" };
            let mut sink = Sink::standard(global.no_color);
            sink.line(StreamKind::Stderr, &format!("the circuit breaker of {component} {told}"));
            sink.flush().map_err(|error| Failure::nothing_ran(format!("write the result: {error}")))?;
            Ok(Exit::AllSucceeded)
        }
    }
}

async fn list(global: &GlobalArgs, format: Format) -> Result<Exit, Failure> {
    let all =
        open::with_history(global, async |framework, caller| Ok(framework.breakers(caller).await?)).await?;
    List::of_all(&all, "every circuit breaker is closed and has seen no failure lately")
        .write(global, format, table)
}

fn table(all: &[BreakerStatus]) -> Table {
    let mut table = Table::new(&["COMPONENT", "STATE", "SINCE", "FAILURES", "NEXT PROBE"]);
    for breaker in all {
        table.row([
            breaker.component.to_string(),
            breaker.state.as_str().to_owned(),
            breaker.since.to_string(),
            breaker.failures.to_string(),
            breaker.next_probe_at.map(|at| at.to_string()).unwrap_or_default(),
        ]);
    }
    table
}
