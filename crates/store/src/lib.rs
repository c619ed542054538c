//! What is remembered of executions: requests, targets, results, events, outputs and the node journal.
//!
//! Main type: [`Store`], on the database that its [`StoreOptions`] name. What is stored and how stands in `sql`, once for all
//! databases; `db` is the small layer below it, and the modules named after databases say how each is opened. A store
//! writes what it is told and computes no outcome; only of executions whose process died does it fold the end itself.

#![forbid(unsafe_code)]

mod blocking;
mod codec;
mod cursor;
mod db;
pub mod host;
mod journal_row;
mod large;
pub mod maintain;
mod options;
mod output_files;
pub mod pabawi_tables;
pub mod postgres;
mod row;
mod sql;
pub mod sqlite;

pub use options::StoreOptions;
pub use sql::Store;
