//! `pab journal`: what happened to nodes, notes on them, and whether all of it is what was written.

mod entries;
mod journal;
mod prune;

pub(crate) use journal::journal;
pub(crate) use prune::executions as prune_executions;
