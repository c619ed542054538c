//! The preview of an execution, stored as a plan: [`Engine::preview`].

use std::collections::HashSet;

use jiff::Timestamp;
use pabawi_domain::breaker::{BreakerStatus, Component};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::ports::PlanStore;
use pabawi_domain::preview::{
    ExecutionPreview, Permission, PlanHash, PlanHead, PreviewLimits, PreviewTarget, StoredPlan,
};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::rollout::{Mode, wave_lengths};
use pabawi_domain::validation::ValidationError;
use serde_json::Value;

use super::basis::places;
use super::error::PlanError;
use super::look::{Look, Way};
use crate::authorize::Denial;
use crate::denied::no_nodes;
use crate::engine::{Engine, refuse_attach};
use crate::error::SubmitError;

/// Looking at plans.
const SHOW: &str = "plans.show";

impl Engine {
    /// Says what a request would do, and stores that as a plan which [`Engine::apply`] carries out. Nothing is connected
    /// or started; denials are shown and not journalled. `surface` is kept with the plan for whoever applies it. Needs
    /// `plans.create`.
    ///
    /// # Errors
    /// [`PlanError::Submit`] where the request would not be accepted either, or has an idempotency key: a plan is its
    /// own. [`PlanError::NoStore`], [`PlanError::Store`].
    pub async fn preview(
        &self,
        caller: Caller,
        request: ExecutionRequest,
        surface: Value,
    ) -> Result<ExecutionPreview, PlanError> {
        // The plan says of each node whether it may be done there.
        let about = async {
            let resolved = match request.check() {
                Ok(()) => self.shared.resolver.resolve(&request.targets).await.unwrap_or_default(),
                Err(_) => Vec::new(),
            };
            resolved.into_iter().map(|target| target.node).collect()
        };
        self.may_with_plans(&caller, "plans.create", &[], about).await?;
        let store = self.plan_store()?;
        refuse_attach(&request)?;
        if request.idempotency_key.is_some() {
            let text = "a plan has a key of its own, so that it is applied once; leave this one out";
            return Err(SubmitError::from(ValidationError::of("idempotencyKey", text)).into());
        }
        let look = self.look(caller.clone(), request).await?;
        let created_at = self.shared.clock.now();
        let lifetime = self.shared.limits.plan_lifetime;
        let plan = StoredPlan {
            hash: look.hash,
            caller,
            created_at,
            expires_at: created_at.checked_add(lifetime).unwrap_or(Timestamp::MAX),
            request: look.foreseen.request().redacted(),
            basis: look.basis.clone(),
            surface,
        };
        store.save_plan(&plan).await?;
        // A plan that has expired is remembered for as long again, so that whoever comes late is told why.
        let old = created_at.checked_sub(lifetime).unwrap_or(Timestamp::MIN);
        if let Err(error) = store.forget_plans(old).await {
            tracing::warn!(%error, "old plans are not forgotten");
        }
        let applied_by = self.applied_by(look.hash).await?;
        self.shared.breaker_watch.freshen().await;
        Ok(self.shown(&look, &plan, applied_by))
    }

