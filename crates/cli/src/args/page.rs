//! [`HeadArgs`] and [`PageArgs`]: how much of a list, and in which form.

use clap::Args;

use crate::args::Format;

/// How much of a list is shown, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct HeadArgs {
    /// At most so many, 1 to 1000
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// Which part of a long list.
#[derive(Debug, Clone, Default, Args)]
pub struct PageArgs {
    /// See [`HeadArgs`].
    #[command(flatten)]
    pub head: HeadArgs,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}
