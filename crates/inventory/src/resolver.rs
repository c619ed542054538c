//! [`Resolver`]: the port [`TargetResolver`] over a [`Catalog`].

use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::ports::{InventorySource, TargetError, TargetResolver};
use pabawi_domain::validation::ValidationError;

use crate::catalog::{Catalog, Freshness, SourceSettings, View};
use crate::expression::{Expression, UnknownNames, evaluate};
use crate::membership::Memberships;
use crate::merge::fill_endpoint;

/// Resolves target expressions over its sources. Without sources every name is a node; with sources a name
/// that none of them has is refused.
pub struct Resolver {
    catalog: Arc<Catalog>,
    unknown_names: UnknownNames,
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
        let unknown_names = if catalog.is_empty() { UnknownNames::AreNodes } else { UnknownNames::Refused };
        Self { catalog, unknown_names, defaults: Endpoint::default() }
    }

    /// The same with another meaning of names that are in no source.
    #[must_use]
    pub fn unknown_names(mut self, meaning: UnknownNames) -> Self {
        self.unknown_names = meaning;
        self
    }

    /// The same with an endpoint whose fields stand where a node's own endpoint says nothing.
    #[must_use]
    pub fn endpoint_defaults(mut self, defaults: Endpoint) -> Self {
        self.defaults = defaults;
        self
    }

    /// The catalog.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }
}

#[async_trait]
impl TargetResolver for Resolver {
    async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, TargetError> {
        let parsed = Expression::parse(expression.as_str()).map_err(|faults| {
            let mut error = ValidationError::default();
            for fault in &faults.0 {
                error.push("targets", fault.to_string());
            }
            TargetError::Invalid(error)
        })?;
        let view = self.catalog.read(Freshness::Cached).await;
        refuse_to_guess(&view)?;
        let mut targets = evaluate(&parsed, &view.inventory, self.unknown_names)?;
        if self.defaults != Endpoint::default() {
            targets.iter_mut().for_each(|target| fill_endpoint(&mut target.endpoint, &self.defaults));
        }
        let mut memberships = Memberships::of(&view.inventory);
        targets.iter_mut().for_each(|target| target.groups = memberships.groups_of(&target.node));
        Ok(targets)
    }
}

/// A source of which nothing is known may hold any of the nodes that are meant: to go on without it would leave some
/// out silently. A source that failed but told something before is used as it was.
fn refuse_to_guess(view: &View) -> Result<(), TargetError> {
    let missing: Vec<String> = view
        .missing()
        .map(|report| format!("{}: {}", report.name, report.error.as_deref().unwrap_or("gave no answer")))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(TargetError::Inventory(missing.join("; "))) }
}
