//! [`write_items`]: a list in the form that was asked for; [`write_problems`]: what was odd about the inventory.

use pabawi::StreamKind;
use pabawi::inventory::View;
use serde::Serialize;

use crate::args::Format;
use crate::exit::Failure;
use crate::text::{Colour, Table};
use crate::watch::Sink;

/// Writes the items: one JSON object a line, one document, or the table that is made for people.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn write_items<T: Serialize>(
    sink: &mut Sink,
    format: Format,
    items: &[T],
    table: impl FnOnce() -> Table,
) -> Result<(), Failure> {
    if format == Format::Ndjson {
        for item in items {
            sink.line(StreamKind::Stdout, &serde_json::to_string(item).map_err(Failure::nothing_ran)?);
        }
        return flush(sink);
    }
    write_item(sink, format, &items, table)
}

/// Writes one thing as one document, or as the table that is made for people.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn write_item<T: Serialize>(
    sink: &mut Sink,
    format: Format,
    item: &T,
    table: impl FnOnce() -> Table,
) -> Result<(), Failure> {
    let text = match format {
        Format::Table => table().lines().join("\n"),
        Format::Ndjson => serde_json::to_string(item).map_err(Failure::nothing_ran)?,
        Format::Json => serde_json::to_string_pretty(item).map_err(Failure::nothing_ran)?,
        Format::Yaml => serde_saphyr::to_string(item).map_err(Failure::nothing_ran)?,
    };
    sink.line(StreamKind::Stdout, text.trim_end());
    flush(sink)
}

fn flush(sink: &mut Sink) -> Result<(), Failure> {
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the result: {error}")))
}

/// Puts what failed of the sources, and what they had to leave out, on standard error.
pub(crate) fn write_problems(sink: &mut Sink, view: &View) {
    for warning in view.problems().iter().chain(view.inventory.warnings()) {
        let text = sink.err_style.paint(Colour::Yellow, &format!("warning: {warning}"));
        sink.line(StreamKind::Stderr, &text);
    }
}
