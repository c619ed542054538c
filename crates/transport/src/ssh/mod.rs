//! SSH: the driver over libssh2, and what makes a transport of it.
//!
//! | module | what |
//! |---|---|
//! | `driver` | libssh2 without its own I/O, one task per connection |
//! | `settings`, `foresee` | what the transport is told, the way to a node, and how it looks before it is taken |
//! | `connect`, `host_key`, `auth`, `agent`, `jump` | from a way to a logged-in connection |
//! | `pool` | the connections that are kept |
//! | `process` | commands: start, follow, end |
//! | `copy`, `sftp` | files |
//! | `transport` | the port |
//!
//! This module must not retry an action or decide about a run's outcome.

mod agent;
mod auth;
mod connect;
mod copy;
mod driver;
mod foresee;
mod host_key;
mod jump;
mod pool;
mod process;
mod settings;
mod sftp;
mod transport;

pub use settings::{PoolLimits, SshSettings};
pub use transport::SshTransport;
