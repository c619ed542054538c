//! The connections that are kept: who may use which, when one is made, when one is closed.
//!
//! | file | what |
//! |---|---|
//! | `state` | the book of connections, waiters and counters; decisions, no waiting |
//! | `entry` | what the book is made of |
//! | `lease` | the right to use a connection, given back when dropped |
//! | `acquire` | the asynchronous side: waiting, connecting, sweeping |
//! | `gate` | who may connect now |
//! | `window` | how many that are, learnt from what came of the last ones |
//!
//! The pool knows nothing of commands and does not retry a login that failed; only connects that were one too many are
//! made anew.

mod acquire;
mod entry;
mod gate;
mod lease;
mod state;
mod window;

pub(crate) use acquire::{Pool, Wanted};
pub(crate) use entry::Purpose;
pub(crate) use gate::Overload;
pub(crate) use lease::Lease;
