//! The shell programs of detached commands, and the text that is made of them for one command.
//!
//! | file | what it does on the node |
//! |---|---|
//! | `born.sh` | tells whether a process is the one that wrote itself into a file of the spool |
//! | `place.sh` | where the spool is |
//! | `start.sh` | makes the spool, which can be done once, and leaves the supervisor behind |
//! | `supervise.sh` | starts the command, takes its output into the spool, writes its end |
//! | `run.sh` | becomes the command |
//! | `follow.sh` | sends the spool from an offset on, and the end |
//! | `find.sh` | finds the command's process, or sees to it that there will never be one |
//! | `remove.sh` | removes the spool |
//!
//! This module must not start anything; it only builds text.

mod text;

#[cfg(test)]
mod tests;

pub(crate) use text::{StartSpec, find, follow, remove, spool_path, start};
