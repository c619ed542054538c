//! [`Cli`]: the whole command line.

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use pabawi::Component;

use crate::args::{
    ApplyArgs, CapabilitiesCommand, ConfigCommand, CopyCommand, DatabaseName, DbCommand, DialectArgs,
    ExecutionsCommand, FactsCommand, Format, GraphCommand, InventoryCommand, JournalCommand, PlanCommand,
    PluginsCommand, RunArgs, ScriptArgs, SourceArgs,
};
use crate::config::JournalConfig;
use crate::guard::Guard;
use crate::plugins::Plugins;

/// What stands at the end of every help text.
pub(crate) const EXIT_STATUS: &str = "\
Exit status:
  0    all nodes succeeded
  1    some nodes, or all of them, did not succeed
  2    bad usage: an option, a target, an inventory or a request is not valid; nothing was started
  3    nothing could run: no node could be reached, or history could not be opened or written
  4    refused by a policy or permission; nothing was started
  130  cancelled

Files:
  $XDG_CONFIG_HOME/pabawi/config.toml   defaults of options, plugins, permissions (~/.config/pabawi/config.toml), see pab config
  /etc/pabawi/config.toml               the same for all users; permissions of this one go before the user's
  $XDG_DATA_HOME/pabawi/executions.db   history (~/.local/share/pabawi/executions.db), see --db

Environment:
  PABAWI_CONFIG     configuration file in place of the user's
  PABAWI_DB         as --db
  PABAWI_INVENTORY  as --inventory
  PABAWI_LOG        as --log-level
  NO_COLOR          as --no-color, when it is set and not empty";

/// Run commands, scripts and copies on many nodes, and look at what happened
#[derive(Debug, Clone, Parser)]
#[command(
    name = "pab",
    version,
    about,
    long_about = "Run commands, scripts and copies on many nodes over SSH, watch them, and look at what happened later.\n\n\
        Every execution is recorded: pab executions list.",
    after_long_help = EXIT_STATUS,
    after_help = "Exit status: 0 all succeeded, 1 some failed, 2 usage, 3 nothing could run, 4 refused, 130 cancelled.\n\
        See --help for more.",
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 110,
    styles = Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default().bold())
        .placeholder(AnsiColor::Cyan.on_default())
)]
pub struct Cli {
    /// See [`GlobalArgs`].
    #[command(flatten)]
    pub global: GlobalArgs,
    /// See [`Command`].
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Where executions are remembered: a SQLite file, or a PostgreSQL database as postgres://user@host:port/database, whose
    /// password comes from PGPASSWORD or ~/.pgpass [default: $XDG_DATA_HOME/pabawi/executions.db]
    #[arg(
        long,
        global = true,
        value_name = "PATH|URL",
        env = "PABAWI_DB",
        hide_env = true,
        value_parser = DatabaseName::parser(),
        value_hint = ValueHint::AnyPath
    )]
    pub db: Option<DatabaseName>,

    /// Never use colour; also when NO_COLOR is set, and where the output is no terminal
    #[arg(long, global = true)]
    pub no_color: bool,

    /// What is logged to standard error: off, error, warn, info, debug, trace, or a filter such as
    /// pabawi_engine=debug,warn [default: warn, without the failures of nodes, which are shown anyway]
    #[arg(long, global = true, value_name = "FILTER", env = "PABAWI_LOG", hide_env = true)]
    pub log_level: Option<String>,

    /// In which form is logged
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Write what was measured into this file at the end, in Prometheus' text format: for the textfile collector of
    /// node_exporter
    #[arg(long, global = true, value_name = "PATH")]
    pub metrics_file: Option<PathBuf>,

    /// Send executions as traces to this collector of OpenTelemetry by OTLP over HTTP, for example http://127.0.0.1:4318
    #[cfg(feature = "otlp")]
    #[arg(long, global = true, value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// The plugins that are configured; not an option.
    #[arg(skip)]
    pub(crate) plugins: Plugins,
    /// What is journalled and how long it is kept, by the configuration.
    #[arg(skip)]
    pub(crate) journal: Arc<JournalConfig>,

    /// Who decides about callers; not an option.
    #[arg(skip)]
    pub(crate) guard: Guard,

    /// Defaults of the configuration files by the names of their options; not an option.
    #[arg(skip)]
    pub(crate) defaults: Vec<(String, Vec<String>)>,
}

