//! [`Format`]: in which form results are written.

use clap::ValueEnum;

/// In which form results are written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people: output as it comes, tables.
    #[default]
    #[value(alias = "human")]
    Table,
    /// One JSON document at the end.
    Json,
    /// One JSON object a line, each as soon as it is known.
    Ndjson,
    /// One YAML document at the end.
    Yaml,
}
