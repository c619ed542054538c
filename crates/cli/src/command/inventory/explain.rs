//! `pab inventory explain`.

use std::time::Duration;

use jiff::Timestamp;
use pabawi::inventory::{FieldProvenance, Freshness, Said};
use serde_json::Value;

use super::list::exit_of;
use super::view::view;
use crate::args::{Format, GlobalArgs, InventoryExplainArgs, format_duration};
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::text::Table;
use crate::watch::{Sink, write_problems};

/// Shows where the fields of a node come from.
///
/// # Errors
/// [`Failure`]: no such node, or no source says anything of that field.
pub(crate) async fn explain(global: &GlobalArgs, args: &InventoryExplainArgs) -> Result<Exit, Failure> {
    let view = view(global, &args.sources, Freshness::Cached).await?;
    let mut sink = Sink::standard(global.no_color);
    write_problems(&mut sink, &view)?;
    let Some(mut explanation) = view.explain(&args.node, Timestamp::now()) else {
        let sources = view.inventory.sources().join(", ");
        return Err(Failure::usage(format!("NODE: {} is in no source ({sources})", args.node)));
    };
    if let Some(field) = &args.field {
        explanation.fields.retain(|known| known.field == *field);
        if explanation.fields.is_empty() {
            return Err(Failure::usage(format!(
                "FIELD: no source says anything of {field} of {}",
                args.node
            )));
        }
    }
    match args.format {
        Format::Table => sink.table(&table(&explanation.fields)),
        format => write_value(&explanation, format, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the explanation: {error}")))?;
    Ok(exit_of(&view))
}

fn table(fields: &[FieldProvenance]) -> Table {
    let mut table = Table::new(&["FIELD", "", "SOURCE", "PRIORITY", "AGE", "VALUE"]);
    for field in fields {
        table.row(row(&field.field, "wins", &field.winner));
        for loser in &field.losers {
            table.row(row("", if adds_up(&field.field) { "adds" } else { "loses" }, loser));
        }
    }
    table
}

/// What several sources say of these is put together.
fn adds_up(field: &str) -> bool {
    matches!(field, "groups" | "aliases")
}

fn row(field: &str, place: &str, said: &Said<Value>) -> [String; 6] {
    let age = said.age_ms.and_then(|ms| u64::try_from(ms).ok());
    [
        field.to_owned(),
        place.to_owned(),
        said.source.clone(),
        said.priority.to_string(),
        age.map(|ms| format_duration(Duration::from_millis(ms))).unwrap_or_default(),
        said.value.to_string(),
    ]
}
