//! Port [`ToolRouter`]: which plugin does an action of a tool, and whether its parameters are good. The engine knows no
//! plugin by name; it asks here and finds the plugin among its transports.

use std::sync::Arc;

use async_trait::async_trait;

use crate::action::Action;
use crate::capability::Capability;
use crate::id::PluginName;
use crate::validation::ValidationError;

/// Whether what stands before a plugin, its circuit breaker, lets it pass.
pub type Passes<'a> = &'a (dyn Fn(&PluginName) -> bool + Sync);

/// Knows what the plugins can do.
#[async_trait]
pub trait ToolRouter: Send + Sync + 'static {
    /// Chooses the plugin for an action: the one that the action names, or `wanted`, else of those that have the capability the one of
    /// the highest priority that works and that `passes` lets through; where there is none of these, the one of the highest
    /// priority (R6.8). The parameters are checked against the schema of what was chosen (R9.3).
    ///
    /// It waits for nothing and runs nothing.
    ///
    /// # Errors
    /// [`RouteError`].
    fn route(
        &self,
        action: &Action,
        wanted: Option<&PluginName>,
        passes: Passes<'_>,
    ) -> Result<ToolRoute, RouteError>;

    /// Waits until it is known how the plugin is that [`ToolRouter::route`] would choose of several, for a limited time. It asks
    /// none itself.
    async fn first_health(&self, action: &Action, wanted: Option<&PluginName>, passes: Passes<'_>);

    /// The plugins that go before the transports, by their priorities, for an action that either could do, each
    /// with whether it works. It waits as [`ToolRouter::first_health`] does, where there are any.
    async fn before_transports(&self, action: &Action, passes: Passes<'_>) -> Vec<(PluginName, bool)>;

    /// Whether there is a tool of that name, which is no way to nodes for others.
    fn is_tool(&self, plugin: &PluginName) -> bool;

    /// JSON pointers (RFC 6901) to the parameters that are secrets for any plugin that may do the action: for whoever stores
    /// it before it is known which one does.
    fn sensitive(&self, action: &Action) -> Vec<String>;
}

/// Who is to do an action, as what.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolRoute {
    /// The plugin, which is also the name of the transport.
    pub plugin: PluginName,
    /// The capability, as this plugin has it.
    pub capability: Arc<Capability>,
}

/// Why nobody is to do an action.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// No plugin has the capability.
    #[error("no plugin has the capability {capability}")]
    NoPlugin {
        /// The capability.
        capability: &'static str,
    },
    /// There are plugins that have it, or the one that was named has, and none can be asked.
    #[error("{}", .reasons.iter().map(|(plugin, why)| format!("plugin {plugin}: {why}")).collect::<Vec<_>>().join("; "))]
    NotReady {
        /// Each of them with the reason.
        reasons: Vec<(PluginName, String)>,
    },
    /// The action is bad: it names a plugin that does not exist or cannot do it, or parameters that break the schema.
    /// Paths begin with `action.`.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
}
