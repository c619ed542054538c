//! `pab breakers`: what is not asked for a while, because it failed again and again.

use pabawi::StreamKind;

use crate::args::{BreakersCommand, Format, GlobalArgs};
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
            flush(&mut sink)?;
            Ok(Exit::AllSucceeded)
        }
    }
}

async fn list(global: &GlobalArgs, format: Format) -> Result<Exit, Failure> {
    let all =
        open::with_history(global, async |framework, caller| Ok(framework.breakers(caller).await?)).await?;
    let mut sink = Sink::standard(global.no_color);
    match format {
        Format::Table => {
            let mut table = Table::new(&["COMPONENT", "STATE", "SINCE", "FAILURES", "NEXT PROBE"]);
            for breaker in &all {
                table.row([
                    breaker.component.to_string(),
                    breaker.state.as_str().to_owned(),
                    breaker.since.to_string(),
                    breaker.failures.to_string(),
                    breaker.next_probe_at.map(|at| at.to_string()).unwrap_or_default(),
                ]);
            }
            for line in table.lines() {
                sink.line(StreamKind::Stdout, &line);
            }
        }
        Format::Ndjson => {
            for breaker in &all {
                sink.line(StreamKind::Stdout, &serde_json::to_string(breaker).map_err(Failure::nothing_ran)?);
            }
        }
        Format::Json => {
            let text = serde_json::to_string_pretty(&all).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, &text);
        }
        Format::Yaml => {
            let text = serde_saphyr::to_string(&all).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, text.trim_end());
        }
    }
    flush(&mut sink)?;
    Ok(Exit::AllSucceeded)
}

fn flush(sink: &mut Sink) -> Result<(), Failure> {
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the result: {error}")))
}
