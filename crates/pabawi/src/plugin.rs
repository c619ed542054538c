//! Plugins: what one is made of, and how they stand. The port that a plugin implements is
//! [`ports::Plugin`](crate::ports::Plugin); it is added with [`FrameworkBuilder::plugin`](crate::FrameworkBuilder::plugin).

pub use pabawi_domain::capability::{Capability, RiskLevel};
pub use pabawi_domain::error::PluginTrace;
pub use pabawi_domain::ports::CapabilityCall;
pub use pabawi_domain::schema::ParameterSchema;
pub use pabawi_plugins::host::{
    CallError, CallFault, CallFaultKind, HealthReport, HostSettings, PluginHost, PluginState, PluginStatus,
    ProvidedCapability, RegisterError, ReloadError, ShutdownFault,
};
pub use pabawi_plugins::tool::Ended;

pub use crate::built_in::built_in;
