//! `pab plugins` and `pab capabilities`.

use clap::Subcommand;
use pabawi::PluginName;

use super::Format;

/// `pab plugins`.
#[derive(Debug, Clone, Subcommand)]
pub enum PluginsCommand {
    /// Show all of them and how they stand
    List {
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Show everything about one
    Show {
        /// Its name, as pab plugins list shows it
        plugin: PluginName,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Yaml)]
        format: Format,
    },
    /// Ask how they are; exit status 1 says that one of them is not well
    Health {
        /// Only this one
        plugin: Option<PluginName>,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
}

/// `pab capabilities`.
#[derive(Debug, Clone, Subcommand)]
pub enum CapabilitiesCommand {
    /// Show what the plugins can do; of several with the same the one that goes first comes first
    List {
        /// Only those of this plugin
        #[arg(long, value_name = "PLUGIN")]
        plugin: Option<PluginName>,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Show everything about one, with the schema of its parameters
    Show {
        /// Its name, as pab capabilities list shows it, such as command.execute
        name: String,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Yaml)]
        format: Format,
    },
}
