//! One JSON document, written as the parts come: [`JsonDocument`].

use std::io::Write;

use pabawi_domain::export::{EXPORT_VERSION, ExportPart};
use serde::Serialize;

use crate::ReportError;

/// The lists of the document in their order.
const LISTS: [&str; 6] = ["targets", "attempts", "events", "outputs", "journal", "leftOut"];

/// Writes an object with `version`, `execution`, and a list for each other kind of part: `targets`, `attempts`, `events`,
/// `outputs`, `journal`, `leftOut`. It keeps nothing, so that it does not matter how much there is.
pub struct JsonDocument<W> {
    writer: W,
    /// Lists that have been opened; absent before the execution.
    opened: Option<usize>,
    /// Whether the open list has nothing in it yet.
    is_empty: bool,
}

impl<W: Write> JsonDocument<W> {
    /// Begins the document.
    pub fn new(writer: W) -> Self {
        Self { writer, opened: None, is_empty: true }
    }

    /// Writes the next part.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn add(&mut self, part: &ExportPart) -> Result<(), ReportError> {
        match part {
            ExportPart::Execution(record) => {
                if self.opened.is_some() {
                    return Err(ReportError::Order { kind: "execution" });
                }
                write!(self.writer, "{{\"version\":{EXPORT_VERSION},\n\"execution\":")?;
                serde_json::to_writer(&mut self.writer, record)?;
                self.opened = Some(0);
                Ok(())
            }
            ExportPart::Target(target) => self.item(0, target),
            ExportPart::Attempt(attempt) => self.item(1, attempt),
            ExportPart::Event(event) => self.item(2, event),
            ExportPart::Output(output) => self.item(3, output),
            ExportPart::Journal(entry) => self.item(4, entry),
            ExportPart::LeftOut { kind, why } => {
                self.item(5, &serde_json::json!({ "kind": kind, "why": why }))
            }
            // The domain may name further kinds before this document has a list for them.
            _ => Err(ReportError::Order { kind: "unknown" }),
        }
    }

    /// Ends the document and gives the writer back.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn finish(mut self) -> Result<W, ReportError> {
        self.open(LISTS.len() - 1, "end")?;
        self.writer.write_all(b"]}\n")?;
        self.writer.flush()?;
        Ok(self.writer)
    }

    fn item(&mut self, list: usize, item: &impl Serialize) -> Result<(), ReportError> {
        self.open(list, LISTS.get(list).copied().unwrap_or_default())?;
        self.writer.write_all(if self.is_empty { b"\n" } else { b",\n" })?;
        self.is_empty = false;
        Ok(serde_json::to_writer(&mut self.writer, item)?)
    }

    /// Opens every list up to this one.
    fn open(&mut self, list: usize, kind: &'static str) -> Result<(), ReportError> {
        let opened = self.opened.ok_or(ReportError::NoExecution)?;
        if list + 1 < opened {
            return Err(ReportError::Order { kind });
        }
        for (place, name) in LISTS.iter().enumerate().take(list + 1).skip(opened) {
            let end = if place == 0 { "" } else { "]" };
            write!(self.writer, "{end},\n\"{name}\":[")?;
            self.is_empty = true;
        }
        self.opened = Some(opened.max(list + 1));
        Ok(())
    }
}
