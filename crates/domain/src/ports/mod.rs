//! The ports: one async trait per file, each with the types that cross it.
//!
//! The engine calls these; transports, stores, plugins and hosts implement them. A port names no technology.

mod authorizer;
mod breaker_store;
mod call_gate;
mod clock;
mod execution_store;
mod fact_provider;
mod fact_store;
mod graph_store;
mod host_database;
mod host_journal;
mod inventory_source;
mod journal_rules;
mod journal_store;
mod log_sink;
mod metrics_sink;
mod node_commands;
mod node_selection;
mod peers;
mod permission_tables;
mod plan_store;
mod plugin;
mod plugin_journal;
mod retention_store;
mod running_tool;
mod target_knowledge;
mod target_resolver;
mod tool_router;
mod tool_runner;
mod transport;
mod v1_plugin;

pub use authorizer::{AuthorizationQuery, Authorizer, AuthorizerError, Decision, FILTERED};
pub use breaker_store::{BreakerStore, StoredBreakers};
pub use call_gate::{CallDenial, CallGate, CallPassage, CallQuestion, CallReport};
pub use clock::Clock;
pub use execution_store::{CancelRequest, Created, ExecutionStore, StoreError, StoreWrite, TargetResult};
pub use fact_provider::{FactProvider, FactProviderError, NodeFacts};
pub use fact_store::{FactStore, KeptFacts};
pub use graph_store::GraphStore;
pub use host_database::{HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue};
pub use host_journal::{HostEntry, HostJournal, HostJournalError};
pub use inventory_source::{InventorySnapshot, InventorySource, InventorySourceError};
pub use journal_rules::JournalRules;
pub use journal_store::JournalStore;
pub use log_sink::{LogLevel, LogRecord, LogSink, LogStats, LoggerContext};
pub use metrics_sink::{Metric, MetricsSink};
pub use node_commands::{CommandOutput, NodeCommand, NodeCommands};
pub use node_selection::NodeSelection;
pub use peers::{CapabilityCall, Peers};
pub use permission_tables::{Memberships, PermissionName, PermissionTables, TableAnswer};
pub use plan_store::PlanStore;
pub use plugin::{Plugin, PluginCall, PluginError, PluginHealth, PluginMetadata, PluginMethods, PluginRun};
pub use plugin_journal::{PluginEvent, PluginEvents, PluginJournal};
pub use retention_store::RetentionStore;
pub use running_tool::{RunningTool, ToolEvent};
pub use target_knowledge::TargetKnowledge;
pub use target_resolver::{TargetError, TargetResolver};
pub use tool_router::{Passes, RouteError, ToolRoute, ToolRouter};
pub use tool_runner::{ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner};
pub use transport::{
    ActionEnd, ActionEvent, ConnectPhases, ConnectRequest, CopyReport, DETACHED_KEPT, DetachedName,
    ExecutionRef, PoolStats, RunningAction, Session, SessionInfo, TerminateMode, ToolRunStats, Transport,
    TransportError,
};
pub use v1_plugin::{V1Error, V1ErrorKind, V1Listener, V1Plugin, V1Stream};
