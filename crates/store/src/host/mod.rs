//! A mirror of the store in the tables of a host application, Pabawi, whose own screens read those, and of the journal in its
//! journal service. Main type: [`HostMirror`].
//!
//! | module | what it holds |
//! |---|---|
//! | `options`, `health` | what can be set; how it goes |
//! | `mirror` | the handle, and the task that goes on until it is ended |
//! | `round` | one look at the store, and everything brought over that is not there |
//! | `tables`, `words` | Pabawi's tables, and what may stand in them |
//! | `executions`, `outputs`, `entries` | from records to rows, and to what a journal service is told |
//! | `teller`, `in_hand` | the same look for a journal service, and the calls of it that are open |
//! | `migration` | what widens the constraints of Pabawi's journal |
//!
//! The engine knows nothing of it and never waits for it: the mirror reads what the store holds, and the store remembers what
//! was mirrored. Everything may be written twice, since rows go by ids of ours; a journal service gives ids of its own, and so one
//! process at a time tells it anything, and the same again only after a failure. Pabawi's list of migrations is not touched;
//! [`POSTGRES_MIGRATION`] and [`SQLITE_MIGRATION`] are for Pabawi to apply, and nothing needs them.

mod entries;
mod executions;
mod health;
mod in_hand;
mod migration;
mod mirror;
mod options;
mod outputs;
mod round;
mod tables;
mod teller;
mod words;

pub use health::{MirrorHealth, MirrorState};
pub use migration::{MIGRATION_NAME, POSTGRES_MIGRATION, SQLITE_MIGRATION};
pub use mirror::HostMirror;
pub use options::MirrorOptions;
