//! The transport `local`: actions on this machine, with the same options, streams and reports as over SSH.
//!
//! Main type: [`LocalTransport`]. A command goes through the same wrapper as on a node, so environment,
//! directory, scripts and the change of user behave alike; it runs in a session of its own, so that all of it
//! can be ended.
//!
//! [`LocalTools`] runs tools of this machine for sources and plugins.
//!
//! This module must not give a command of a request the environment of this process, which may hold the host's
//! secrets. A tool gets it: it is the host's own, and reads its settings there.

mod ending;
mod input;
mod launch;
mod processes;
mod running;
mod running_tool;
mod session;
mod signals;
mod start;
mod tool;
mod transport;

pub use tool::LocalTools;
pub use transport::{LocalOptions, LocalTransport};
