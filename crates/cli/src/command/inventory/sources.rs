//! `pab inventory sources`.

use std::time::Duration;

use pabawi::inventory::Freshness;

use super::list::exit_of;
use super::view::view;
use crate::args::{GlobalArgs, InventorySourcesArgs, format_duration};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::text::Table;

/// Asks every source and shows how it did.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn sources(global: &GlobalArgs, args: &InventorySourcesArgs) -> Result<Exit, Failure> {
    let view = view(global, &args.sources, Freshness::Forced).await?;
    List::of_all(&view.reports, "there is no source").write(global, args.format, |reports| {
        let mut table =
            Table::new(&["SOURCE", "PRIORITY", "STATE", "NODES", "GROUPS", "TOOK", "WARNINGS", "ERROR"]);
        for report in reports {
            let took = report.duration_ms.map(|ms| format_duration(Duration::from_millis(ms)));
            table.row([
                report.name.clone(),
                report.priority.to_string(),
                report.state.as_str().to_owned(),
                report.nodes.to_string(),
                report.groups.to_string(),
                took.unwrap_or_default(),
                report.warnings.len().to_string(),
                report.error.clone().unwrap_or_default(),
            ]);
        }
        table
    })?;
    Ok(exit_of(&view))
}
