//! Calls about plans: what a request would do, kept, and carried out if it is still that.

use crate::{
    ApplyOptions, Caller, ExecutionId, ExecutionPreview, ExecutionRequest, Framework, PlanHash, PlanHead,
    RerunSecrets, StoredPlan,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;

/// Plans that are told at once when nothing else is said.
const PLANS: u32 = 50;

/// Which plans.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ListPlansRequest")]
pub(super) struct ListPlans {
    /// Only those whose hash begins so.
    #[serde(default)]
    beginning: String,
    /// How many at most; 50 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<u32>,
}

/// One plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfPlan {
    /// Its hash.
    hash: PlanHash,
}

/// What is to be carried out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ApplyPlanRequest")]
pub(super) struct ApplyPlan {
    /// The plan.
    hash: PlanHash,
    /// Also if it was applied before.
    #[serde(default)]
    again: bool,
    /// The secrets of its request, which were not stored.
    #[serde(default)]
    secrets: RerunSecrets,
}

pub(super) async fn make(
    framework: &Framework,
    caller: Caller,
    request: ExecutionRequest,
) -> Result<ExecutionPreview, Failure> {
    Ok(framework.preview(caller, request, Value::Null).await?)
}

pub(super) async fn list(
    framework: &Framework,
    caller: Caller,
    with: ListPlans,
) -> Result<Vec<PlanHead>, Failure> {
    Ok(framework.plans(&caller, &with.beginning, with.limit.unwrap_or(PLANS)).await?)
}

pub(super) async fn get(framework: &Framework, caller: Caller, with: OfPlan) -> Result<StoredPlan, Failure> {
    Ok(framework.plan(&caller, with.hash).await?)
}

pub(super) async fn apply(
    framework: &Framework,
    caller: Caller,
    with: ApplyPlan,
) -> Result<ExecutionId, Failure> {
    let options = ApplyOptions { secrets: with.secrets, again: with.again, ..ApplyOptions::default() };
    Ok(framework.apply(caller, with.hash, options).await?)
}
