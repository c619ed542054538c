//! The languages in which other tools name their targets, as these tools understand them: [`Dialect`].
//!
//! They stand in a target expression as `ansible("web:&prod")` and `bolt("web*,ssh://root@db1")`, so that a request, a
//! plan and a rerun remember what was meant.

mod address;
mod ansible;
mod bolt;
mod globs;
mod kind;

pub use ansible::limit_of as ansible_limit;
pub(crate) use kind::Found;
pub use kind::{Dialect, MAX_FOREIGN_BYTES};
