//! An execution as a document, read in pieces: [`Document`]. Only the page is held as a whole, since its head tells of its end.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::inventory::fold;
use crate::report::{HtmlReport, JsonDocument, ReportError};
use crate::{Caller, ErrorCode, ExecutionId, Export, Framework};
use schemars::JsonSchema;
use serde::Deserialize;

use super::failure::Failure;

/// Bytes of a piece, about.
const PIECE: usize = 256 * 1024;

/// Which document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ExportRequest")]
pub struct DocumentRequest {
    /// The execution.
    pub(super) id: ExecutionId,
    /// In which form.
    #[serde(default)]
    format: Format,
}

/// The form of a document.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportFormat")]
enum Format {
    /// One object.
    #[default]
    Json,
    /// An object for each part, one a line.
    Ndjson,
    /// A page for a browser, which needs nothing else.
    Html,
}

/// A document that is being read.
pub(super) struct Document {
    parts: Export,
    form: Form,
}

enum Form {
    Json(JsonDocument<Shared>, Shared),
    Lines,
    Page(Box<HtmlReport>),
    /// All parts are there, and this is left.
    Written(String),
}

/// What has been written and not been taken yet.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Document {
    /// Begins one. The first piece is read when it is asked for.
    pub(super) async fn begin(
        framework: &Framework,
        caller: &Caller,
        request: DocumentRequest,
    ) -> Result<Self, Failure> {
        let parts = framework.export(caller, request.id).await?;
        let form = match request.format {
            Format::Json => {
                let written = Shared::default();
                Form::Json(JsonDocument::new(written.clone()), written)
            }
            Format::Ndjson => Form::Lines,
            Format::Html => Form::Page(Box::new(HtmlReport::new(|nodes| fold(nodes)))),
        };
        Ok(Self { parts, form })
    }

    /// The next piece; nothing after the last. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Failure> {
        let mut lines = Vec::new();
        // Ends with a piece that is large enough, or with the last part.
        loop {
            if let Form::Written(left) = &mut self.form {
                return Ok(cut(left));
            }
            let part = self.parts.next().await?;
            match (&mut self.form, part) {
                (Form::Json(document, written), Some(part)) => {
                    document.add(&part).map_err(unwritten)?;
                    if written.len() >= PIECE {
                        return text(written.take()).map(Some);
                    }
                }
                (Form::Lines, Some(part)) => {
                    serde_json::to_writer(&mut lines, &part).map_err(|error| unwritten(error.into()))?;
                    lines.push(b'\n');
                    // Nothing is held over a wait, so that a reader who gives up misses no line.
                    return text(lines).map(Some);
                }
                (Form::Page(page), Some(part)) => page.add(part),
                (_, None) => self.form = Form::Written(self.end()?),
                (Form::Written(_), Some(_)) => {}
            }
        }
    }

    /// What is written when all parts are there.
    fn end(&mut self) -> Result<String, Failure> {
        match std::mem::replace(&mut self.form, Form::Written(String::new())) {
            Form::Json(document, written) => {
                document.finish().map_err(unwritten)?;
                text(written.take())
            }
            Form::Page(page) => {
                let mut written = Vec::new();
                page.write(&mut written).map_err(unwritten)?;
                text(written)
            }
            Form::Lines | Form::Written(_) => Ok(String::new()),
        }
    }
}

impl Shared {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes a piece off the front.
fn cut(left: &mut String) -> Option<String> {
    if left.is_empty() {
        return None;
    }
    let rest = left.split_off(left.floor_char_boundary(PIECE));
    Some(std::mem::replace(left, rest))
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
}

fn unwritten(error: ReportError) -> Failure {
    Failure::new(ErrorCode::Internal, format!("the document cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let whole = format!("x{}", "ü".repeat(PIECE));
        let mut left = whole.clone();
        let mut pieces = Vec::new();
        while let Some(piece) = cut(&mut left) {
            pieces.push(piece);
        }
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
        assert_eq!(pieces.concat(), whole);
    }
}
