//! SSH over libssh2 and local processes: connect, run, stream, terminate, copy.
//!
//! Main parts: [`SshTransport`], the local transport, and what both need (configuration, known hosts, keys,
//! quoting). This crate must not retry or decide about a run's outcome.

mod copy;
pub mod keys;
pub mod known_hosts;
pub mod local;
mod shell;
mod ssh;
pub mod ssh_config;

pub use ssh::{PoolLimits, SshSettings, SshTransport};
