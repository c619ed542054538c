//! Port [`Authorizer`]: whether a caller may do something. A missing, failing or slow authorizer denies; the
//! engine sees to that.

use async_trait::async_trait;

use crate::action::ActionKind;
use crate::capability::RiskLevel;
use crate::id::{NodeId, PluginName};
use crate::request::Caller;

/// Decides about callers.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Whether the caller may do this to all of these nodes. It is asked with every target before anything is recorded,
    /// once for each plugin or transport, and again for each target when its run starts.
    ///
    /// # Errors
    /// [`AuthorizerError`] when it cannot tell, which counts as a denial.
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError>;

    /// Whether its answers may depend on the nodes of a question. Where they do not, lists are filtered without looking up
    /// the nodes of each entry.
    fn looks_at_nodes(&self) -> bool {
        true
    }
}

/// Capabilities of which the parts are asked about one by one as well: lists leave out entries, and a plan says for each node
/// what is denied. Whoever may see some of it may ask for it.
pub const FILTERED: &[&str] = &[
    "executions.list",
    "graphs.list",
    "journal.read",
    "facts.show",
    "inventory.list",
    "plans.create",
    "plans.show",
    "plugins.list",
];

/// The question.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationQuery<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// What, as a capability name: `command.execute`, `executions.list`.
    pub capability: &'a str,
    /// The kind of action, where one is to be done.
    pub action: Option<ActionKind>,
    /// The name of the task, playbook, plan or package, where one is to be done.
    pub name: Option<&'a str>,
    /// How much harm it can do, where that is known.
    pub risk: Option<RiskLevel>,
    /// By which plugin or transport, where that is known: `ssh`, `bolt`.
    pub plugin: Option<&'a PluginName>,
    /// Where; empty for a question that concerns no node.
    pub nodes: &'a [NodeId],
}

impl<'a> AuthorizationQuery<'a> {
    /// About what is no action: looking, cancelling, looking after.
    pub fn about(caller: &'a Caller, capability: &'a str, nodes: &'a [NodeId]) -> Self {
        Self { caller, capability, action: None, name: None, risk: None, plugin: None, nodes }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny {
        /// Why, for the person.
        reason: String,
    },
}

/// Why an authorizer could not tell.
#[derive(Debug, Clone, thiserror::Error)]
#[error("authorizer failed: {0}")]
pub struct AuthorizerError(pub String);
