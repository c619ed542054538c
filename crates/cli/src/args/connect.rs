//! [`ConnectArgs`]: how nodes are reached.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use pabawi::parse_duration;

/// How nodes are reached.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// How nodes are reached that do not say it themselves
    #[arg(long, value_enum, value_name = "NAME")]
    pub transport: Option<TransportArg>,

    /// See [`LoginArgs`].
    #[command(flatten)]
    pub login: LoginArgs,

    /// Limit for reaching a node and logging in, such as 5s [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub connect_timeout: Option<Duration>,

    /// See [`TrustArgs`].
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// As whom and where to log in.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct LoginArgs {
    /// Login user, where neither the node's destination nor the inventory names one
    #[arg(short = 'l', long, value_name = "USER")]
    pub user: Option<String>,

    /// TCP port, where neither the node's destination nor the inventory names one
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// Private key file, tried before others; may be given several times
    #[arg(short = 'i', long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
}

/// How this side and a node convince each other.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct TrustArgs {
    /// Ask for the login password on the terminal
    #[arg(long)]
    pub ask_password: bool,

    /// What is done with a host key that is not known
    ///
    /// strict (the default): only keys that are known are accepted. accept-new: an unknown node's key is
    /// written to the known-hosts file, a changed one is refused. off: every key is accepted; each such node
    /// is written down in the journal.
    #[arg(long, value_enum, value_name = "POLICY")]
    pub host_keys: Option<HostKeysArg>,

    /// Known-hosts file to use instead of ~/.ssh/known_hosts; may be given several times
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Vec<PathBuf>,
}

/// A transport by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TransportArg {
    /// SSH.
    Ssh,
    /// This machine, without SSH.
    Local,
}

/// A host key policy by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HostKeysArg {
    /// Only known keys.
    Strict,
    /// Unknown keys are written down, changed ones are refused.
    AcceptNew,
    /// Every key.
    Off,
}
