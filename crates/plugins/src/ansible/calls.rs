//! Questions that are no action on nodes: [`answer`].

use bytes::Bytes;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::plugin::Ready;
use super::work::playbook_file;
use crate::tool::call::{self, Refused};

/// Finds playbooks and tells what is in them.
const PLAYBOOKS: &str = include_str!("python/playbooks.py");
const NO_INVENTORY: &str = "the plugin's configuration names no inventory; set config.inventory";

/// Answers a call.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn answer(ready: &Ready, asked: PluginCall) -> Result<Value, Refused> {
    match asked.capability.as_str() {
        "inventory.list" => call::inventory(ready.inventory.as_ref(), NO_INVENTORY).await,
        "facts.get" => call::facts(ready.facts.as_ref(), NO_INVENTORY, &asked).await,
        "playbook.list" => playbooks(ready, None).await,
        "playbook.show" => show(ready, &asked.parameters).await,
        "task.list" => tasks(ready, &asked.parameters).await,
        other => Err((ErrorCode::Unsupported, format!("cannot answer {other}"))),
    }
}

async fn show(ready: &Ready, parameters: &Map<String, Value>) -> Result<Value, Refused> {
    let bad = |error: pabawi_domain::validation::FieldError| (ErrorCode::Validation, error.to_string());
    let path = Parameters(parameters).text("path").map_err(bad)?.unwrap_or_default();
    playbook_file("parameters.path", path, &ready.programs.settings).map_err(bad)?;
    let mut answer = playbooks(ready, Some(path)).await?;
    Ok(answer.get_mut("playbook").map(Value::take).unwrap_or_default())
}

/// All playbooks, or what is in one.
async fn playbooks(ready: &Ready, path: Option<&str>) -> Result<Value, Refused> {
    let Some(project) = &ready.programs.settings.project_path else {
        return Err((ErrorCode::BadConfig, "the plugin's configuration has no projectPath".to_owned()));
    };
    let failed = |message: String| (ErrorCode::Unavailable, message);
    let python = ready.programs.python().await.map_err(failed)?;
    let mut tool = ready.programs.command("python", ["-c", PLAYBOOKS]);
    tool.program = python;
    tool.stdin = Some(Bytes::from(json!({"project": project, "path": path}).to_string()));
    let output = ready.programs.answer(tool).await.map_err(failed)?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| (ErrorCode::PluginFault, format!("what was found cannot be read: {error}")))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err((ErrorCode::BadConfig, format!("{}: {error}", path.unwrap_or("the project")))),
        None => Ok(answer),
    }
}

async fn tasks(ready: &Ready, parameters: &Map<String, Value>) -> Result<Value, Refused> {
    let filter = Parameters(parameters).text("filter");
    let filter = filter.map_err(|error| (ErrorCode::Validation, error.to_string()))?.unwrap_or_default();
    let filter = filter.to_lowercase();
    let tool = ready.programs.command("ansible-doc", ["--type=module", "--list", "--json"]);
    let output = ready.programs.answer(tool).await.map_err(|message| (ErrorCode::Unavailable, message))?;
    let all: Map<String, Value> = serde_json::from_slice(&output.stdout).map_err(|error| {
        (ErrorCode::PluginFault, format!("the list of ansible-doc cannot be read: {error}"))
    })?;
    let has = |text: &str| text.to_lowercase().contains(&filter);
    let named = all.into_iter().filter(|(name, text)| has(name) || text.as_str().is_some_and(has));
    let tasks: Vec<Value> =
        named.map(|(name, description)| json!({"name": name, "description": description})).collect();
    Ok(json!({ "tasks": tasks }))
}
