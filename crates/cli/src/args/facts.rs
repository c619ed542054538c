//! `pab facts`: [`FactsCommand`].

use std::time::Duration;

use clap::{Args, Subcommand};

use pabawi::parse_duration;

use super::{ConnectArgs, Format, ProviderArgs, SourceArgs};

/// `pab facts`.
#[derive(Debug, Clone, Subcommand)]
pub enum FactsCommand {
    /// Show the facts of nodes; those that are too old are collected first
    Show(FactsShowArgs),
    /// Show one fact of nodes, or those below it; exit status 1 when a node does not have it
    Get(FactsGetArgs),
    /// Name the nodes whose stored facts meet a condition; nothing is collected for it
    Query(FactsQueryArgs),
    /// Collect the facts of nodes anew, whatever is stored
    Refresh(FactsRefreshArgs),
    /// Show which provider each fact comes from, and what others say of it
    Explain(FactsExplainArgs),
}

/// On which nodes, how they are reached, and how old facts may be.
#[derive(Debug, Clone, Args)]
pub struct FactsCollectArgs {
    /// No older than this, such as 5m [default: 15m for what is gathered on nodes]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_age: Option<Duration>,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab facts show`.
#[derive(Debug, Clone, Args)]
pub struct FactsShowArgs {
    /// Target expression
    #[arg(value_name = "NODES", required = true)]
    pub nodes: Vec<String>,
    /// Beside the merged facts, those of each provider and what its tool said; needs --format json, ndjson or yaml
    #[arg(long, conflicts_with = "pabawi")]
    pub raw: bool,
    /// In the shape that Pabawi's interfaces have; needs --format json, ndjson or yaml
    #[arg(long)]
    pub pabawi: bool,
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`FactsCollectArgs`].
    #[command(flatten)]
    pub collect: FactsCollectArgs,
}

/// `pab facts get`.
#[derive(Debug, Clone, Args)]
pub struct FactsGetArgs {
    /// The fact: keys joined by dots, such as os.family or networking.interfaces.eth0.ip
    #[arg(value_name = "PATH")]
    pub path: String,
    /// Target expression
    #[arg(value_name = "NODES", required = true)]
    pub nodes: Vec<String>,
    /// See [`FactsCollectArgs`].
    #[command(flatten)]
    pub collect: FactsCollectArgs,
}

/// `pab facts query`.
#[derive(Debug, Clone, Args)]
pub struct FactsQueryArgs {
    /// PATH alone (it is there), PATH=VALUE, PATH!=VALUE, PATH~REGEX, PATH<VALUE, PATH<=VALUE, PATH>VALUE, PATH>=VALUE
    ///
    /// Texts that hold digits are compared as versions: 12.10 is more than 12.9. Of a list, one item is enough.
    #[arg(value_name = "CONDITION")]
    pub condition: String,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab facts refresh`.
#[derive(Debug, Clone, Args)]
pub struct FactsRefreshArgs {
    /// Target expression
    #[arg(value_name = "NODES", required = true)]
    pub nodes: Vec<String>,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab facts explain`.
#[derive(Debug, Clone, Args)]
pub struct FactsExplainArgs {
    /// The node
    #[arg(value_name = "NODE")]
    pub node: String,
    /// Only this fact and those below it
    #[arg(value_name = "PATH")]
    pub path: Option<String>,
    /// See [`FactsCollectArgs`].
    #[command(flatten)]
    pub collect: FactsCollectArgs,
}
