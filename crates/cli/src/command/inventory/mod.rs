//! `pab inventory`: what the sources of nodes know. No database is opened and nothing is run on a node.

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
