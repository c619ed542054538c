//! `pab inventory`: what the sources of nodes know. Nothing is run on a node, and no database is opened unless
//! plugins know nodes or somebody decides about callers.

mod explain;
mod groups;
mod list;
mod show;
mod sources;
mod view;

pub(crate) use explain::explain;
pub(crate) use groups::groups;
pub(crate) use list::list;
pub(crate) use show::show;
pub(crate) use sources::sources;
