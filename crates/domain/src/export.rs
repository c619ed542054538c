//! Everything that is remembered of one execution, part by part: [`ExportPart`].

use serde::{Deserialize, Serialize};

use crate::event::ExecutionEvent;
use crate::journal::JournalEntry;
use crate::output::ContentHash;
use crate::record::{AttemptRecord, ExecutionRecord, OutputChunk, TargetRecord};

/// The version of the shape of exports; it rises when a reader of the one before would read something wrong.
pub const EXPORT_VERSION: u32 = 1;

/// A part of an export. The kinds come in this order, each one as often as there is something of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", content = "value", rename_all = "camelCase")]
#[non_exhaustive]
pub enum ExportPart {
    /// The execution; exactly once.
    Execution(Box<ExecutionRecord>),
    /// A target, in the order of the plan.
    Target(Box<TargetRecord>),
    /// A try of a node, in the order of their starts.
    Attempt(Box<AttemptRecord>),
    /// An event, in the order of their numbers. Output that was not kept as events is in the outputs.
    Event(Box<ExecutionEvent>),
    /// A piece of an output; outputs that are equal come once, the pieces of one after the other.
    Output(Box<ExportedOutput>),
    /// An entry in the journal of a node, the newest first.
    Journal(Box<JournalEntry>),
    /// Something that there may be and that the caller may not see.
    LeftOut {
        /// Which kind of part.
        kind: String,
        /// Why.
        why: String,
    },
}

/// A piece of a stored output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedOutput {
    /// Of which output: the hash of the complete stream.
    pub hash: ContentHash,
    /// Where the piece begins in what is kept, in bytes.
    pub offset: u64,
    /// The piece.
    #[serde(flatten)]
    pub chunk: OutputChunk,
}
