//! Nodes and groups: [`inventory`]; facts of nodes: [`facts`]. The answers have the shapes that the host gives those of
//! plugins which answer no calls.

use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::read;
use super::refused::Refused;
use crate::puppetdb::fact_path::FactPath;
use crate::puppetdb::plugin::Ready;

/// Most paths of facts.
const MOST_NAMES: usize = 100;

/// `{nodes, groups, warnings}`.
pub(super) async fn inventory(ready: &Ready) -> Result<Value, Refused> {
    let listed = ready.inventory.read().await?;
    Ok(json!({"nodes": listed.nodes, "groups": listed.groups, "warnings": listed.warnings}))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    names: Option<Vec<String>>,
}

/// `{facts, errors}`: one of both for each node.
pub(super) async fn facts(ready: &Ready, call: PluginCall) -> Result<Value, Refused> {
    if call.nodes.is_empty() {
        let text = "nodes: facts.get needs nodes whose facts it is to get";
        return Err(Refused::new(ErrorCode::Validation, text));
    }
    let Parameters { names } = read(call.parameters)?;
    let paths = names.map(paths).transpose()?;
    let (answers, failure) = ready.facts.read(&call.nodes, paths.as_deref()).await;
    let (mut facts, mut errors) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(known) => facts.push(known),
            Err(error) => errors.push(error),
        }
    }
    match failure {
        Some(error) if facts.is_empty() => Err(error.into()),
        _ => Ok(json!({"facts": facts, "errors": errors})),
    }
}

fn paths(mut names: Vec<String>) -> Result<Vec<FactPath>, Refused> {
    if names.is_empty() || names.len() > MOST_NAMES {
        return Err(Refused::parameter("names", format!("must have 1 to {MOST_NAMES} entries")));
    }
    names.sort_unstable();
    names.dedup();
    let path = |name: &String| {
        FactPath::parse(name).map_err(|fault| Refused::parameter("names", format!("{name:?} {fault}")))
    };
    names.iter().map(path).collect()
}
