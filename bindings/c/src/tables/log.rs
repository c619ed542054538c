//! The log of an engine for the program: [`TableLog`]. The framework has a thread for it, on which the function may block.

use std::sync::Arc;

use pabawi::log::{LogRecord, LogSink};

use super::Told;
use super::gate::Gate;
use crate::callbacks::Callbacks;

/// A function of the program.
pub(super) struct TableLog {
    pub(super) gate: Arc<Gate<dyn Told>>,
    pub(super) callbacks: Arc<Callbacks>,
}

impl LogSink for TableLog {
    fn log(&self, record: &LogRecord) {
        // A record has nothing that could not be written.
        let Ok(text) = serde_json::to_string(record) else { return };
        self.callbacks.here(|| {
            if let Some(told) = self.gate.enter() {
                told.tell(&text);
            }
        });
    }
}
