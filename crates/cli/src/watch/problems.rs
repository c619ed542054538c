//! [`write_problems`]: what was odd about the inventory.

use pabawi::StreamKind;
use pabawi::inventory::View;

use crate::exit::Failure;
use crate::text::Colour;
use crate::watch::Sink;

/// Writes what failed of the sources, and what they had to leave out, to standard error.
///
/// # Errors
/// Standard error cannot be written to.
pub(crate) fn write_problems(sink: &mut Sink, view: &View) -> Result<(), Failure> {
    for warning in view.problems().iter().chain(view.inventory.warnings()) {
        let text = sink.err_style.paint(Colour::Yellow, &format!("warning: {warning}"));
        sink.line(StreamKind::Stderr, &text);
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))
}
