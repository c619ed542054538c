//! [`ProcessArgs`]: how a command or script is started on a node.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the process is started on each node.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// Environment variable; may be given several times
    #[arg(short = 'e', long, value_name = "NAME=VALUE", value_parser = parse_variable)]
    pub env: Vec<(String, String)>,

    /// Environment variable whose value is secret; may be given several times
    ///
    /// The value is taken from pab's own environment, or asked for on the terminal when it is not set there.
    /// It is never shown and never stored.
    #[arg(long, value_name = "NAME")]
    pub secret_env: Vec<String>,

    /// Working directory on the node
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<String>,

    /// File mode creation mask, octal, such as 027
    #[arg(long, value_name = "MASK", value_parser = parse_octal)]
    pub umask: Option<u32>,

    /// Run as another user of the node
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,

    /// The program that changes the user [default: sudo]
    #[arg(long, value_enum, value_name = "PROGRAM", requires = "run_as")]
    pub run_as_method: Option<RunAsMethodArg>,

    /// Ask on the terminal for the password that sudo, su or doas wants
    #[arg(long, requires = "run_as", conflicts_with = "run_as_password_file")]
    pub ask_run_as_password: bool,

    /// File whose first line is the password that sudo, su or doas wants
    #[arg(long, value_name = "FILE", requires = "run_as")]
    pub run_as_password_file: Option<PathBuf>,

    /// What the process reads: a file, sent to every node, or '-' for pab's standard input
    #[arg(long, value_name = "FILE")]
    pub stdin: Option<PathBuf>,

    /// What the process reads, as a secret: it is not stored, and taken out of what the nodes print
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    pub secret_stdin: Option<PathBuf>,

    /// Ask for a terminal on the node; stdout and stderr become one stream
    #[arg(long)]
    pub pty: bool,

    /// What becomes of the process when the link to its node is lost [default: terminate]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_link_loss: Option<LinkLossArg>,

    /// Let it survive the loss of the link and of pab: its output and its end are kept on the node until they have
    /// been fetched, and 'executions resume' comes back to it
    #[arg(long, conflicts_with_all = ["stdin", "secret_stdin", "pty", "on_link_loss"])]
    pub detach: bool,
}

/// A program that changes the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunAsMethodArg {
    /// sudo(8).
    Sudo,
    /// su(1).
    Su,
    /// doas(1).
    Doas,
}

/// What becomes of a process without a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LinkLossArg {
    /// The node ends it.
    Terminate,
    /// It runs on.
    Leave,
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE; for a secret value use --secret-env NAME".to_owned()),
    }
}

/// An octal number as chmod(1) and umask(1) take it.
pub(super) fn parse_octal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8)
        .map_err(|_| "write an octal number such as 027".to_owned())
}
