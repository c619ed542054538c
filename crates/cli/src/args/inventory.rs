//! `pab inventory`: [`InventoryCommand`].

use clap::{Args, Subcommand, ValueEnum};

use super::{Format, ProviderArgs, SourceArgs};

/// `pab inventory`.
#[derive(Debug, Clone, Subcommand)]
pub enum InventoryCommand {
    /// Show the nodes that the sources know, or those of them that an expression selects
    List(InventoryListArgs),
    /// Write the whole inventory as one document, in the common form or in that of a tool
    Show(InventoryShowArgs),
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
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab inventory show`.
#[derive(Debug, Clone, Args)]
pub struct InventoryShowArgs {
    /// Whose form is written
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t = InventoryForm::Common)]
    pub form: InventoryForm,
    /// As an inventory script is called by Ansible: everything at once; the same as leaving it out
    #[arg(long)]
    pub list: bool,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
}

/// Whose form an inventory is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InventoryForm {
    /// Nodes and groups as pab knows them, JSON.
    Common,
    /// As ansible-inventory --list writes it, JSON.
    Ansible,
    /// A Bolt inventory of version 2, YAML.
    Bolt,
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
