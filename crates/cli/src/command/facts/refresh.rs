//! `pab facts refresh`.

use jiff::Timestamp;
use pabawi::facts::Freshness;

use super::collect::{collected, told_failures};
use super::document::{Detail, NodeDocument, age, count};
use crate::args::{FactsRefreshArgs, GlobalArgs, format_duration};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::text::Table;
use crate::watch::Sink;

/// Collects facts anew.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn refresh(global: &GlobalArgs, args: &FactsRefreshArgs) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    let forced = Freshness::Forced;
    let facts = collected(global, &args.nodes, &args.sources, &args.connect, forced, &mut sink).await?;
    let Some(all) = facts else { return Ok(Exit::Cancelled) };
    let exit = told_failures(&all, &mut sink)?;
    let now = Timestamp::now();
    let shown: Vec<NodeDocument<'_>> =
        all.iter().map(|one| NodeDocument::of(one, Detail::Providers, now)).collect();
    List::of_all(&shown, "no node is selected").write(global, args.format, |_| {
        let mut table = Table::new(&["NODE", "PROVIDER", "FACTS", "AGE"]);
        for one in &all {
            for layer in one.layers() {
                table.row([
                    one.node().to_string(),
                    layer.provider.to_string(),
                    count(&layer.facts.facts).to_string(),
                    format_duration(age(layer.facts.gathered_at, now)),
                ]);
            }
            for failure in one.failures() {
                table.row([
                    one.node().to_string(),
                    failure.provider.clone(),
                    "failed".to_owned(),
                    String::new(),
                ]);
            }
        }
        table
    })?;
    Ok(exit)
}
