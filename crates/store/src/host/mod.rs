//! A mirror of the store in the tables of a host application, Pabawi: its own screens read those. Main type: [`HostMirror`].
//!
//! | module | what it holds |
//! |---|---|
//! | `options`, `health` | what can be set; how it goes |
//! | `mirror` | the handle, and the task that goes on until it is ended |
//! | `round` | one look at the store, and everything brought over that is not there |
//! | `tables`, `words` | Pabawi's tables, and what may stand in them |
//! | `executions`, `outputs`, `entries` | from records to rows |
//!
//! The engine knows nothing of it and never waits for it: the mirror reads what the store holds, and the store remembers what
//! was mirrored. Everything may be written twice, since rows go by ids of ours. Pabawi's list of migrations is not touched;
//! [`POSTGRES_MIGRATION`] and [`SQLITE_MIGRATION`] are for Pabawi to apply, and nothing needs them.

mod entries;
mod executions;
mod health;
mod mirror;
mod options;
mod outputs;
mod round;
mod tables;
mod words;

pub use health::{MirrorHealth, MirrorState};
pub use mirror::HostMirror;
pub use options::MirrorOptions;

/// The name of the migration for Pabawi with the suffix of the dialect left out.
pub const MIGRATION_NAME: &str = "016_journal_sources_and_states";

/// What lets the journal of a SQLite database take the event types and sources that Pabawi's own types know.
pub const SQLITE_MIGRATION: &str = include_str!("../../pabawi/016_journal_sources_and_states.sqlite.sql");

/// The same for PostgreSQL.
pub const POSTGRES_MIGRATION: &str = include_str!("../../pabawi/016_journal_sources_and_states.postgres.sql");
