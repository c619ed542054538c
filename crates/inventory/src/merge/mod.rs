//! The merge: several snapshots become one inventory. Entries of several sources that share an identifier are one
//! node; its fields come from the source of the highest priority that has them; groups of one name are one group.

mod data;
mod groups;
mod identifiers;
mod link;
mod lists;

pub use data::SourceData;
pub(crate) use link::{Entry, Links, entry_of};
pub(crate) use lists::{Merge, fill_endpoint};

#[cfg(test)]
mod tests;
