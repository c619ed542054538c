//! `pab facts`.

mod collect;
mod document;
mod explain;
mod get;
mod query;
mod refresh;
mod show;

pub(crate) use explain::explain;
pub(crate) use get::get;
pub(crate) use query::query;
pub(crate) use refresh::refresh;
pub(crate) use show::show;
