//! [`Resolver`]: the port [`TargetResolver`] over one merged snapshot of the sources.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::ports::{InventorySource, TargetError, TargetResolver};
use pabawi_domain::validation::ValidationError;

use crate::Inventory;
use crate::expression::{Expression, UnknownNames, evaluate};
use crate::merge::fill_endpoint;

/// Resolves target expressions over its sources. Without sources every name is a node; with sources a name
/// that none of them has is refused.
pub struct Resolver {
    sources: Vec<Arc<dyn InventorySource>>,
    unknown_names: UnknownNames,
    /// What a node's endpoint does not say.
    defaults: Endpoint,
    /// The snapshot, made when it is first needed and replaced whole by a refresh. The lock is held for a
    /// pointer's copy only, never while a source is asked.
    inventory: RwLock<Option<Arc<Inventory>>>,
}

impl Resolver {
    /// A resolver over these sources; they are asked when the first expression is resolved.
    pub fn new(sources: Vec<Arc<dyn InventorySource>>) -> Self {
        let unknown_names = if sources.is_empty() { UnknownNames::AreNodes } else { UnknownNames::Refused };
        Self { sources, unknown_names, defaults: Endpoint::default(), inventory: RwLock::new(None) }
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

    /// The merged snapshot; the sources are asked when there is none yet.
    ///
    /// # Errors
    /// [`TargetError::Inventory`] with the failures of all sources that failed.
    pub async fn inventory(&self) -> Result<Arc<Inventory>, TargetError> {
        let known = self.inventory.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(inventory) => Ok(inventory),
            None => self.refresh().await,
        }
    }

    /// Asks every source anew (R3.4). The snapshot before stays in place when one of them fails.
    ///
    /// # Errors
    /// As for [`Resolver::inventory`].
    pub async fn refresh(&self) -> Result<Arc<Inventory>, TargetError> {
        let mut parts = Vec::new();
        let mut failures = Vec::new();
        for source in &self.sources {
            match source.fetch().await {
                Ok(snapshot) => parts.push((source.name().to_owned(), source.priority(), snapshot)),
                Err(error) => failures.push(error.message),
            }
        }
        if !failures.is_empty() {
            return Err(TargetError::Inventory(failures.join("; ")));
        }
        let inventory = Arc::new(Inventory::merge(parts));
        *self.inventory.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&inventory));
        Ok(inventory)
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
        let inventory = self.inventory().await?;
        let mut targets = evaluate(&parsed, &inventory, self.unknown_names)?;
        if self.defaults != Endpoint::default() {
            targets.iter_mut().for_each(|target| fill_endpoint(&mut target.endpoint, self.defaults.clone()));
        }
        Ok(targets)
    }
}
