//! Questions that are no action on nodes: [`answer`].

use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde_json::{Map, Value};

use super::plugin::Ready;
use super::work::is_name;
use crate::tool::call::{self, Refused};
use crate::tool::parameters::Parameters;

const NO_INVENTORY: &str =
    "there is no inventory; set config.inventory, or write an inventory.yaml into config.projectPath";

/// Answers a call.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn answer(ready: &Ready, asked: PluginCall) -> Result<Value, Refused> {
    match asked.capability.as_str() {
        "inventory.list" => call::inventory(ready.inventory.as_ref(), NO_INVENTORY).await,
        "facts.get" => call::facts(ready.facts.as_ref(), NO_INVENTORY, &asked).await,
        "task.list" => ready.catalog.tasks(filter(&asked.parameters)?).await,
        "plan.list" => ready.catalog.plans(filter(&asked.parameters)?).await,
        "task.show" => ready.catalog.one("task", name(&asked.parameters)?).await,
        "plan.show" => ready.catalog.one("plan", name(&asked.parameters)?).await,
        other => Err((ErrorCode::Unsupported, format!("cannot answer {other}"))),
    }
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
