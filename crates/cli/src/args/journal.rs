//! The options of `pab journal`, and those of forgetting what is old.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use pabawi::{ActionKind, PluginName, parse_duration};

use crate::args::{Format, PageArgs};

/// `pab journal`.
#[derive(Debug, Clone, Subcommand)]
pub enum JournalCommand {
    /// List entries of all nodes, newest first
    List(JournalListArgs),
    /// Show what happened to a node, newest first
    Show {
        /// The node
        #[arg(value_name = "NODE")]
        node: String,
        /// Ask the plugins what they know of it now, and show that too; nothing of it is stored
        #[arg(long)]
        live: bool,
        /// See [`JournalFilterArgs`].
        #[command(flatten)]
        filter: JournalFilterArgs,
        /// See [`PageArgs`].
        #[command(flatten)]
        page: PageArgs,
    },
    /// Find entries by words of their texts, or beginnings of words; all of them have to be there
    Search {
        /// The words; letters and digits are looked at, everything else only separates them
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<String>,
        /// See [`JournalListArgs`].
        #[command(flatten)]
        list: JournalListArgs,
    },
    /// Write a note on a node
    Note {
        /// The node
        #[arg(value_name = "NODE")]
        node: String,
        /// The text, 1 to 5000 characters; - reads it from standard input
        #[arg(value_name = "TEXT", allow_hyphen_values = true)]
        text: String,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Change a note of your own, or look at what it was before
    #[command(subcommand)]
    Notes(NotesCommand),
    /// Look whether the entries are what was written
    ///
    /// Every entry holds a hash over itself and the entry before it of its node, so that one that was edited, removed or
    /// inserted is found. Exit status 1 says that something is wrong.
    Verify {
        /// The node; every node when it is not given
        #[arg(value_name = "NODE")]
        node: Option<String>,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Remove old entries, in small steps that keep nobody from writing
    ///
    /// Without a limit, those of the section [journal.retention] of the configuration hold.
    Prune(JournalPruneArgs),
}

/// `pab journal notes`.
#[derive(Debug, Clone, Subcommand)]
pub enum NotesCommand {
    /// Write another version of a note of your own; those before stay
    Edit {
        /// The id of any version of the note
        #[arg(value_name = "ID")]
        id: String,
        /// The text, 1 to 5000 characters; - reads it from standard input
        #[arg(value_name = "TEXT", allow_hyphen_values = true)]
        text: String,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Show all versions of a note, the first one first
    History {
        /// The id of any version of the note
        #[arg(value_name = "ID")]
        id: String,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
}

/// `pab journal list`.
#[derive(Debug, Clone, Default, Args)]
pub struct JournalListArgs {
    /// Of this node; may be given several times
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub node: Vec<String>,
    /// See [`JournalFilterArgs`].
    #[command(flatten)]
    pub filter: JournalFilterArgs,
    /// See [`PageArgs`].
    #[command(flatten)]
    pub page: PageArgs,
}

/// Which entries.
#[derive(Debug, Clone, Default, Args)]
pub struct JournalFilterArgs {
    /// Of this type, such as command_execution or note; may be given several times
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub event_type: Vec<String>,
    /// Told by this plugin or transport, user or system; may be given several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub source: Vec<String>,
    /// Done by this user; may be given several times
    #[arg(long, value_name = "USER", value_delimiter = ',')]
    pub user: Vec<String>,
    /// That ended so, such as succeeded or exited; may be given several times
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<String>,
    /// Of this execution
    #[arg(long, value_name = "ID")]
    pub execution: Option<String>,
    /// At or after: RFC 3339, a day, or an age such as 2h or 3d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before: RFC 3339, a day, or an age such as 2h or 3d
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Also notes as they were before they were changed
    #[arg(long)]
    pub superseded: bool,
}

/// How long something is kept.
#[derive(Debug, Clone, Default, Args)]
pub struct LimitArgs {
    /// Remove what is older, such as 90d
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// Keep only so many, the newest
    #[arg(long, value_name = "N")]
    pub keep: Option<u64>,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub plan: bool,
    /// In which form results are written
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
}

/// `pab journal prune`.
#[derive(Debug, Clone, Default, Args)]
pub struct JournalPruneArgs {
    /// Entries of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Entries told by this plugin or transport, user or system
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// See [`LimitArgs`].
    #[command(flatten)]
    pub limit: LimitArgs,
}

/// `pab executions prune`.
#[derive(Debug, Clone, Default, Args)]
pub struct ExecutionsPruneArgs {
    /// Executions that do this
    #[arg(long = "type", value_name = "TYPE", value_parser = action_kind())]
    pub action_kind: Option<ActionKind>,
    /// Executions that this plugin or transport did, on one of their nodes or more
    #[arg(long, value_name = "PLUGIN", value_parser = str::parse::<PluginName>)]
    pub plugin: Option<PluginName>,
    /// Remove the content of outputs that only older executions have, such as 30d; the executions stay and say how long it was
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    pub outputs_older_than: Option<Duration>,
    /// Keep the content of the outputs of only so many executions, the newest
    #[arg(long, value_name = "N")]
    pub outputs_keep: Option<u64>,
    /// See [`LimitArgs`].
    #[command(flatten)]
    pub limit: LimitArgs,
}

fn action_kind() -> impl TypedValueParser<Value = ActionKind> {
    PossibleValuesParser::new(ActionKind::ALL.map(ActionKind::as_str))
        .try_map(|word| ActionKind::from_word(&word).ok_or("is no type of execution"))
}
