//! Node sets: many names written as one. [`Pattern`] is one term (`web[01-20/2]-[a,b]`), [`expand`] makes
//! names of a list of them, [`fold`] makes the shortest such list of names again.
//!
//! The notation is that of ClusterShell's `nodeset(1)` and pdsh(1): `[1-9]` counts, `[01-20]` keeps the
//! zeros, `/2` takes every second, `[a,b]` lists words, several brackets give every combination.

mod error;
mod expand;
mod fold;
mod item;
mod pattern;

pub use error::NodeSetError;
pub use expand::{MAX_NODES, expand, split_terms};
pub use fold::{fold, fold_terms};
pub use item::Item;
pub use pattern::{MAX_NAME, Part, Pattern};
