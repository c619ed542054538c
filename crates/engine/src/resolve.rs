//! Second stage: which nodes the request concerns. Main type: [`ResolvedRequest`], which only [`resolve`]
//! makes.
//!
//! It stands before authorization because an authorizer decides about nodes, not about expressions. It only
//! reads the inventory.

use std::collections::HashSet;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{TargetError, TargetResolver};
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::rollout::Share;
use pabawi_domain::validation::ValidationError;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::error::SubmitError;
use crate::needs::Needs;
use crate::validate::ValidRequest;

/// A valid request and its targets, each node once, in the resolver's order. There is at least one.
#[derive(Debug)]
pub(crate) struct ResolvedRequest {
    caller: Caller,
    request: ExecutionRequest,
    needs: Needs,
    targets: Vec<Target>,
}

/// Asks the resolver for the targets, or takes those of the execution that is run again.
///
/// # Errors
/// [`SubmitError::Invalid`] under `targets` for unknown nodes, an empty selection and too many targets;
/// [`SubmitError::Inventory`].
pub(crate) async fn resolve(
    valid: ValidRequest,
    resolver: &dyn TargetResolver,
    known: Option<Vec<Target>>,
    max_targets: usize,
) -> Result<ResolvedRequest, SubmitError> {
    let found = match known {
        Some(targets) => targets,
        None => resolver.resolve(&valid.request().targets).await.map_err(|error| match error {
            TargetError::Invalid(invalid) => SubmitError::Invalid(invalid),
            TargetError::Inventory(message) => SubmitError::Inventory(message),
            other => SubmitError::Inventory(other.to_string()),
        })?,
    };
    if found.is_empty() {
        let text = "selects no node; check the expression against the inventory";
        return Err(ValidationError::of("targets", text).into());
    }
    let targets = each_once(found);
    if targets.len() > max_targets {
        let text = format!("selects {} nodes, at most {max_targets} are allowed", targets.len());
        return Err(ValidationError::of("targets", text).into());
    }
    let (caller, mut request, needs) = valid.into_parts();
    let targets = match &mut request.rollout.canary {
        None => targets,
        // The seed is stored with the request, so that the draw can be repeated.
        Some(canary) => drawn(targets, canary.share, *canary.seed.get_or_insert_with(new_seed)),
    };
    Ok(ResolvedRequest { caller, request, needs, targets })
}

/// A part of the targets, in their order. Each gets a number that follows from the seed and its name alone, and those
/// with the lowest are taken: which nodes are drawn does not depend on the order of the inventory, and nodes that come
/// or go change little.
fn drawn(targets: Vec<Target>, share: Share, seed: u32) -> Vec<Target> {
    let wanted = usize::try_from(share.of_up(targets.len() as u64)).unwrap_or(usize::MAX);
    let number = |node: &NodeId| -> [u8; 32] {
        let hash = Sha256::new().chain_update(seed.to_be_bytes());
        hash.chain_update(node.as_str()).finalize().into()
    };
    let mut numbers: Vec<_> = targets.iter().map(|target| number(&target.node)).collect();
    let (_, last, _) = match wanted.checked_sub(1) {
        Some(place) if place < numbers.len() => numbers.select_nth_unstable(place),
        _ => return targets,
    };
    let last = *last;
    targets.into_iter().filter(|target| number(&target.node) <= last).collect()
}

fn new_seed() -> u32 {
    let (seed, ..) = Uuid::new_v4().as_fields();
    seed
}

/// The first of each node, in order.
fn each_once(targets: Vec<Target>) -> Vec<Target> {
    let mut seen: HashSet<NodeId> = HashSet::with_capacity(targets.len());
    targets.into_iter().filter(|target| seen.insert(target.node.clone())).collect()
}

impl ResolvedRequest {
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn request(&self) -> &ExecutionRequest {
        &self.request
    }

    pub(crate) fn needs(&self) -> &Needs {
        &self.needs
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.targets.iter().map(|target| target.node.clone()).collect()
    }

    pub(crate) fn into_parts(self) -> (Caller, ExecutionRequest, Needs, Vec<Target>) {
        (self.caller, self.request, self.needs, self.targets)
    }
}
