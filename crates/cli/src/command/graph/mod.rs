//! `pab graph`: tasks that need each other. One module for each part of it.

pub(crate) mod show;

mod file;
