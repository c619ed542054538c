//! Facts of nodes: [`NodeFactsHandle`] stands before the service and asks the authorizer; the types of what it answers, and
//! the ports of providers.

use std::sync::Arc;

use pabawi_domain::condition::FactCondition;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::TargetResolver as _;
use pabawi_domain::request::Caller;
use pabawi_engine::Engine;
use pabawi_facts::Facts;
use pabawi_inventory::Resolver;
use tracing::{Instrument as _, Span};

use crate::FrameworkError;

pub use pabawi_domain::condition::{FactPath, FactTest};
pub use pabawi_domain::ports::{FactProvider, FactProviderError, NodeFacts};
pub use pabawi_facts::{
    AnsibleFacts, Explained, Freshness, InvalidCondition, Layer, MergedFacts, PabawiFacts, ProviderOptions,
    RegisterError, Source, parse_condition, to_pabawi,
};

/// Collects and shows facts (R4). Cloning gives another handle.
#[derive(Clone)]
pub struct NodeFactsHandle {
    pub(crate) facts: Facts,
    pub(crate) engine: Engine,
    pub(crate) resolver: Arc<Resolver>,
    /// The framework's.
    pub(crate) span: Span,
}

impl NodeFactsHandle {
    /// Facts of the nodes that an expression selects, one answer for each in their order (R4.1). Needs `facts.show` for
    /// these nodes, and `facts.collect` too where they are collected by force. What has to be run on nodes for it is
    /// authorized as what it is, a script, and is an execution in the history.
    ///
    /// # Errors
    /// [`FrameworkError`]. That a provider fails is no error: the answer of the node says so.
    pub async fn collect(
        &self,
        caller: &Caller,
        expression: &TargetExpression,
        freshness: Freshness,
    ) -> Result<Vec<Arc<MergedFacts>>, FrameworkError> {
        let targets = self.resolver.resolve(expression).instrument(self.span.clone()).await?;
        let nodes: Vec<NodeId> = targets.into_iter().map(|target| target.node).collect();
        self.of(caller, &nodes, freshness).await
    }

    /// Facts of nodes by their ids.
    ///
    /// # Errors
    /// As for [`NodeFactsHandle::collect`].
    pub async fn of(
        &self,
        caller: &Caller,
        nodes: &[NodeId],
        freshness: Freshness,
    ) -> Result<Vec<Arc<MergedFacts>>, FrameworkError> {
        self.engine.may_on(caller, "facts.show", nodes).await?;
        if freshness == Freshness::Forced {
            self.engine.may_on(caller, "facts.collect", nodes).await?;
        }
        Ok(self.facts.facts(caller, nodes, freshness).instrument(self.span.clone()).await)
    }

    /// The nodes whose stored facts meet a condition, in the order of their names. Nothing is collected for it. Needs
    /// `facts.show`; nodes whose facts the caller may not see are left out.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn matching(
        &self,
        caller: &Caller,
        condition: &FactCondition,
    ) -> Result<Vec<NodeId>, FrameworkError> {
        self.engine.may_on(caller, "facts.show", &[]).await?;
        let nodes = self.facts.known().matching(condition).await?;
        Ok(self.engine.those_allowed(caller, "facts.show", &nodes).await?)
    }

    /// Adds a provider (R4.5).
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn register(
        &self,
        provider: Arc<dyn FactProvider>,
        options: ProviderOptions,
    ) -> Result<(), RegisterError> {
        self.facts.register(provider, options)
    }

    /// Names and priorities of the providers, the highest first.
    pub fn providers(&self) -> Vec<(Arc<str>, i32)> {
        self.facts.providers()
    }
}
