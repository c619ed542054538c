//! The options of `run`, `script` and `copy`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use pabawi::parse_duration;

use crate::args::process::parse_octal;
use crate::args::{
    CareArgs, ConnectArgs, Format, ProcessArgs, ProviderArgs, RetryArgs, RolloutArgs, SelectionArgs,
    parse_size,
};

/// Options of everything that starts an execution.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Execution")]
pub struct ExecutionArgs {
    /// How many nodes at once [default: 100]
    #[arg(short = 'c', long, aliases = ["forks", "fanout"], value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency: Option<u32>,

    /// Limit for the action on one node, such as 30s or 1h30m [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Limit for the whole execution [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub execution_timeout: Option<Duration>,

    /// Keep the complete output, not only the first and last 64 KiB of each stream, and give the request a correlation id,
    /// which is shown and stands in logs and records
    #[arg(long)]
    pub debug: bool,

    /// See [`MemoryArgs`].
    #[command(flatten)]
    pub memory: MemoryArgs,

    /// Mark by which the execution is found again; may be given several times
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Executions with a higher priority start their nodes first, -1000 to 1000 [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub priority: Option<i32>,

    /// The same key returns the same execution and starts nothing
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,

    /// Follows this request through logs and records
    #[arg(long, value_name = "ID")]
    pub correlation_id: Option<String>,
    /// See [`RolloutArgs`].
    #[command(flatten)]
    pub rollout: RolloutArgs,
    /// See [`RetryArgs`].
    #[command(flatten)]
    pub retry: RetryArgs,
}

/// What this process may take.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Execution")]
pub struct MemoryArgs {
    /// Memory for output that is on its way, such as 64M; when it is used up, nodes wait until some of it has been
    /// written or read [default: a quarter of what this process may use, 16M to 1G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub output_memory: Option<usize>,
}

/// Options of how an execution is shown.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputStyleArgs {
    /// In which form results are written
    ///
    /// table: output as it comes, each line after its node's name, then a summary on standard error. json,
    /// yaml: one document at the end with the summary and the result of every node. ndjson: one event a line
    /// as it happens.
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,

    /// Wait for the end and show equal outputs once, with the nodes folded: web[01-20] (20)
    #[arg(short = 'g', long)]
    pub group: bool,

    /// Show neither progress nor the summary
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

/// `pab run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The command line for the node's shell; several words are joined by blanks, as ssh(1) does
    #[arg(required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`SelectionArgs`].
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// See [`ProcessArgs`].
    #[command(flatten)]
    pub process: ProcessArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// See [`ExecutionArgs`].
    #[command(flatten)]
    pub execution: ExecutionArgs,
    /// See [`CareArgs`].
    #[command(flatten)]
    pub care: CareArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}

/// `pab script`.
#[derive(Debug, Clone, Args)]
pub struct ScriptArgs {
    /// The script, a file of this machine; '-' reads it from standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Arguments of the script, each passed as it is; put '--' before the first that begins with '-'
    #[arg(value_name = "ARGUMENT")]
    pub arguments: Vec<String>,
    /// The program that runs it [default: the script's '#!' line, or /bin/sh]
    #[arg(long, value_name = "PROGRAM")]
    pub interpreter: Option<String>,
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`SelectionArgs`].
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// See [`ProcessArgs`].
    #[command(flatten)]
    pub process: ProcessArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// See [`ExecutionArgs`].
    #[command(flatten)]
    pub execution: ExecutionArgs,
    /// See [`CareArgs`].
    #[command(flatten)]
    pub care: CareArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}

/// `pab copy`.
#[derive(Debug, Clone, Subcommand)]
pub enum CopyCommand {
    /// Copy a file or directory of this machine to the nodes
    Up(UpArgs),
    /// Copy a file or directory of each node to this machine, into DESTINATION/NODE/
    Down(DownArgs),
}

/// `pab copy up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// File or directory on this machine
    pub source: PathBuf,
    /// Path on the nodes; the file appears there whole or not at all
    pub destination: String,
    /// Permission bits on the nodes, octal, such as 0640 [default: those of the source]
    #[arg(long, value_name = "MODE", value_parser = parse_octal)]
    pub mode: Option<u32>,
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`SelectionArgs`].
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// See [`ExecutionArgs`].
    #[command(flatten)]
    pub execution: ExecutionArgs,
    /// See [`CareArgs`].
    #[command(flatten)]
    pub care: CareArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}

/// `pab copy down`.
#[derive(Debug, Clone, Args)]
pub struct DownArgs {
    /// File or directory on the nodes
    pub source: String,
    /// Directory on this machine; each node gets a directory of its name below it
    pub destination: PathBuf,
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`SelectionArgs`].
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// See [`ExecutionArgs`].
    #[command(flatten)]
    pub execution: ExecutionArgs,
    /// See [`CareArgs`].
    #[command(flatten)]
    pub care: CareArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}
