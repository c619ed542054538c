//! The stages up to the plan, and no further: [`Engine::look`]. Nothing is connected, started, recorded or journalled.

use std::collections::BTreeMap;

use pabawi_domain::id::PluginName;
use pabawi_domain::node::Target;
use pabawi_domain::preview::{Approach, PlanHash, PreviewBasis};
use pabawi_domain::request::{Caller, ExecutionRequest};

use super::basis::{basis_of, hash_of};
use super::contents;
use crate::authorize::{ForeseenRequest, foresee};
use crate::engine::Engine;
use crate::error::SubmitError;
use crate::plan::ways;
use crate::resolve::resolve;
use crate::validate::validate;

/// What the stages say about a request.
pub(super) struct Look {
    /// The request with its targets and permissions.
    pub(super) foreseen: ForeseenRequest,
    /// The way to each target, in their order.
    pub(super) ways: Vec<Way>,
    /// What decides what would happen.
    pub(super) basis: PreviewBasis,
    /// The hash of that.
    pub(super) hash: PlanHash,
}

/// The way to a target.
pub(super) struct Way {
    /// The transport.
    pub(super) transport: PluginName,
    /// Where it leads.
    pub(super) approach: Approach,
}

impl Engine {
    /// Sends a request through the stages up to the plan.
    pub(super) async fn look(&self, caller: Caller, request: ExecutionRequest) -> Result<Look, SubmitError> {
        let shared = &self.shared;
        let limits = &shared.limits;
        let valid = validate(caller, request, &shared.tools).await?;
        let most = limits.max_targets.min(limits.plan_targets);
        let resolved = resolve(valid, &*shared.resolver, None, most).await?;
        let foreseen = foresee(resolved, &shared.gate, limits.plan_permissions_timeout).await;
        let (request, targets) = (foreseen.request(), foreseen.targets());
        let chosen =
            ways(request, targets, foreseen.needs(), &shared.transports, &*shared.store, limits).await?;
        let ways = self.approaches(targets, &chosen, request).await?;
        let files = contents::of_request(request).await?;
        let basis = basis_of(request, targets, &ways, files);
        let hash = hash_of(&basis)?;
        Ok(Look { foreseen, ways, basis, hash })
    }

    /// Asks each transport once about all of its targets.
    async fn approaches(
        &self,
        targets: &[Target],
        chosen: &[usize],
        request: &ExecutionRequest,
    ) -> Result<Vec<Way>, SubmitError> {
        let mut by_transport: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, transport) in chosen.iter().enumerate() {
            by_transport.entry(*transport).or_default().push(place);
        }
        let transports = &self.shared.transports;
        let mut ways: Vec<Option<Way>> = targets.iter().map(|_| None).collect();
        for (index, places) in by_transport {
            let (Some(transport), Some(name)) = (transports.get(index), transports.plugin(index)) else {
                return Err(SubmitError::Internal("a chosen transport is gone".to_owned()));
            };
            let asked: Vec<Target> = places.iter().filter_map(|place| targets.get(*place)).cloned().collect();
            let mut answers = transport.foresee(&asked, request.host_keys).await.into_iter();
            for (place, target) in places.into_iter().zip(&asked) {
                // A transport that answers too little has not said anything about the rest.
                let approach = answers.next().unwrap_or_else(|| Approach::of_endpoint(target));
                if let Some(way) = ways.get_mut(place) {
                    *way = Some(Way { transport: name.clone(), approach });
                }
            }
        }
        Ok(ways.into_iter().flatten().collect())
    }
}
