//! [`CallArgs`]: the options of what a plugin answers at once.

use clap::Args;

use crate::args::{CareArgs, Format, ParameterArgs, ProviderArgs, SourceArgs};

/// What a plugin is asked.
#[derive(Debug, Clone, Args)]
pub struct CallArgs {
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`ParameterArgs`].
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// Nodes that it is about: a target expression; may be given several times
    #[arg(short = 't', long, visible_alias = "node", value_name = "EXPR", help_heading = "Nodes")]
    pub targets: Vec<String>,
    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
    /// See [`CareArgs`].
    #[command(flatten)]
    pub care: CareArgs,
    /// Give the request a correlation id, which is shown and stands in logs
    #[arg(long, help_heading = "Output")]
    pub debug: bool,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table, help_heading = "Output")]
    pub format: Format,
}
