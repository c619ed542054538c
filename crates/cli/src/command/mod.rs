//! One module for each subcommand. Each takes its options and returns how `pab` ends.

pub(crate) mod apply;
pub(crate) mod breakers;
pub(crate) mod cancel;
pub(crate) mod config;
pub(crate) mod db;
pub(crate) mod events;
pub(crate) mod explain_slow;
pub(crate) mod export;
pub(crate) mod facts;
pub(crate) mod generate;
pub(crate) mod graph;
pub(crate) mod help;
pub(crate) mod inventory;
pub(crate) mod journal;
pub(crate) mod list;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod rerun;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod targets;

mod find;
pub(crate) mod listing;
mod plans;
pub(crate) mod plugins;
mod preview;
