//! The ports that a host application may implement itself.

pub use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, Clock, ConnectPhases, Decision, FactProvider,
    FactProviderError, InventorySnapshot, InventorySource, InventorySourceError, Metric, MetricsSink,
    NodeFacts, PoolStats, StoreError, TargetError, TargetResolver, TerminateMode, ToolCommand, ToolEnd,
    ToolError, ToolOutput, ToolRunner,
};
