//! The catalog of a node: [`show`].

use jiff::Timestamp;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::parameters::{one_node, read};
use super::refused::Refused;
use super::reports::Expanded;
use crate::puppetdb::client::{Endpoint, PuppetDbClient};
use crate::puppetdb::error::PuppetDbFault;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Parameters {
    resource_type: Option<String>,
}

/// A catalog. The names that PuppetDB has for columns are read, those of the schema written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Catalog {
    #[serde(rename(serialize = "node"))]
    certname: String,
    hash: Option<String>,
    version: Option<String>,
    environment: Option<String>,
    #[serde(rename(serialize = "producedAt"))]
    producer_timestamp: Timestamp,
    producer: Option<String>,
    transaction_uuid: Option<String>,
    catalog_uuid: Option<String>,
    code_id: Option<String>,
    #[serde(default, skip_serializing)]
    resources: Expanded<Resource>,
    #[serde(default, skip_serializing)]
    edges: Expanded<EdgeRow>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Resource {
    r#type: String,
    title: String,
    #[serde(default)]
    exported: bool,
    file: Option<String>,
    line: Option<u64>,
    tags: Option<Vec<String>>,
    parameters: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct EdgeRow {
    relationship: String,
    source_type: String,
    source_title: String,
    target_type: String,
    target_title: String,
}

impl EdgeRow {
    fn written(&self) -> Value {
        json!({
            "relationship": self.relationship,
            "source": {"type": self.source_type, "title": self.source_title},
            "target": {"type": self.target_type, "title": self.target_title},
        })
    }
}

/// `{catalog, resources, edges}` of the node. Resources of one type only, when one is named, and edges between any two.
pub(super) async fn show(client: &PuppetDbClient, call: PluginCall) -> Result<Value, Refused> {
    let node = one_node(&call)?.clone();
    let Parameters { resource_type } = read(call.parameters)?;
    let query = json!({"query": ["=", "certname", node.as_str()]});
    let answer = client.ask(Endpoint::Catalogs, &query).await?;
    if let Some(row) = answer.unreadable.into_iter().next() {
        return Err(client.error(PuppetDbFault::Nonsense(row.reason)).into());
    }
    let Some(row) = answer.rows.into_iter().next() else {
        let text = format!(
            "PuppetDB has no catalog of {node}; none may have been compiled for it, or it is deactivated or expired"
        );
        return Err(Refused::new(ErrorCode::NotFound, text));
    };
    let mut catalog: Catalog = serde_json::from_value(Value::Object(row))
        .map_err(|error| client.error(PuppetDbFault::Nonsense(error.to_string())))?;
    let mut resources = catalog.resources.data.take().unwrap_or_default();
    if let Some(wanted) = resource_type {
        resources.retain(|resource| resource.r#type == wanted);
    }
    resources.sort_by(|a, b| (&a.r#type, &a.title).cmp(&(&b.r#type, &b.title)));
    let edges: Vec<Value> =
        catalog.edges.data.take().unwrap_or_default().iter().map(EdgeRow::written).collect();
    Ok(json!({"catalog": catalog, "resources": resources, "edges": edges}))
}
