//! The transport `local`: actions on this machine, with the same options, streams and reports as over SSH.
//!
//! Main type: [`LocalTransport`]. A command goes through the same wrapper as on a node, so environment,
//! directory, scripts and the change of user behave alike; it runs in a session of its own, so that all of it
//! can be ended.
//!
//! This module must not give a command the environment of this process, which may hold the host's secrets.

mod ending;
mod input;
mod launch;
mod processes;
mod running;
mod signals;
mod start;
mod transport;

pub use transport::{LocalOptions, LocalTransport};
