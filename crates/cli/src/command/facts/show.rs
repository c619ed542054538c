//! `pab facts show`.

use jiff::Timestamp;
use pabawi::facts::{PabawiFacts, to_pabawi};

use super::collect::{cell, collected_with, told_failures};
use super::document::{Detail, NodeDocument};
use crate::args::{FactsShowArgs, Format, GlobalArgs};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::generated::Named;
use crate::text::{Table, escape_for_terminal};
use crate::watch::Sink;

/// Shows facts.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn show(global: &GlobalArgs, args: &FactsShowArgs) -> Result<Exit, Failure> {
    let format = args.collect.format;
    for (option, given) in [("--raw", args.raw), ("--pabawi", args.pabawi)] {
        if given && format == Format::Table {
            return Err(Failure::usage(format!("{option}: needs --format json, ndjson or yaml")));
        }
    }
    if let Some(plugin) = &args.provider.plugin {
        let question = Named { capability: "facts.get", plugin, targets: &args.nodes };
        return question.ask(global, &args.collect.sources, format).await;
    }
    let mut sink = Sink::standard(global.no_color);
    let Some(all) = collected_with(global, &args.nodes, &args.collect, &mut sink).await? else {
        return Ok(Exit::Cancelled);
    };
    let exit = told_failures(&all, &mut sink)?;
    if args.pabawi {
        let shown: Vec<PabawiFacts> = all.iter().map(|one| to_pabawi(one)).collect();
        List::of_all(&shown, "no node is selected").write(global, format, |_| Table::new(&[]))?;
        return Ok(exit);
    }
    let (detail, now) = (if args.raw { Detail::Raw } else { Detail::Facts }, Timestamp::now());
    let shown: Vec<NodeDocument<'_>> = all.iter().map(|one| NodeDocument::of(one, detail, now)).collect();
    List::of_all(&shown, "no node is selected").write(global, format, |_| {
        let mut table = Table::new(&["NODE", "FACT", "FROM", "VALUE"]);
        for one in &all {
            for fact in one.explain(None) {
                table.row([
                    one.node().to_string(),
                    escape_for_terminal(fact.path.as_bytes()),
                    fact.winner.provider,
                    cell(&fact.winner.value),
                ]);
            }
        }
        table
    })?;
    Ok(exit)
}