    /// Plans whose hash begins with these hexadecimal digits, newest first, those that have expired lately among them.
    /// Needs `plans.show`; plans of others on whose nodes the caller may not look are left out.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn plans(
        &self,
        caller: &Caller,
        beginning: &str,
        limit: u32,
    ) -> Result<Vec<PlanHead>, PlanError> {
        self.may_with_plans(caller, SHOW, &[], no_nodes()).await?;
        let store = self.plan_store()?;
        let heads = store.plans(&beginning.to_ascii_lowercase(), limit).await?;
        if !self.looks_at_nodes() {
            return Ok(heads);
        }
        let mut seen = Vec::with_capacity(heads.len());
        for head in heads {
            let Some(plan) = store.plan(head.hash).await? else { continue };
            // What is left out of a list is no attempt, so it is neither logged nor journalled.
            if is_of(&plan, caller)
                || self.shared.gate.ask_quietly(caller, SHOW, &nodes_of(&plan)).await.is_ok()
            {
                seen.push(head);
            }
        }
        Ok(seen)
    }

    /// A stored plan. Needs `plans.show`.
    ///
    /// # Errors
    /// [`PlanError::NotFound`] and others.
    pub async fn plan(&self, caller: &Caller, hash: PlanHash) -> Result<StoredPlan, PlanError> {
        let about = async {
            let Some(store) = &self.shared.plans else { return Vec::new() };
            store.plan(hash).await.ok().flatten().map(|plan| nodes_of(&plan)).unwrap_or_default()
        };
        self.may_with_plans(caller, SHOW, &[], about).await?;
        let plan = self.plan_store()?.plan(hash).await?.ok_or(PlanError::NotFound(hash))?;
        if self.looks_at_nodes() && !is_of(&plan, caller) {
            self.may_with_plans(caller, SHOW, &nodes_of(&plan), no_nodes()).await?;
        }
        Ok(plan)
    }

    /// The execution that has applied a plan.
    pub(super) async fn applied_by(&self, hash: PlanHash) -> Result<Option<ExecutionId>, PlanError> {
        let idempotency_key = hash.idempotency_key().ok();
        let query = ExecutionQuery { idempotency_key, limit: Some(1), ..ExecutionQuery::default() };
        let page = self.shared.store.executions(&query).await?;
        Ok(page.items.first().map(|record| record.id))
    }

    async fn may_with_plans(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
        about: impl Future<Output = Vec<NodeId>> + Send,
    ) -> Result<(), PlanError> {
        let answer = self.ask_on(caller, capability, nodes, about).await;
        let denied = |Denial { reason }| SubmitError::Denied { capability: capability.to_owned(), reason };
        answer.map_err(|denial| denied(denial).into())
    }

    fn plan_store(&self) -> Result<&dyn PlanStore, PlanError> {
        self.shared.plans.as_deref().ok_or(PlanError::NoStore)
    }

    fn shown(&self, look: &Look, plan: &StoredPlan, applied_by: Option<ExecutionId>) -> ExecutionPreview {
        let Look { foreseen, ways, basis, hash } = look;
        let request = foreseen.request();
        let count = foreseen.targets().len();
        let run_as = request.action.process().and_then(|process| process.run_as.as_ref());
        let waves = match &request.rollout.mode {
            Mode::Rolling(rolling) => wave_lengths(&rolling.waves, count as u64),
            _ => Vec::new(),
        };
        let in_waves = !waves.is_empty();
        let details = ways.iter().zip(foreseen.permissions()).zip(places(&request.rollout, count));
        let targets = foreseen.targets().iter().zip(details);
        let target = |way: &Way, permission: &Permission, place: Option<u64>, node| PreviewTarget {
            node,
            transport: way.transport.clone(),
            reach: way.approach.reach.clone(),
            run_as: run_as.map(|run_as| run_as.user.clone()),
            wave: place.filter(|_| in_waves),
            host_key: way.approach.host_key,
            permission: permission.clone(),
            fault: way.approach.fault.clone(),
        };
        ExecutionPreview {
            hash: *hash,
            created_at: plan.created_at,
            expires_at: plan.expires_at,
            action_kind: request.action.kind(),
            action_text: request.action.text(),
            request: basis.request.clone(),
            limits: self.limits_of(request, count),
            denied: foreseen.denied().map(str::to_owned),
            waves,
            targets: targets
                .map(|(of, ((way, permission), place))| target(way, permission, place, of.node.clone()))
                .collect(),
            files: basis.files.clone(),
            breakers: self.breakers_of(look),
            applied_by,
        }
    }

    fn limits_of(&self, request: &ExecutionRequest, targets: usize) -> PreviewLimits {
        let limits = &self.shared.limits;
        let one_by_one = matches!(request.rollout.mode, Mode::Sequential { .. });
        let wanted = u64::from(request.concurrency.unwrap_or(limits.default_concurrency));
        let connect = u64::try_from(limits.connect_timeout.as_millis()).unwrap_or(u64::MAX);
        PreviewLimits {
            concurrency: if one_by_one { 1 } else { wanted.min(limits.max_node_runs as u64) },
            connect_ms: request.timeouts.connect_ms.unwrap_or(connect),
            node_ms: request.timeouts.node_ms,
            execution_ms: request.timeouts.execution_ms,
            tolerated_failures: request.rollout.tolerated(targets as u64),
            attempts: request.retry.as_ref().map_or(1, |retry| retry.attempts),
        }
    }

    /// The breakers of the nodes, groups and transports that would be asked.
    fn breakers_of(&self, look: &Look) -> Vec<BreakerStatus> {
        let groups: HashSet<_> = look.foreseen.targets().iter().flat_map(|target| &target.groups).collect();
        let nodes: HashSet<_> = look.foreseen.targets().iter().map(|target| &target.node).collect();
        let transports: HashSet<_> = look.ways.iter().map(|way| &way.transport).collect();
        let mut breakers = self.shared.breakers.all();
        breakers.retain(|breaker| match &breaker.component {
            Component::Node(node) => nodes.contains(node),
            Component::Group(group) => groups.contains(group),
            Component::Plugin(plugin) => transports.contains(plugin),
        });
        breakers
    }
}

/// Whoever made a plan was shown it, with the nodes on which it is denied.
fn is_of(plan: &StoredPlan, caller: &Caller) -> bool {
    plan.caller.user == caller.user
}

fn nodes_of(plan: &StoredPlan) -> Vec<NodeId> {
    plan.basis.targets.iter().map(|target| target.node.clone()).collect()
}
