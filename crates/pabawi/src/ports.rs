//! The ports that a host application may implement itself.

pub use pabawi_domain::ports::{
    ActionEnd, ActionEvent, AuthorizationQuery, Authorizer, AuthorizerError, Clock, ConnectPhases, Decision,
    FactProvider, FactProviderError, InventorySnapshot, InventorySource, InventorySourceError, Metric,
    MetricsSink, NodeFacts, Peers, Plugin, PluginCall, PluginError, PluginHealth, PluginMetadata,
    PluginMethods, PluginRun, PoolStats, RunningAction, RunningTool, StoreError, TargetError, TargetResolver,
    TerminateMode, ToolCommand, ToolEnd, ToolError, ToolEvent, ToolOutput, ToolRunStats, ToolRunner,
    TransportError,
};
