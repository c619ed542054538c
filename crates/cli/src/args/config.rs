//! `pab config`.

use clap::Subcommand;

use super::Format;

/// `pab config`.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Show where configuration files are looked for, and which there are
    Path {
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Show every value and where it comes from: an option, the environment, a line of a file, or pab itself
    Show {
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Tell everything that is wrong with the files, each with its line
    Check,
}
