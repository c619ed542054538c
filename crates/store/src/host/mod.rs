//! A mirror of the store in the tables of a host application, Pabawi: its own screens read those. Main type: [`HostMirror`].
//!
//! | module | what it holds |
//! |---|---|
//! | `options`, `health` | what can be set; how it goes |
//! | `mirror` | the handle, and the task that goes on until it is ended |
//! | `round` | one look at the store, and everything brought over that is not there |
//! | `tables`, `words` | Pabawi's tables, and what may stand in them |
//! | `executions`, `outputs`, `entries` | from records to rows |
//! | `migration` | what widens the constraints of Pabawi's journal |
//!
//! The engine knows nothing of it and never waits for it: the mirror reads what the store holds, and the store remembers what
//! was mirrored. Everything may be written twice, since rows go by ids of ours. Pabawi's list of migrations is not touched;
//! [`POSTGRES_MIGRATION`] and [`SQLITE_MIGRATION`] are for Pabawi to apply, and nothing needs them.

mod entries;
mod executions;
mod health;
mod migration;
mod mirror;
mod options;
mod outputs;
mod round;
mod tables;
mod words;

pub use health::{MirrorHealth, MirrorState};
pub use migration::{MIGRATION_NAME, POSTGRES_MIGRATION, SQLITE_MIGRATION};
pub use mirror::HostMirror;
pub use options::MirrorOptions;
