//! Settings of the SSH transport and OpenSSH's configuration files.

pub use pabawi_transport::ssh_config::{Diagnostic, DiagnosticKind, SshConfig, SshConfigError};
pub use pabawi_transport::{PoolLimits, SshSettings};
