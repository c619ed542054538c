//! `pab facts query`.

use pabawi::StreamKind;
use pabawi::facts::parse_condition;

use crate::args::{FactsQueryArgs, Format, GlobalArgs};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::Table;
use crate::watch::Sink;

/// Names nodes by their stored facts.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn query(global: &GlobalArgs, args: &FactsQueryArgs) -> Result<Exit, Failure> {
    let condition =
        parse_condition(&args.condition).map_err(|error| Failure::usage(format!("CONDITION: {error}")))?;
    let nodes = open::with_history(global, async |framework, caller| {
        Ok(framework.facts().matching(caller, &condition).await?)
    })
    .await?;
    const NONE: &str = "no node whose facts are known meets it; pab facts refresh collects them";
    if args.format != Format::Table {
        return List::of_all(&nodes, NONE).write(global, args.format, |_| Table::new(&[]));
    }
    let mut sink = Sink::standard(global.no_color);
    if nodes.is_empty() {
        sink.line(StreamKind::Stderr, NONE);
    }
    // Names alone, so that they can be given to another command.
    for node in &nodes {
        sink.line(StreamKind::Stdout, node.as_str());
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the nodes: {error}")))?;
    Ok(Exit::AllSucceeded)
}
