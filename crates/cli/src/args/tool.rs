//! [`ToolArgs`]: the options of what a tool does on nodes: tasks, playbooks, plans, packages.

use clap::Args;

use crate::args::{CareArgs, ConnectArgs, ExecutionArgs, OutputStyleArgs, ProviderArgs, SelectionArgs};

/// What a tool is to do.
#[derive(Debug, Clone, Args)]
pub struct ToolArgs {
    /// The tool's name of it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Parameters: NAME=TEXT, read as the type that the plugin's schema says, or NAME:=JSON
    #[arg(value_name = "PARAMETER=VALUE")]
    pub words: Vec<String>,
    /// See [`ProviderArgs`].
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// See [`ParameterArgs`].
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// See [`SelectionArgs`].
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// See [`ConnectArgs`].
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// See [`ExecutionArgs`].
    #[command(flatten)]
    pub execution: ExecutionArgs,
    /// See [`CareArgs`].
    #[command(flatten)]
    pub care: CareArgs,
    /// See [`OutputStyleArgs`].
    #[command(flatten)]
    pub output: OutputStyleArgs,
}

/// Parameters that have no option of their own.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Parameters")]
pub struct ParameterArgs {
    /// All parameters at once: a JSON object, @FILE with one, or '-' for standard input; single options go before it
    #[arg(long, value_name = "JSON")]
    pub params: Option<String>,

    /// A parameter that is a secret: its JSON pointer, and where it comes from; may be given several times
    ///
    /// /password alone asks for it on the terminal; /password=@FILE reads a file, /password=- standard input,
    /// /password=env:NAME a variable. It is used, never shown and never stored.
    #[arg(long, value_name = "POINTER[=@FILE]")]
    pub secret_param: Vec<String>,
}
