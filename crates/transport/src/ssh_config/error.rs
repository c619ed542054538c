//! What can go wrong with configuration files, each with the file, the line and what to do.
//!
//! Main type: [`SshConfigError`]. None of these goes away by itself, so a retry never helps.

use std::path::PathBuf;

/// Why a configuration could not be read or a host could not be resolved with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshConfigError {
    /// The file is missing or unreadable.
    #[error("read the SSH configuration {}: {source}", path.display())]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others may change the file, so its content cannot be trusted (`ssh_config(5)`, FILES).
    #[error(
        "use the SSH configuration {path}: it must belong to you or root and be writable by nobody else; run: chmod go-w {path}",
        path = path.display()
    )]
    Permissions {
        /// The file found.
        path: PathBuf,
    },
    /// A line cannot be understood.
    #[error("understand {}, line {line}: {message}", file.display())]
    Syntax {
        /// The file the line stands in.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
        /// What is wrong, and what was expected.
        message: String,
    },
    /// A file includes itself, directly or through others.
    #[error("read {}, line {line}: Include of {} forms a loop", file.display(), path.display())]
    IncludeLoop {
        /// The file with the `Include`.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
        /// The file that is already being read.
        path: PathBuf,
    },
    /// More nested `Include`s than OpenSSH allows.
    #[error("read {}, line {line}: more than {limit} nested Includes", file.display())]
    IncludeDepth {
        /// The file with the `Include`.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
        /// The limit, 16 as in OpenSSH.
        limit: usize,
    },
    /// All files together are larger than a configuration can sensibly be.
    #[error("read {}: the configuration exceeds {limit} {unit}", path.display())]
    TooLarge {
        /// The file that went past the limit.
        path: PathBuf,
        /// The limit.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// The host is reached through a program, which this client does not start.
    #[error(
        "resolve {alias}: ProxyCommand is not supported; use ProxyJump ({}, line {line})",
        file.display()
    )]
    ProxyCommand {
        /// The host asked for.
        alias: String,
        /// Where the setting stands.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
    },
    /// Whether a `Match` block applies depends on something this client does not evaluate.
    #[error(
        "resolve {alias}: Match {criterion} is not supported and may apply to it ({}, line {line}); \
         exclude the host with a host criterion or give another configuration file",
        file.display()
    )]
    UnsupportedMatch {
        /// The host asked for.
        alias: String,
        /// The criterion, for instance `exec`.
        criterion: String,
        /// Where the block begins.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
    },
    /// A `%` token or `${VARIABLE}` that is unknown or not allowed in this place.
    #[error("resolve {alias}: {message} in {keyword} ({}, line {line})", file.display())]
    Token {
        /// The host asked for.
        alias: String,
        /// The setting.
        keyword: &'static str,
        /// What is wrong.
        message: String,
        /// Where the setting stands.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
    },
    /// The resulting host or user name could be mistaken for something else.
    #[error("resolve {alias:?}: the {what} {value:?} is not valid")]
    InvalidName {
        /// The host asked for.
        alias: String,
        /// `host name` or `user`.
        what: &'static str,
        /// What it resolved to.
        value: String,
    },
    /// The way over the jump hosts does not end.
    #[error("resolve {alias}: ProxyJump leads back to {via} or over more than {limit} hosts")]
    JumpLoop {
        /// The host asked for.
        alias: String,
        /// The jump host at which the loop was noticed.
        via: String,
        /// The largest number of jump hosts.
        limit: usize,
    },
}