/// In which form is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is to be done.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run a command line on nodes
    ///
    /// The output of the nodes comes line by line as they print it, after each node's name; their stderr goes
    /// to standard error. On a terminal, control characters and invalid UTF-8 are shown escaped (\x1b); into a
    /// file or pipe, the bytes go as they are. Ctrl-C cancels and tells what could not be confirmed; a second
    /// Ctrl-C leaves at once. SIGTERM, SIGHUP and a closed pipe on standard output cancel too.
    #[command(after_long_help = EXIT_STATUS)]
    Run(Box<RunArgs>),
    /// Bring a script to nodes, run it there and remove it
    #[command(after_long_help = EXIT_STATUS)]
    Script(Box<ScriptArgs>),
    /// Copy files to nodes and from nodes
    #[command(subcommand)]
    Copy(Box<CopyCommand>),
    /// Show what run, script or copy would do, without connecting anywhere, and keep it as a plan
    ///
    /// The options are those of run, script and copy. Shown are the nodes with the way to each, the waves, limits,
    /// permissions, circuit breakers and known host keys, and a hash over everything that decides what would happen.
    /// pab apply HASH does it later, if that is still what would happen. With --quiet only the hash is written.
    #[command(subcommand)]
    Plan(Box<PlanCommand>),
    /// Do what a plan says, or refuse with the difference when something has changed since
    #[command(after_long_help = EXIT_STATUS)]
    Apply(Box<ApplyArgs>),
    /// Run tasks that need each other, and look at what became of them
    #[command(subcommand)]
    Graph(Box<GraphCommand>),
    /// Look at executions, end them, run them again
    #[command(subcommand, visible_alias = "exec")]
    Executions(Box<ExecutionsCommand>),
    /// Look at what happened to nodes, and write notes on them
    ///
    /// Every execution leaves an entry on each of its nodes, beside what plugins tell and people write. Entries are added and
    /// never changed.
    #[command(subcommand)]
    Journal(Box<JournalCommand>),
    /// Look at circuit breakers: what is not asked for a while, because it failed again and again
    #[command(subcommand)]
    Breakers(BreakersCommand),
    /// Look at what the sources of nodes know, and where each field comes from
    ///
    /// Exit status 1 says that a source failed: what is shown is what the others know.
    #[command(subcommand, visible_alias = "inv")]
    Inventory(Box<InventoryCommand>),
    /// Show what is known of nodes: system, network, hardware, and facts of your own
    ///
    /// Facts are gathered by a script in POSIX sh, which needs nothing on the node, by Facter where a node has it, and from
    /// what the inventory tells. They are kept in the database and hold for a while. Exit status 1 says that a provider
    /// failed for some node: what is shown is what the others know.
    #[command(subcommand, after_long_help = EXIT_STATUS)]
    Facts(Box<FactsCommand>),
    /// Look at the plugins: which there are, how they stand and how they are
    #[command(subcommand)]
    Plugins(PluginsCommand),
    /// Look at what the plugins can do
    #[command(subcommand)]
    Capabilities(CapabilitiesCommand),
    /// Try out target expressions
    #[command(subcommand)]
    Targets(TargetsCommand),
    /// Look after the database: what is in it, whether it is sound, a copy of it
    #[command(subcommand)]
    Db(DbCommand),
    /// Look at the configuration files: where they are, what they say, what is wrong with them
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the completions of a shell to standard output
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the manual page to standard output, or all pages to a directory
    Man(ManArgs),
}

/// `pab breakers`.
#[derive(Debug, Clone, Subcommand)]
pub enum BreakersCommand {
    /// Show those that are not closed
    List {
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Close one, so that what stands behind it is asked again
    Reset {
        /// node:NAME, group:NAME or plugin:NAME, as pab breakers list shows it
        component: Component,
    },
}

/// `pab targets`.
#[derive(Debug, Clone, Subcommand)]
pub enum TargetsCommand {
    /// Show the nodes that an expression selects
    ///
    /// Names and ranges need no source of nodes. Nothing is connected to; the history is opened only when the
    /// expression asks for it with last(...).
    Expand {
        /// Target expression; several are all meant
        #[arg(value_name = "EXPR", required = true)]
        expression: Vec<String>,
        /// See [`DialectArgs`].
        #[command(flatten)]
        dialect: DialectArgs,
        /// See [`SourceArgs`].
        #[command(flatten)]
        sources: SourceArgs,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Write the nodes that an expression selects in their shortest form: web[01-20]
    Fold {
        /// Target expression; without any, names and ranges are read from standard input
        #[arg(value_name = "EXPR")]
        expression: Vec<String>,
        /// See [`DialectArgs`].
        #[command(flatten)]
        dialect: DialectArgs,
        /// See [`SourceArgs`].
        #[command(flatten)]
        sources: SourceArgs,
    },
    /// Show what each term of an expression selects, and what it does to the result
    Explain {
        /// Target expression; several are all meant
        #[arg(value_name = "EXPR", required = true)]
        expression: Vec<String>,
        /// Say which term brings these nodes in or takes them out; names and ranges, may be given several times
        #[arg(long, value_name = "NAMES")]
        node: Vec<String>,
        /// See [`DialectArgs`].
        #[command(flatten)]
        dialect: DialectArgs,
        /// See [`SourceArgs`].
        #[command(flatten)]
        sources: SourceArgs,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
}

/// `pab man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Write one page for each subcommand into this directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
