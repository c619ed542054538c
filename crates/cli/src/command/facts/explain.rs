//! `pab facts explain`.

use jiff::Timestamp;
use pabawi::facts::{Explained, Source};

use super::collect::{cell, collected_with, path, told_failures};
use crate::args::{FactsExplainArgs, GlobalArgs, format_duration};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::text::{Table, escape_for_terminal};
use crate::watch::Sink;

/// Shows where facts come from.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn explain(global: &GlobalArgs, args: &FactsExplainArgs) -> Result<Exit, Failure> {
    let path = args.path.as_deref().map(path).transpose()?;
    let mut sink = Sink::standard(global.no_color);
    let nodes = std::slice::from_ref(&args.node);
    let Some(all) = collected_with(global, nodes, &args.collect, &mut sink).await? else {
        return Ok(Exit::Cancelled);
    };
    let [one] = all.as_slice() else {
        return Err(Failure::usage(format!("NODE: {} is {} nodes; name one", args.node, all.len())));
    };
    let mut exit = told_failures(&all, &mut sink)?;
    let explained = one.explain(path.as_ref());
    if explained.is_empty() && exit == Exit::AllSucceeded {
        exit = Exit::SomeFailed;
    }
    let now = Timestamp::now();
    List::of_all(&explained, "no provider says anything of it")
        .write(global, args.collect.format, |_| table(&explained, now))?;
    Ok(exit)
}

fn table(explained: &[Explained], now: Timestamp) -> Table {
    let mut table = Table::new(&["FACT", "", "PROVIDER", "PRIORITY", "AGE", "VALUE"]);
    for fact in explained {
        table.row(row(&fact.path, "wins", &fact.winner, now));
        for loser in &fact.losers {
            table.row(row("", "loses", loser, now));
        }
    }
    table
}

fn row(path: &str, place: &str, source: &Source, now: Timestamp) -> [String; 6] {
    [
        escape_for_terminal(path.as_bytes()),
        place.to_owned(),
        source.provider.clone(),
        source.priority.to_string(),
        format_duration(source.age(now)),
        cell(&source.value),
    ]
}
