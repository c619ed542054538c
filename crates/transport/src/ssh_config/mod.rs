//! The client configuration files of OpenSSH, `ssh_config(5)`, parsed once and resolved for many hosts.
//!
//! Main type: [`SshConfig`]. It is loaded from one file or from the user's and the system's files, and
//! [`SshConfig::resolve`] then turns an alias into [`HostSettings`]. The order of evaluation is that of
//! OpenSSH's `readconf.c`: the first value found wins, `Match host` sees the host name as far as it is
//! known on that line, an `Include` belongs to the block it stands in.
//!
//! This module must not open a connection, ask the name service, or run a program: `Match exec` and
//! `ProxyCommand` are therefore errors that name file and line, never silently ignored.

mod error;
mod glob;
mod lexer;
mod local_user;
mod matching;
mod model;
mod parse;
mod pattern;
mod resolve;
mod settings;
mod time_spec;
mod tokens;

#[cfg(test)]
mod tests;

pub use error::SshConfigError;
pub use local_user::LocalUser;
pub use model::{Diagnostic, DiagnosticKind, SshConfig};
pub use settings::{
    AlgorithmList, HostSettings, IdentityAgent, JumpHop, MAX_JUMPS, Overrides, StrictHostKeyChecking,
};

pub(crate) use pattern::{PatternVerdict, pattern_list_verdict};
