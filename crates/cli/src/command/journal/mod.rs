//! `pab journal`: what happened to nodes, notes on them, and whether all of it is what was written.

mod commands;
mod entries;
mod prune;

pub(crate) use commands::journal;
pub(crate) use prune::executions as prune_executions;
