//! Questions that are no action on nodes: [`answer`].

use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde_json::{Map, Value, json};

use super::plugin::Ready;
use super::program::Refused;
use super::work::is_name;
use crate::tool::parameters::Parameters;

const NO_INVENTORY: &str =
    "there is no inventory; set config.inventory, or write an inventory.yaml into config.projectPath";

/// Answers a call.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn answer(ready: &Ready, call: PluginCall) -> Result<Value, Refused> {
    match call.capability.as_str() {
        "inventory.list" => inventory(ready).await,
        "facts.get" => facts(ready, &call).await,
        "task.list" => ready.catalog.tasks(filter(&call.parameters)?).await,
        "plan.list" => ready.catalog.plans(filter(&call.parameters)?).await,
        "task.show" => ready.catalog.one("task", name(&call.parameters)?).await,
        "plan.show" => ready.catalog.one("plan", name(&call.parameters)?).await,
        other => Err((ErrorCode::Unsupported, format!("cannot answer {other}"))),
    }
}

async fn inventory(ready: &Ready) -> Result<Value, Refused> {
    let source = ready.inventory.as_ref().ok_or((ErrorCode::BadConfig, NO_INVENTORY.to_owned()))?;
    let snapshot = source.fetch().await.map_err(|error| (ErrorCode::Unavailable, error.message))?;
    Ok(json!({"nodes": snapshot.nodes, "groups": snapshot.groups, "warnings": snapshot.warnings}))
}

async fn facts(ready: &Ready, call: &PluginCall) -> Result<Value, Refused> {
    let provider = ready.facts.as_ref().ok_or((ErrorCode::BadConfig, NO_INVENTORY.to_owned()))?;
    let (mut facts, mut errors) = (Vec::new(), Vec::new());
    for one in provider.collect(&call.caller, &call.nodes).await {
        match one {
            Ok(of_node) => facts.push(json!(of_node)),
            Err(error) => errors.push(json!(error.error)),
        }
    }
    Ok(json!({"facts": facts, "errors": errors}))
}

fn filter(parameters: &Map<String, Value>) -> Result<&str, Refused> {
    let filter = Parameters(parameters).text("filter");
    Ok(filter.map_err(|error| (ErrorCode::Validation, error.to_string()))?.unwrap_or_default())
}

fn name(parameters: &Map<String, Value>) -> Result<&str, Refused> {
    let bad = |message: String| (ErrorCode::Validation, message);
    let name =
        Parameters(parameters).text("name").map_err(|error| bad(error.to_string()))?.unwrap_or_default();
    match is_name(name) {
        true => Ok(name),
        false => Err(bad("parameters.name: must be a name such as facts or module::name".to_owned())),
    }
}
