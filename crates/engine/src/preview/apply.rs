//! A stored plan becomes an execution: [`Engine::apply`]. It is looked at again first, and what is no longer as it was
//! planned is refused with the difference.

use std::collections::BTreeMap;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::preview::{Permission, PlanChange, PlanHash, changes};
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::validation::ValidationError;

use super::error::PlanError;
use super::look::Look;
use crate::authorize::ForeseenRequest;
use crate::engine::{Accepted, Engine, Origin};
use crate::error::SubmitError;
use crate::plan::plan;
use crate::rerun::RerunSecrets;
use crate::subscribe::{Subscription, SubscriptionMode};

/// What is given to a plan when it is applied.
#[derive(Debug, Clone, Default)]
pub struct ApplyOptions {
    /// Secrets of the request, which were not stored.
    pub secrets: RerunSecrets,
    /// Applies a plan that was applied before.
    pub again: bool,
    /// The request as the surface would make it now, where it takes parts of it from elsewhere: the script from a file,
    /// the nodes from a list. It may have its secrets already. Without it, the stored one is taken.
    pub request: Option<ExecutionRequest>,
}

impl Engine {
    /// Carries a plan out: looks again at what the request would do, and starts it when that is what was planned. Of
    /// several that apply the same plan, in whatever processes, one starts an execution. Needs `plans.show` and whatever
    /// the action needs.
    ///
    /// The contents of files are compared before the start; each node gets what stands in them when its turn comes.
    ///
    /// # Errors
    /// [`PlanError::Changed`] with every difference, denials among them; [`PlanError::Expired`],
    /// [`PlanError::Applied`], [`PlanError::NotFound`]. [`PlanError::Submit`] names secrets that have to be given.
    pub async fn apply(
        &self,
        caller: Caller,
        hash: PlanHash,
        options: ApplyOptions,
    ) -> Result<ExecutionId, PlanError> {
        Ok(self.applied(caller, hash, options, None).await?.id)
    }

    /// Applies a plan as [`Engine::apply`] does, and subscribes to the execution's events before its first node can start.
    ///
    /// # Errors
    /// As for [`Engine::apply`].
    pub async fn apply_and_follow(
        &self,
        caller: Caller,
        hash: PlanHash,
        options: ApplyOptions,
        mode: SubscriptionMode,
    ) -> Result<(ExecutionId, Subscription), PlanError> {
        let Accepted { id, followed, .. } = self.applied(caller, hash, options, Some(mode)).await?;
        Ok((id, followed.unwrap_or_else(|| self.follow(id, 1, mode))))
    }

    async fn applied(
        &self,
        caller: Caller,
        hash: PlanHash,
        options: ApplyOptions,
        follow: Option<SubscriptionMode>,
    ) -> Result<Accepted, PlanError> {
        let shared = &self.shared;
        let stored = self.plan(&caller, hash).await?;
        if shared.clock.now() >= stored.expires_at {
            return Err(PlanError::Expired { hash, at: stored.expires_at });
        }
        // The store decides which of several is the one; this only saves the others the way there.
        if !options.again
            && let Some(by) = self.applied_by(hash).await?
        {
            return Err(PlanError::Applied { hash, by });
        }
        let mut request = options.request.unwrap_or(stored.request);
        options.secrets.fill(&mut request);
        request.idempotency_key = match options.again {
            true => None,
            false => hash.idempotency_key().ok(),
        };
        // Before anything else, since a secret that is missing is no difference.
        request.check().map_err(SubmitError::from)?;
        let look = match self.look(caller, request).await {
            Ok(look) => look,
            Err(SubmitError::Invalid(faults)) => {
                return Err(PlanError::Changed { hash, changes: no_longer_valid(faults) });
            }
            Err(error) => return Err(error.into()),
        };
        let Look { foreseen, basis, .. } = look;
        let mut found = changes(&stored.basis, &basis);
        found.extend(denials(&foreseen));
        let authorized = foreseen.into_authorized();
        if let Err(denied) = &authorized {
            // Unlike a preview, this is an attempt.
            shared.denied(&denied.told()).await;
        }
        let authorized = match authorized {
            Ok(authorized) if found.is_empty() => authorized,
            _ => return Err(PlanError::Changed { hash, changes: found }),
        };
        let plan = plan(authorized, &shared.transports, &*shared.store, &shared.limits).await?;
        match self.accept_planned(plan, follow, Origin::Caller).await {
            Ok(accepted) if accepted.is_new => Ok(accepted),
            Ok(accepted) => Err(PlanError::Applied { hash, by: accepted.id }),
            Err(SubmitError::IdempotencyConflict { existing }) => {
                Err(PlanError::Applied { hash, by: existing })
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn no_longer_valid(faults: ValidationError) -> Vec<PlanChange> {
    let change = |fault: pabawi_domain::validation::FieldError| PlanChange::NoLongerValid {
        field: fault.path,
        message: fault.message,
    };
    faults.fields.into_iter().map(change).collect()
}

/// What is denied, nodes with the same reason together.
fn denials(foreseen: &ForeseenRequest) -> Vec<PlanChange> {
    let mut by_reason: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    for (target, permission) in foreseen.targets().iter().zip(foreseen.permissions()) {
        if let Permission::Denied { reason } = permission {
            by_reason.entry(reason).or_default().push(target.node.clone());
        }
    }
    if let Some(reason) = foreseen.denied()
        && !by_reason.contains_key(reason)
    {
        by_reason.insert(reason, foreseen.targets().iter().map(|target| target.node.clone()).collect());
    }
    let change = |(reason, nodes): (&str, _)| PlanChange::Denied { nodes, reason: reason.to_owned() };
    by_reason.into_iter().map(change).collect()
}
