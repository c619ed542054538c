//! The options of `pab graph`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::root::EXIT_STATUS;
use crate::args::{ConnectArgs, Format, PageArgs, RerunSecretArgs, SourceArgs};

/// `pab graph`.
#[derive(Debug, Clone, Subcommand)]
pub enum GraphCommand {
    /// Check a graph file and tell everything that is wrong with it
    ///
    /// Nothing is opened or connected to. Every fault is told with file, line, column and field; the exit status is
    /// 2 then.
    Check(GraphFileArgs),
    /// Show the order of a graph: its waves, and what each task does where
    Show(GraphShowArgs),
    /// Run a graph: each task once what it comes after has ended, the others side by side
    ///
    /// It tells which task has started and ended, and at the end how each one stands. Every task is an execution of
    /// its own: pab executions show. Ctrl-C cancels what runs and skips the rest; a second Ctrl-C leaves at once. A
    /// run whose process died goes on with pab graph resume.
    #[command(after_long_help = EXIT_STATUS)]
    Run(Box<GraphRunArgs>),
    /// Show where a graph run and its tasks stand
    Status(GraphStatusArgs),
    /// List graph runs, newest first
    List(GraphListArgs),
    /// End a graph run: what runs is ended, what waits is skipped; works from another terminal too
    Cancel(GraphCancelArgs),
    /// Go on with a graph run whose process died
    ///
    /// What has ended is not touched. A task that was being run is gone on with on the nodes on which nothing was
    /// run, and goes back to its detached commands. Where another command was running when the process died, nobody knows what came of it: such nodes are told, and
    /// run again only with --rerun-unknown. Until then their task stays interrupted, and what comes after it waits.
    #[command(after_long_help = EXIT_STATUS)]
    Resume(Box<GraphResumeArgs>),
}

/// Which graph.
#[derive(Debug, Clone, Args)]
pub struct GraphFileArgs {
    /// Graph file in YAML or JSON; '-' reads it from standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `pab graph show`.
#[derive(Debug, Clone, Args)]
pub struct GraphShowArgs {
    /// See [`GraphFileArgs`].
    #[command(flatten)]
    pub file: GraphFileArgs,
    /// In which form it is written
    ///
    /// dot is the language of Graphviz: pab graph show FILE --format dot | dot -Tsvg > graph.svg
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = GraphFormat::Table)]
    pub format: GraphFormat,
}

/// In which form a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a task.
    Ndjson,
    /// One YAML document.
    Yaml,
    /// A picture, for Graphviz.
    Dot,
}

/// Options of how a graph run is shown.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct GraphOutputArgs {
    /// In which form results are written
    ///
    /// table: what starts and ends on standard error as it happens, then how each task stands. json, yaml: one
    /// document at the end. ndjson: one event a line as it happens.
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,

    /// Show neither what starts and ends nor the summary
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

/// `pab graph run`.
#[derive(Debug, Clone, Args)]
pub struct GraphRunArgs {
    /// See [`GraphFileArgs`].
    #[command(flatten)]
    pub file: GraphFileArgs,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// See [`GraphOutputArgs`].
    #[command(flatten)]
    pub output: GraphOutputArgs,
}

/// `pab graph status`.
#[derive(Debug, Clone, Args)]
pub struct GraphStatusArgs {
    /// Id of the graph run, the beginning of one, or 'last'
    pub id: String,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab graph list`.
#[derive(Debug, Clone, Default, Args)]
pub struct GraphListArgs {
    /// It stands here: queued, running, completed, partial, failed, cancelled, interrupted; may be given
    /// several times
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<String>,
    /// See [`PageArgs`].
    #[command(flatten)]
    pub page: PageArgs,
}

/// `pab graph cancel`.
#[derive(Debug, Clone, Args)]
pub struct GraphCancelArgs {
    /// Id of the graph run, the beginning of one, or 'last'
    pub id: String,
}

/// `pab graph resume`.
#[derive(Debug, Clone, Args)]
pub struct GraphResumeArgs {
    /// Id of the graph run, the beginning of one, or 'last'
    pub id: String,
    /// Run again also where nobody knows what came of it; what is done there may then be done twice
    #[arg(long)]
    pub rerun_unknown: bool,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// See [`RerunSecretArgs`].
    #[command(flatten)]
    pub secrets: RerunSecretArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// See [`GraphOutputArgs`].
    #[command(flatten)]
    pub output: GraphOutputArgs,
}
