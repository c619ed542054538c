//! `pab graph`: tasks that need each other. One module for each part of it.

pub(crate) mod list;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod status;

mod file;
mod follow;
