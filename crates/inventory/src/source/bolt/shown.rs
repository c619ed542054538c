//! [`shown`]: the targets that `bolt inventory show --format json --detail` prints.

use std::collections::HashSet;
use std::path::Path;

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::NodeGroup;
use pabawi_domain::ports::InventorySnapshot;
use serde_json::{Map, Value};

use super::data::Data;
use super::target::{name_of_uri, node};
use crate::nodeset::MAX_NODES;
use crate::source::SourceError;
use crate::source::faults::Faults;

/// Reads the targets under `inventory.targets`, `targets`, or, in older versions, an object with a target for each name.
///
/// # Errors
/// Every fault, under the source's `name`.
pub(super) fn shown(name: &str, value: &Value, project: &Path) -> Result<InventorySnapshot, SourceError> {
    let mut faults = Faults::default();
    let mut snapshot = InventorySnapshot::default();
    let listed =
        value.get("inventory").and_then(|inventory| inventory.get("targets")).or(value.get("targets"));
    let targets: Vec<(Option<&str>, &Value)> = match (listed, value) {
        (Some(Value::Array(targets)), _) => targets.iter().map(|target| (None, target)).collect(),
        (None, Value::Object(map)) => {
            map.iter().map(|(name, target)| (Some(name.as_str()), target)).collect()
        }
        _ => {
            faults.fault(0, 0, "targets", "must be a list");
            Vec::new()
        }
    };
    if targets.len() as u64 > MAX_NODES {
        faults.fault(0, 0, "targets", format!("more than {MAX_NODES} targets"));
    }
    let mut seen = HashSet::new();
    for (index, (key, target)) in targets.into_iter().enumerate() {
        if faults.is_full() {
            break;
        }
        let field = format!("targets[{index}]");
        let text = |name: &str| target.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let uri = text("uri");
        let id = match (text("name").or(key), uri) {
            (Some(name), _) => NodeId::new(name),
            (None, Some(uri)) => name_of_uri(uri),
            (None, None) => {
                snapshot.warnings.push(format!("{field} has no name; left out"));
                continue;
            }
        };
        let id = match id {
            Ok(id) => id,
            Err(error) => {
                faults.fault(0, 0, &field, error.to_string());
                continue;
            }
        };
        if !seen.insert(id.clone()) {
            continue;
        }
        match node(&id, uri, &data(target), project) {
            Ok((mut node, warning)) => {
                snapshot.warnings.extend(warning);
                node.aliases = names(target.get("alias")).filter_map(|name| NodeId::new(name).ok()).collect();
                snapshot.nodes.push(node);
            }
            Err((at, error)) => faults.fault(0, 0, &format!("{id}.{at}"), error),
        }
        for group in names(target.get("groups")).filter(|group| *group != "all") {
            match snapshot.groups.iter_mut().find(|known| known.name.as_str() == group) {
                Some(known) => known.nodes.push(id.clone()),
                None => match GroupName::new(group) {
                    Ok(name) => snapshot.groups.push(NodeGroup {
                        name,
                        sources: Vec::new(),
                        nodes: vec![id.clone()],
                        children: Vec::new(),
                        metadata: std::collections::BTreeMap::new(),
                    }),
                    Err(error) => faults.fault(0, 0, &format!("{id}.groups"), error.to_string()),
                },
            }
        }
    }
    if faults.problems.is_empty() {
        Ok(snapshot)
    } else {
        Err(SourceError::Invalid { name: name.to_owned(), problems: faults.problems })
    }
}

fn names(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match value {
        Some(Value::Array(items)) => (None, items.as_slice()),
        Some(Value::String(text)) => (Some(text.as_str()), &[][..]),
        _ => (None, &[][..]),
    };
    one.into_iter().chain(many.iter().filter_map(Value::as_str))
}

/// What is said of a target. Some versions print transport, user and port beside the configuration.
fn data(target: &Value) -> Data {
    let map = |name: &str| target.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut config = map("config");
    if let (None, Some(transport)) =
        (config.get("transport"), target.get("transport").and_then(Value::as_str))
    {
        config.insert("transport".to_owned(), transport.to_lowercase().into());
    }
    let section = config.get("transport").and_then(Value::as_str).unwrap_or("ssh").to_owned();
    for name in ["user", "port"] {
        if let Some(value) = target.get(name).filter(|value| !value.is_null())
            && let Value::Object(options) =
                config.entry(section.clone()).or_insert_with(|| Value::Object(Map::new()))
            && !options.contains_key(name)
        {
            options.insert(name.to_owned(), value.clone());
        }
    }
    Data {
        config,
        vars: map("vars"),
        facts: map("facts"),
        features: names(target.get("features")).map(str::to_owned).collect(),
    }
}
