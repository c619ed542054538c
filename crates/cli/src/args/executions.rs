//! The options of `pab executions`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::run::OutputStyleArgs;
use crate::args::{
    BreakerArgs, ExecutionsPruneArgs, Format, LoginArgs, MemoryArgs, PageArgs, SourceArgs, TrustArgs,
};

/// `pab executions`.
#[derive(Debug, Clone, Subcommand)]
pub enum ExecutionsCommand {
    /// List executions, newest first
    List(ListArgs),
    /// Count executions by where they stand
    Totals(TotalsArgs),
    /// Show one execution with the results of its nodes
    Show(ShowArgs),
    /// Write the stored output of an execution, byte for byte
    Output(OutputArgs),
    /// Write the events of an execution, one JSON object a line
    Events(EventsArgs),
    /// Tell where the time of an execution went: by phase over all nodes, and for the slowest nodes
    ExplainSlow(ExplainSlowArgs),
    /// Write all that is remembered of an execution as JSON: its nodes, attempts, events, outputs and journal
    Export(ExportArgs),
    /// Write one page about an execution that needs no other file: its nodes in time, equal outputs once with what
    /// sets the others apart, and what did not succeed
    Report(ReportArgs),
    /// End an execution or some of its nodes; works from another terminal too
    Cancel(CancelArgs),
    /// Run an execution again, on the nodes that failed or on chosen ones
    Rerun(RerunArgs),
    /// Go on with an execution whose process died: at its wave, on the nodes on which nothing was run, and with the
    /// detached commands that were started
    Resume(ResumeArgs),
    /// Remove old executions and outputs, in small steps that keep nobody from writing
    ///
    /// Executions that are not over stay. An output goes with the last execution that has it; entries of the journal stay.
    /// Without a limit, those of the section [retention] of the configuration hold.
    Prune(ExecutionsPruneArgs),
}

/// `pab executions list`.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// See [`HistoryArgs`].
    #[command(flatten)]
    pub history: HistoryArgs,
    /// See [`PageArgs`].
    #[command(flatten)]
    pub page: PageArgs,
}

/// `pab executions totals`.
#[derive(Debug, Clone, Default, Args)]
pub struct TotalsArgs {
    /// See [`HistoryArgs`].
    #[command(flatten)]
    pub history: HistoryArgs,
    /// In which form they are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// Which executions are meant; all that is given must hold.
#[derive(Debug, Clone, Default, Args)]
pub struct HistoryArgs {
    /// Submitted at or after: RFC 3339, a day, or an age such as 2h or 3d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Submitted before: RFC 3339, a day, or an age such as 2h or 3d
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Asked for by this user
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// This node was among its targets
    #[arg(long, value_name = "NODE")]
    pub target: Option<String>,
    /// It stands here: queued, running, completed, partial, failed, cancelled, interrupted; may be given
    /// several times
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<String>,
    /// The command line, script name or path contains this text
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// This plugin or transport did it on one of its nodes or more
    #[arg(long, value_name = "PLUGIN")]
    pub plugin: Option<String>,
    /// It carries this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
}

/// `pab executions show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab executions output`.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// Only of these nodes (names and ranges); may be given several times
    #[arg(long, value_name = "NODES")]
    pub node: Vec<String>,
    /// Only this stream; the bytes go to standard output as they are
    ///
    /// Without it, stdout of the nodes goes to standard output and stderr to standard error.
    #[arg(long, value_enum, value_name = "STREAM")]
    pub stream: Option<StreamArg>,
    /// Show equal outputs once, with the nodes folded: web[01-20] (20)
    #[arg(short = 'g', long)]
    pub group: bool,
}

/// One of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StreamArg {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}

/// `pab executions events`.
#[derive(Debug, Clone, Args)]
pub struct EventsArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// From this sequence number
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    pub from: u64,
    /// Wait for more until the execution ends
    #[arg(long)]
    pub follow: bool,
}

