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
use pabawi_domain::validation::ValidationError;

use crate::error::SubmitError;
use crate::validate::ValidRequest;

/// A valid request and its targets, each node once, in the resolver's order. There is at least one.
#[derive(Debug)]
pub(crate) struct ResolvedRequest {
    caller: Caller,
    request: ExecutionRequest,
    capability: &'static str,
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
    let (caller, request, capability) = valid.into_parts();
    Ok(ResolvedRequest { caller, request, capability, targets })
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

    pub(crate) fn capability(&self) -> &'static str {
        self.capability
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.targets.iter().map(|target| target.node.clone()).collect()
    }

    pub(crate) fn into_parts(self) -> (Caller, ExecutionRequest, &'static str, Vec<Target>) {
        (self.caller, self.request, self.capability, self.targets)
    }
}
