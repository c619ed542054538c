//! [`Resolver`]: the port [`TargetResolver`] over a [`Catalog`].

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::ports::{InventorySource, NodeSelection, TargetError, TargetKnowledge, TargetResolver};
use pabawi_domain::validation::ValidationError;

use crate::catalog::{Catalog, Freshness, SourceSettings, View};
use crate::expression::{
    Explanation, Expression, Known, OwnGroups, UnknownNames, evaluate_with, explain, select,
};
use crate::group_names::Memberships;
use crate::merge::fill_endpoint;

/// Resolves target expressions over its sources. Without sources every name is a node; with sources a name
/// that none of them has is refused.
pub struct Resolver {
    catalog: Arc<Catalog>,
    /// What a name means that is in no source, where that is said.
    unknown_names: Option<UnknownNames>,
    /// Who is asked about facts and last outcomes.
    knowledge: Option<Arc<dyn TargetKnowledge>>,
    /// Groups that are expressions.
    groups: Arc<OwnGroups>,
    /// What a node's endpoint does not say.
    defaults: Endpoint,
}

impl Resolver {
    /// A resolver over these sources with their usual settings; they are asked when the first expression is resolved.
    pub fn new(sources: Vec<Arc<dyn InventorySource>>) -> Self {
        Self::over(Arc::new(Catalog::new(
            sources.into_iter().map(|source| (source, SourceSettings::default())),
        )))
    }

    /// A resolver over a catalog.
    pub fn over(catalog: Arc<Catalog>) -> Self {
        Self {
            catalog,
            unknown_names: None,
            knowledge: None,
            groups: Arc::default(),
            defaults: Endpoint::default(),
        }
    }

    /// The same with another meaning of names that are in no source.
    #[must_use]
    pub fn unknown_names(mut self, meaning: UnknownNames) -> Self {
        self.unknown_names = Some(meaning);
        self
    }

    /// The same with an endpoint whose fields stand where a node's own endpoint says nothing.
    #[must_use]
    pub fn endpoint_defaults(mut self, defaults: Endpoint) -> Self {
        self.defaults = defaults;
        self
    }

    /// The same with somebody to ask about `fact(...)` and `last(...)`; without, these are refused.
    #[must_use]
    pub fn knowledge(mut self, knowledge: Arc<dyn TargetKnowledge>) -> Self {
        self.knowledge = Some(knowledge);
        self
    }

    /// The same with groups of its own.
    #[must_use]
    pub fn own_groups(mut self, groups: OwnGroups) -> Self {
        self.groups = Arc::new(groups);
        self
    }

    /// Its own groups.
    pub fn groups(&self) -> &OwnGroups {
        &self.groups
    }

    /// The catalog.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Says what each term of an expression selects, and which term decides about the nodes of these names.
    ///
    /// # Errors
    /// As for [`TargetResolver::resolve`]; [`TargetError::Invalid`] also for an expression of too many terms and for an
    /// unknown name among `asked`.
    pub async fn explain(
        &self,
        expression: &TargetExpression,
        asked: &[NodeId],
    ) -> Result<Explanation, TargetError> {
        let read = self.read(expression).await?;
        self.explained(read, &self.catalog.read(Freshness::Cached).await, asked)
    }

    /// As [`Resolver::explain`], where these are all the nodes that there are.
    ///
    /// # Errors
    /// As for [`Resolver::explain`].
    pub async fn explain_among(
        &self,
        view: &View,
        expression: &TargetExpression,
        asked: &[NodeId],
    ) -> Result<Explanation, TargetError> {
        self.explained(self.read(expression).await?, view, asked)
    }

    fn explained(
        &self,
        (parsed, known): (Expression, Known),
        view: &View,
        asked: &[NodeId],
    ) -> Result<Explanation, TargetError> {
        refuse_to_guess(view, &parsed)?;
        Ok(explain(&parsed, &view.inventory, self.meaning(), &known, asked)?)
    }

