//! Reads the fields of spans and events: [`Fields`], and what an event inherits from its spans, [`Scope`].

use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use pabawi_domain::cut::cut;
use pabawi_domain::id::{CorrelationId, ExecutionId};
use serde_json::{Map, Value};
use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::LogQueue;

/// Bytes of one text that are taken: as much as is kept of a stack.
const MOST_TEXT: usize = 16 * 1024;

/// What an event has from the spans that it is in.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) execution_id: Option<ExecutionId>,
    pub(super) correlation_id: Option<CorrelationId>,
    /// Other fields of the spans, such as `node`.
    pub(super) others: Map<String, Value>,
    /// Where the framework's records are to be brought, where it has a sink.
    pub(super) queue: Option<Arc<LogQueue>>,
}

/// The fields of one span or event.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) others: Map<String, Value>,
}

impl Fields {
    /// Takes a text out.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        match self.others.remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
            None => None,
        }
    }

    fn put_text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            _ => self.put(field, Value::from(text)),
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Cut::default();
        // It cannot fail, and what a value's own words fail with is left out.
        let _ = write!(text, "{value:?}");
        self.put_text(field, text.finish());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, cut(value, MOST_TEXT));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

/// A text that takes no more than [`MOST_TEXT`] bytes of memory and counts the rest.
#[derive(Default)]
struct Cut {
    text: String,
    whole: usize,
}

impl Cut {
    fn finish(mut self) -> String {
        if self.whole > self.text.len() {
            self.text.push_str(&format!("... [cut: {} bytes in all]", self.whole));
        }
        self.text
    }
}

impl std::fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        // Once something is left out, so is all that follows.
        if self.whole == self.text.len() {
            let room = MOST_TEXT - self.text.len().min(MOST_TEXT);
            self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        }
        self.whole += text.len();
        Ok(())
    }
}

/// The part of the framework that speaks: `engine` for `pabawi_engine::emit::hub`.
pub(super) fn component(metadata: &Metadata<'_>) -> String {
    let name = metadata.target().split("::").next().unwrap_or_default();
    match name.strip_prefix("pabawi") {
        Some("") => "framework".to_owned(),
        Some(part) => part.trim_start_matches('_').to_owned(),
        None => name.to_owned(),
    }
}
