//! An execution on the screen: its events become output, progress and a summary.
//!
//! `follow` is the loop over the events; everything it calls takes one event at a time and waits for nothing but
//! its output. `stopping` listens to Ctrl-C beside it.

mod document;
mod follow;
mod grouped;
mod live;
mod notice;
mod problems;
mod progress;
mod sink;
mod stopping;
mod stored_output;
mod summary;

pub(crate) use document::{Content, write_document};
pub(crate) use follow::{FOLLOWING, Follow, Followed, Started, follow, write_event};
pub(crate) use grouped::write_groups;
pub(crate) use problems::write_problems;
pub(crate) use sink::Sink;
pub(crate) use stopping::{GRACE, Stopping, Told, What};
pub(crate) use stored_output::read_output;
pub(crate) use summary::{Failures, exit_of};

#[cfg(test)]
pub(crate) use sink::tests as tests_sink;
