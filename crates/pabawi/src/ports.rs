//! The ports that a host application may implement itself.

pub use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, Clock, ConnectPhases, Decision, InventorySnapshot,
    InventorySource, InventorySourceError, Metric, MetricsSink, PoolStats, StoreError, TargetError,
    TargetResolver, TerminateMode, ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner,
};
