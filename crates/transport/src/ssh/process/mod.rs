//! Commands on a node: how they are started, followed and ended.
//!
//! | file | what |
//! |---|---|
//! | `gate` | reads the wrapper's own lines out of the output |
//! | `launch` | opens a channel, changes the user, hands over the preamble |
//! | `feed` | standard input, piece by piece |
//! | `running` | a command that runs: output and end |
//! | `drain` | how long output may come after the exit |
//! | `remains` | looks what is left on the node, and kills it |
//! | `terminate` | ends a command and tells how that went |
//! | `detached` | commands that survive the loss of the link |
//!
//! Nothing here retries a command.

mod detached;
mod drain;
mod feed;
mod gate;
mod launch;
mod remains;
mod running;
mod terminate;

pub(crate) use detached::{Detached, Limits, Spool, spool_name};
pub(crate) use launch::{Detach, Job, LaunchError, Launched, prepare};
pub(crate) use running::{Process, Surroundings};
