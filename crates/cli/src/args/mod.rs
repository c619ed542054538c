//! What can be typed: the options of `pab`, as types that clap reads. Nothing is looked up or opened here.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "the comments on options are help texts, in which brackets are node sets"
)]

mod call;
mod care;
mod config;
mod connect;
mod db;
mod duration;
mod executions;
mod facts;
mod format;
mod graph;
mod inventory;
mod journal;
mod page;
mod plan;
mod plugins;
mod process;
mod provider;
mod rollout;
mod root;
mod run;
mod selection;
mod size;
mod time;
mod tool;

pub use call::CallArgs;
pub use care::CareArgs;
pub use config::ConfigCommand;
pub use connect::{ConnectArgs, HostKeysArg, LoginArgs, TransportArg, TrustArgs};
pub use db::{DatabaseName, DbCommand};
pub use duration::format_duration;
pub use executions::{
    CancelArgs, EventsArgs, ExecutionsCommand, ExplainSlowArgs, ExportArgs, ExportFormat, HistoryArgs,
    ListArgs, OutputArgs, ReportArgs, RerunArgs, RerunSecretArgs, ResumeArgs, ShowArgs, StreamArg,
    TotalsArgs,
};
pub use facts::{
    FactsCollectArgs, FactsCommand, FactsExplainArgs, FactsGetArgs, FactsQueryArgs, FactsRefreshArgs,
    FactsShowArgs,
};
pub use format::Format;
pub use graph::{
    GraphCancelArgs, GraphCommand, GraphFileArgs, GraphFormat, GraphListArgs, GraphOutputArgs,
    GraphResumeArgs, GraphRunArgs, GraphShowArgs, GraphStatusArgs,
};
pub use inventory::{
    InventoryCommand, InventoryExplainArgs, InventoryForm, InventoryGroupsArgs, InventoryListArgs,
    InventoryShowArgs, InventorySourcesArgs,
};
pub use journal::{
    ExecutionsPruneArgs, JournalCommand, JournalFilterArgs, JournalListArgs, JournalPruneArgs, LimitArgs,
    NotesCommand,
};
pub use page::{HeadArgs, PageArgs};
pub use plan::{ApplyArgs, PlanCommand, PlanShowArgs};
pub use plugins::{CapabilitiesCommand, PluginsCommand};
pub use process::{LinkLossArg, ProcessArgs, RunAsMethodArg};
pub use provider::ProviderArgs;
pub use rollout::{BreakerArgs, GrowthArg, RetryArgs, RolloutArgs};
pub(crate) use root::EXIT_STATUS;
pub use root::{BreakersCommand, Cli, Command, GlobalArgs, LogFormat, ManArgs, TargetsCommand};
pub use run::{
    CopyCommand, DownArgs, ExecutionArgs, MemoryArgs, OutputStyleArgs, RunArgs, ScriptArgs, UpArgs,
};
pub use selection::{DialectArg, DialectArgs, SelectionArgs, SourceArgs};
pub(crate) use size::parse_size;
pub use time::parse_time;
pub use tool::{ParameterArgs, ToolArgs};
