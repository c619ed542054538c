//! The options of `pab graph`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
