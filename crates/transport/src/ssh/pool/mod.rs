//! The connections that are kept: who may use which, when one is made, when one is closed.
//!
//! | file | what |
//! |---|---|
//! | `state` | slots, waiters and counters; decisions, no waiting |
//! | `lease` | the right to use a connection, given back when dropped |
//! | `acquire` | the asynchronous side: waiting, connecting, sweeping |
//!
//! The pool knows nothing of commands and does not retry a login that failed.

mod acquire;
mod lease;
mod state;

pub(crate) use acquire::{Pool, Wanted};
pub(crate) use lease::Lease;
pub(crate) use state::Purpose;
