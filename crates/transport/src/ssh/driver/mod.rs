//! The SSH driver: libssh2 without its own I/O, one task per connection.
//!
//! | file | what |
//! |---|---|
//! | `ffi` | symbols that `libssh2-sys` lacks |
//! | `io_buffers` | the memory that stands where libssh2 expects a socket |
//! | `memory` | what libssh2 allocates, counted |
//! | `callbacks` | what libssh2 calls |
//! | `session`, `channel` | libssh2's functions as steps that never wait |
//! | `link` | a TCP connection, or a channel of another connection |
//! | `connection` | a session on its link, up to the login |
//! | `task` | the task that drives a connection after the login |
//! | `remote` | the handle on that task |
//! | `opening`, `starting`, `active` | channels that are wanted, the one on its way, those that run |
//! | `pipe`, `message` | how others talk to that task |
//! | `blocking` | a connection handed over to blocking code |
//!
//! The driver knows nothing of commands, pools, retries or known hosts.

mod active;
mod blocking;
mod callbacks;
mod channel;
mod connection;
mod ffi;
mod io_buffers;
mod link;
mod memory;
mod message;
mod opening;
mod pipe;
mod remote;
mod session;
mod starting;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use blocking::BlockingSession;
pub(crate) use channel::ExitReport;
pub(crate) use connection::{Connection, DriveError};
pub(crate) use link::Link;
pub(crate) use message::{ChannelKind, LinkEnd, OpenError};
pub(crate) use pipe::{ChannelEvent, ChannelHandle};
pub(crate) use remote::Remote;
pub(crate) use session::{MadeFor, Signer, SshError, Step};
pub(crate) use task::{Driver, DriverOptions};
