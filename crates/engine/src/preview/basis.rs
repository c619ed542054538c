//! From what was seen to what a plan's hash is taken over: [`basis_of`] and [`hash_of`].

use pabawi_domain::action::{Action, StdinSource};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::output::{ContentHash, OutputData};
use pabawi_domain::preview::{BasisFile, BasisTarget, PlanHash, PreviewBasis};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::rollout::{Mode, Rollout, wave_lengths};
use pabawi_domain::secret::{REDACTED, Secret};
use sha2::{Digest as _, Sha256};

use super::look::Way;
use crate::error::SubmitError;

/// What decides what would happen. Where all nodes run side by side, the order in which an inventory names them makes no
/// difference.
pub(super) fn basis_of(
    request: &ExecutionRequest,
    targets: &[Target],
    ways: &[Way],
    files: Vec<BasisFile>,
) -> PreviewBasis {
    let places = places(&request.rollout, targets.len());
    let mut targets: Vec<BasisTarget> = targets
        .iter()
        .zip(ways)
        .zip(places)
        .map(|((target, way), place)| BasisTarget {
            node: target.node.clone(),
            transport: way.transport.clone(),
            endpoint: without_secrets(&target.endpoint),
            reach: way.approach.reach.clone(),
            place,
        })
        .collect();
    targets.sort_by(|a, b| a.node.cmp(&b.node));
    PreviewBasis { format: PreviewBasis::FORMAT, request: essence(request), targets, files }
}

/// The SHA-256 of its JSON, whose fields stand in the order of their declaration and whose maps are sorted.
///
/// # Errors
/// When a path in it is not UTF-8, which JSON cannot hold.
pub(super) fn hash_of(basis: &PreviewBasis) -> Result<PlanHash, SubmitError> {
    let json = serde_json::to_vec(basis).map_err(|error| {
        let text = format!("cannot be written down, so that no plan can be made of it: {error}");
        pabawi_domain::validation::ValidationError::of("action", text)
    })?;
    Ok(PlanHash(ContentHash(Sha256::digest(&json).into())))
}

/// The wave of each target, in their order, or its place where one follows the other; nothing where all run side by side.
pub(super) fn places(rollout: &Rollout, targets: usize) -> Vec<Option<u64>> {
    match &rollout.mode {
        Mode::Parallel => vec![None; targets],
        Mode::Sequential { .. } => (1..=targets as u64).map(Some).collect(),
        Mode::Rolling(rolling) => {
            let lengths = wave_lengths(&rolling.waves, targets as u64);
            let numbered = (1_u64..).zip(lengths);
            let waves = numbered.flat_map(|(wave, length)| {
                std::iter::repeat_n(Some(wave), usize::try_from(length).unwrap_or(usize::MAX))
            });
            waves.take(targets).collect()
        }
    }
}

/// The request without secrets, ids, and what stands elsewhere: the targets and the contents.
fn essence(request: &ExecutionRequest) -> ExecutionRequest {
    let mut request = request.redacted();
    request.targets = TargetExpression::new("");
    request.idempotency_key = None;
    request.correlation_id = None;
    request.rerun_of = None;
    request.parent = None;
    request.attach = Vec::new();
    without_contents(&mut request.action);
    if let Some(check) = request.rollout.health_check_mut() {
        without_contents(&mut check.action);
    }
    request
}

fn without_contents(action: &mut Action) {
    if let Action::Script(script) = action {
        script.content = OutputData::default();
    }
    if let Some(StdinSource::Bytes(bytes)) = action.process_mut().and_then(|process| process.stdin.as_mut()) {
        *bytes = OutputData::default();
    }
}

fn without_secrets(endpoint: &Endpoint) -> Endpoint {
    let mut endpoint = endpoint.clone();
    if let Some(password) = &mut endpoint.password {
        *password = Secret::new(REDACTED);
    }
    endpoint
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::rollout::{Rolling, Share};

    #[test]
    fn places_follow_the_rollout() {
        let mut rollout = Rollout::default();
        assert_eq!(places(&rollout, 3), [None; 3]);
        rollout.mode = Mode::Sequential { stop_at_failure: false };
        assert_eq!(places(&rollout, 3), [Some(1), Some(2), Some(3)]);
        let waves = vec![Share::Count(1), Share::Count(2)];
        rollout.mode = Mode::Rolling(Rolling { waves, pause_ms: 0, health_check: None });
        assert_eq!(places(&rollout, 4), [Some(1), Some(2), Some(2), Some(3)]);
    }
}
