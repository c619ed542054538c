//! From a capability and who does it to Pabawi's `resource:action`: the table of defaults, and [`PermissionMap`] with what is
//! said instead of it.

mod map;
mod table;

pub use map::{Instead, PermissionMap};
pub use table::{DEFAULTS, DefaultRow, Resource};

pub(crate) use map::{is_pattern, matches};
