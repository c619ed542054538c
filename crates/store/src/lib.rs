//! What is remembered of executions: requests, targets, results, events, outputs and the node journal.
//!
//! Main type: [`sqlite::SqliteStore`]. Drivers stand side by side with the same module names inside; what
//! they share (the rows that a write becomes, output files, cursors) stands beside them. A store writes what
//! it is told and computes no outcome; only of executions whose process died does it fold the end itself.

#![forbid(unsafe_code)]

mod codec;
mod cursor;
mod journal_row;
mod output_files;
pub mod pabawi_tables;
mod row;
pub mod sqlite;
