//! Detached commands: started so that they survive the loss of the link, followed through their spool on the node.
//!
//! | file | what |
//! |---|---|
//! | `spool` | what is asked of the node about one spool |
//! | `frames` | reads what the follower on the node sends |
//! | `follow` | starts, follows and goes back after a loss, in a task of its own |
//! | `running` | the action as the engine sees it: pulled, ended, settled |

mod follow;
mod frames;
mod running;
mod spool;

pub(crate) use running::{Detached, Limits};
pub(crate) use spool::{Spool, spool_name};
