//! The options of `plan` and `apply`.

use clap::{Args, Subcommand};

use crate::args::{CopyCommand, Format, HeadArgs, OutputStyleArgs, RerunSecretArgs, RunArgs, ScriptArgs};

/// `pab plan`: what would be done, with the options of the command that would do it.
#[derive(Debug, Clone, Subcommand)]
pub enum PlanCommand {
    /// Plan to run a command line on nodes
    Run(Box<RunArgs>),
    /// Plan to bring a script to nodes and run it there
    Script(Box<ScriptArgs>),
    /// Plan to copy files to nodes or from nodes
    #[command(subcommand)]
    Copy(Box<CopyCommand>),
    /// List the plans that are kept, newest first
    List(HeadArgs),
    /// Show a plan that is kept, as it was made
    ///
    /// Permissions, circuit breakers and known host keys are not part of a plan; they count when it is applied.
    Show(PlanShowArgs),
}

/// `pab plan show`.
#[derive(Debug, Clone, Args)]
pub struct PlanShowArgs {
    /// Hash of the plan, the beginning of one, or 'last' for the plan that was made last
    #[arg(value_name = "HASH")]
    pub hash: String,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab apply`.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// Hash of the plan, the beginning of one, or 'last' for the plan that was made last
    #[arg(value_name = "HASH")]
    pub hash: String,

    /// Apply a plan that was applied before
    #[arg(long)]
    pub again: bool,

    /// Ask for the login password on the terminal, as the plan did
    #[arg(long)]
    pub ask_password: bool,
    /// See [`RerunSecretArgs`].
    #[command(flatten)]
    pub secrets: RerunSecretArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}