    /// As [`TargetResolver::resolve`], where these are all the nodes that there are.
    ///
    /// # Errors
    /// As for [`TargetResolver::resolve`].
    pub async fn resolve_among(
        &self,
        view: &View,
        expression: &TargetExpression,
    ) -> Result<Vec<Target>, TargetError> {
        self.resolved(self.read(expression).await?, view)
    }

    fn resolved(
        &self,
        (parsed, known): (Expression, Known),
        view: &View,
    ) -> Result<Vec<Target>, TargetError> {
        refuse_to_guess(view, &parsed)?;
        let mut targets = evaluate_with(&parsed, &view.inventory, self.meaning(), &known)
            .map_err(|error| with_missing(error, view))?;
        if self.defaults != Endpoint::default() {
            targets.iter_mut().for_each(|target| fill_endpoint(&mut target.endpoint, &self.defaults));
        }
        let mut memberships = Memberships::of(&view.inventory);
        targets.iter_mut().for_each(|target| target.groups = memberships.groups_of(&target.node));
        Ok(targets)
    }

    /// What a name means that is in no source.
    fn meaning(&self) -> UnknownNames {
        let usual = || if self.catalog.is_empty() { UnknownNames::AreNodes } else { UnknownNames::Refused };
        self.unknown_names.unwrap_or_else(usual)
    }

    /// Parses an expression and asks for what it wants to know beyond the inventory.
    async fn read(&self, expression: &TargetExpression) -> Result<(Expression, Known), TargetError> {
        let parsed = Expression::parse(expression.as_str()).map_err(|faults| {
            let mut error = ValidationError::default();
            for fault in &faults.0 {
                error.push("targets", fault.to_string());
            }
            TargetError::Invalid(error)
        })?;
        let mut known = Known::of_groups(Arc::clone(&self.groups));
        if let Some(knowledge) = &self.knowledge {
            known = known.ask(&parsed, knowledge.as_ref()).await?;
        }
        Ok((parsed, known))
    }
}

#[async_trait]
impl TargetResolver for Resolver {
    async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, TargetError> {
        let read = self.read(expression).await?;
        self.resolved(read, &self.catalog.read(Freshness::Cached).await)
    }
}

#[async_trait]
impl NodeSelection for Resolver {
    async fn select(&self, expression: &TargetExpression) -> Result<Arc<HashSet<NodeId>>, TargetError> {
        let (parsed, known) = self.read(expression).await?;
        let view = self.catalog.read(Freshness::Cached).await;
        // Whoever is missing could have said of any node that it is meant, or in a group, or a node at all.
        if let Some(missing) = told_missing(&view) {
            return Err(TargetError::Inventory(missing));
        }
        Ok(Arc::new(select(&parsed, &view.inventory, &known)?))
    }
}

/// A name may be unknown because the source that knows it could not be asked.
fn with_missing(mut error: ValidationError, view: &View) -> ValidationError {
    for report in view.missing() {
        let why = report.error.as_deref().unwrap_or("gave no answer");
        error.push("targets", format!("{} could not be asked: {why}", report.name));
    }
    error
}

/// A source of which nothing is known may hold any of the nodes that are meant: to go on without it would leave some
/// out silently. Nodes that are named are found or not. A source that failed but told something before is used as it
/// was.
fn refuse_to_guess(view: &View, expression: &Expression) -> Result<(), TargetError> {
    if !expression.enumerates() {
        return Ok(());
    }
    told_missing(view).map_or(Ok(()), |missing| Err(TargetError::Inventory(missing)))
}

/// The sources of which nothing is known, each with the reason; `None` when there are none.
fn told_missing(view: &View) -> Option<String> {
    let missing: Vec<String> = view
        .missing()
        .map(|report| format!("{}: {}", report.name, report.error.as_deref().unwrap_or("gave no answer")))
        .collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}
