//! What the commands about facts share: opening, collecting, telling what failed.

use std::sync::Arc;

use pabawi::facts::{FactPath, Freshness, MergedFacts};
use pabawi::{EngineLimits, StreamKind, TargetExpression};
use serde_json::Value;

use crate::args::{ConnectArgs, FactsCollectArgs, GlobalArgs, SourceArgs};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::signals::Interrupts;
use crate::text::{Colour, escape_for_terminal};
use crate::watch::{Sink, write_problems};

/// Facts of the nodes, or `None` when somebody interrupts it.
///
/// # Errors
/// [`Failure`].
pub(super) async fn collected(
    global: &GlobalArgs,
    nodes: &[String],
    sources: &SourceArgs,
    connect: &ConnectArgs,
    freshness: Freshness,
    sink: &mut Sink,
) -> Result<Option<Vec<Arc<MergedFacts>>>, Failure> {
    let expression = TargetExpression::new(nodes.join(","));
    let mut limits = EngineLimits::default();
    if let Some(timeout) = connect.connect_timeout {
        limits.connect_timeout = timeout;
    }
    let framework = open::for_facts(global, sources, connect)?.limits(limits).open().await?;
    let view = framework.inventory(pabawi::inventory::Freshness::Cached).await;
    write_problems(sink, &view)?;
    let mut interrupts = Interrupts::new()?;
    let caller = open::caller();
    let facts = tokio::select! {
        facts = framework.facts().collect(&caller, &expression, freshness) => Some(facts),
        () = interrupts.next() => None,
    };
    open::close(global, &framework).await;
    Ok(facts.transpose()?)
}

/// The same with the options of most commands.
///
/// # Errors
/// [`Failure`].
pub(super) async fn collected_with(
    global: &GlobalArgs,
    nodes: &[String],
    args: &FactsCollectArgs,
    sink: &mut Sink,
) -> Result<Option<Vec<Arc<MergedFacts>>>, Failure> {
    let freshness = args.max_age.map_or(Freshness::Cached, Freshness::MaxAge);
    collected(global, nodes, &args.sources, &args.connect, freshness, sink).await
}

/// Puts on standard error what providers could not tell, and says how `pab` ends for it.
///
/// # Errors
/// Standard error cannot be written to.
pub(super) fn told_failures(all: &[Arc<MergedFacts>], sink: &mut Sink) -> Result<Exit, Failure> {
    let mut exit = Exit::AllSucceeded;
    for one in all {
        for failure in one.failures() {
            exit = Exit::SomeFailed;
            let text = format!("{}: provider {}: {}", one.node(), failure.provider, failure.error.message);
            let text = sink.err_style.paint(Colour::Red, &escape_for_terminal(text.as_bytes()));
            sink.line(StreamKind::Stderr, &text);
        }
        for (provider, warning) in one.warnings() {
            let text = format!("warning: {}: provider {provider}: {warning}", one.node());
            let text = sink.err_style.paint(Colour::Yellow, &escape_for_terminal(text.as_bytes()));
            sink.line(StreamKind::Stderr, &text);
        }
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))?;
    let nothing = |one: &Arc<MergedFacts>| one.facts().is_empty() && one.failures().next().is_some();
    Ok(if !all.is_empty() && all.iter().all(nothing) { Exit::NothingRan } else { exit })
}

/// A path that somebody typed.
///
/// # Errors
/// It is none.
pub(super) fn path(text: &str) -> Result<FactPath, Failure> {
    FactPath::new(text).map_err(|error| Failure::usage(format!("PATH: {error}")))
}

/// A value in one cell of a table.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => escape_for_terminal(text.as_bytes()).replace('\t', " "),
        other => escape_for_terminal(other.to_string().as_bytes()),
    }
}
