//! `pab inventory`: [`InventoryCommand`].

use clap::{Args, Subcommand};

use super::{Format, SourceArgs};

/// `pab inventory`.
#[derive(Debug, Clone, Subcommand)]
pub enum InventoryCommand {
    /// Show the nodes that the sources know, or those of them that an expression selects
    List(InventoryListArgs),
    /// Show where each field of a node comes from, and what other sources say of it
    Explain(InventoryExplainArgs),
    /// Show the groups, their members and the sources that have them
    Groups(InventoryGroupsArgs),
    /// Ask every source and show how it did: nodes, time, age, errors
    Sources(InventorySourcesArgs),
}

/// `pab inventory list`.
#[derive(Debug, Clone, Args)]
pub struct InventoryListArgs {
    /// Target expression [default: all]
    #[arg(value_name = "EXPR")]
    pub expression: Vec<String>,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab inventory explain`.
#[derive(Debug, Clone, Args)]
pub struct InventoryExplainArgs {
    /// The node, by its id or another of its names
    #[arg(value_name = "NODE")]
    pub node: String,
    /// Only this field: host, port, groups, metadata.rack
    #[arg(value_name = "FIELD")]
    pub field: Option<String>,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab inventory groups`.
#[derive(Debug, Clone, Args)]
pub struct InventoryGroupsArgs {
    /// Only these groups
    #[arg(value_name = "GROUP")]
    pub names: Vec<String>,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab inventory sources`.
#[derive(Debug, Clone, Args)]
pub struct InventorySourcesArgs {
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}