/// `pab executions explain-slow`.
#[derive(Debug, Clone, Args)]
pub struct ExplainSlowArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// Show this many of the slowest nodes
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub top: usize,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab executions export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// One JSON document, or one part a line
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = ExportFormat::Json)]
    pub format: ExportFormat,
    /// Write to this file, which only you may read, and not to standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One document.
    Json,
    /// One part a line.
    Ndjson,
}

/// `pab executions report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// As a page of HTML, the only form there is
    #[arg(long, required = true)]
    pub html: bool,
    /// Write to this file, which only you may read, and not to standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `pab executions cancel`.
#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// Only these nodes (names and ranges); may be given several times
    #[arg(long, value_name = "NODES")]
    pub node: Vec<String>,
    /// End processes at once with SIGKILL instead of SIGTERM first
    #[arg(long)]
    pub kill: bool,
}

/// `pab executions rerun`.
#[derive(Debug, Clone, Args)]
#[command(group(clap::ArgGroup::new("which").args(["failed", "not_started", "not_succeeded", "all", "node"]).required(true)))]
pub struct RerunArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// On the nodes that were started and did not succeed, or of which that is not known
    #[arg(long)]
    pub failed: bool,
    /// On the nodes on which nothing was run: skipped, or cancelled before their turn
    #[arg(long)]
    pub not_started: bool,
    /// On all nodes that did not succeed, for whatever reason
    #[arg(long)]
    pub not_succeeded: bool,
    /// On all nodes
    #[arg(long)]
    pub all: bool,
    /// On these nodes (names and ranges); may be given several times
    #[arg(long, value_name = "NODES")]
    pub node: Vec<String>,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// See [`RerunSecretArgs`].
    #[command(flatten)]
    pub secrets: RerunSecretArgs,
    /// See [`MemoryArgs`].
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// See [`BreakerArgs`].
    #[command(flatten)]
    pub breakers: BreakerArgs,
    /// See [`LoginArgs`].
    #[command(flatten)]
    pub login: LoginArgs,
    /// See [`TrustArgs`].
    #[command(flatten)]
    pub trust: TrustArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}

/// `pab executions resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Execution id, the beginning of one, or 'last'
    pub id: String,
    /// Also on the nodes on which the process died while the command ran; what it does may then be done twice
    #[arg(long)]
    pub rerun_unknown: bool,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// See [`RerunSecretArgs`].
    #[command(flatten)]
    pub secrets: RerunSecretArgs,
    /// See [`MemoryArgs`].
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// See [`BreakerArgs`].
    #[command(flatten)]
    pub breakers: BreakerArgs,
    /// See [`TrustArgs`].
    #[command(flatten)]
    pub trust: TrustArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}

/// Secrets of the original request: they were not stored and have to be given again.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Secrets, which are not stored and have to be given again")]
pub struct RerunSecretArgs {
    /// Secret environment variable of the original request; may be given several times
    ///
    /// The value is taken from pab's own environment, or asked for on the terminal when it is not set there.
    #[arg(long, value_name = "NAME")]
    pub secret_env: Vec<String>,
    /// Ask on the terminal for the password that sudo, su or doas wants
    #[arg(long, conflicts_with = "run_as_password_file")]
    pub ask_run_as_password: bool,
    /// File whose first line is the password that sudo, su or doas wants
    #[arg(long, value_name = "FILE")]
    pub run_as_password_file: Option<PathBuf>,
    /// What the process of the original request reads, where that was a secret: a file, or '-' for pab's standard input
    #[arg(long, value_name = "FILE")]
    pub secret_stdin: Option<PathBuf>,
    /// Secret parameter of a tool: its JSON pointer, and where it comes from; may be given several times
    ///
    /// /password alone asks for it on the terminal; /password=@FILE reads a file, /password=- standard input,
    /// /password=env:NAME a variable.
    #[arg(long, value_name = "POINTER[=@FILE]")]
    pub secret_param: Vec<String>,
}
