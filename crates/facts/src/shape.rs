//! The shape in which Pabawi's own screens and interfaces have facts. Main function: [`to_pabawi`].

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::merge::MergedFacts;
use pabawi_domain::condition::FactPath;

/// Facts of a node as Pabawi has them: `nodeId`, `gatheredAt`, `source`, and under `facts` those that it shows, with
/// everything else beside them and once more by categories.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PabawiFacts {
    /// The node's id.
    pub node_id: String,
    /// When the oldest of them were gathered, ISO 8601, UTC; absent where no provider has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gathered_at: Option<String>,
    /// The providers, joined by commas, the highest priority first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The facts.
    pub facts: Map<String, Value>,
}

/// Top-level facts by the categories of Pabawi's screens; all others are `custom`.
const CATEGORIES: [(&str, &[&str]); 3] = [
    (
        "system",
        &[
            "os",
            "kernel",
            "kernelrelease",
            "kernelversion",
            "kernelmajversion",
            "system_uptime",
            "timezone",
            "load_averages",
            "pabawi",
            "virtual",
            "is_virtual",
            "identity",
            "ruby",
            "path",
            "facterversion",
            "hypervisors",
            "augeas",
            "fips_enabled",
        ],
    ),
    ("network", &["networking", "ssh"]),
    ("hardware", &["processors", "memory", "dmi", "disks", "partitions", "mountpoints", "filesystems"]),
];

/// Converts merged facts. Where Pabawi's types want a value that nobody found, it is an empty text, list or mapping, or
/// the number 0, since its screens do not expect that it is absent; what is beside them stays absent.
pub fn to_pabawi(merged: &MergedFacts) -> PabawiFacts {
    let all = merged.facts();
    let mut facts = all.clone();
    let text = |path: &str| {
        let value = at(all, path).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let wanted = json!({
        "os": {
            "family": text("os.family"),
            "name": text("os.name"),
            "release": {"full": text("os.release.full"), "major": text("os.release.major")},
        },
        "processors": {
            "count": at(all, "processors.count").cloned().unwrap_or(json!(0)),
            "models": at(all, "processors.models").cloned().unwrap_or(json!([])),
        },
        "memory": {"system": {
            "total": text("memory.system.total"),
            "available": text("memory.system.available"),
        }},
        "networking": {
            "hostname": text("networking.hostname"),
            "interfaces": at(all, "networking.interfaces").cloned().unwrap_or(json!({})),
        },
    });
    if let Value::Object(wanted) = wanted {
        fill(&mut facts, wanted);
    }
    let mut categories: Map<String, Value> = CATEGORIES
        .iter()
        .map(|(name, keys)| {
            let of = all.iter().filter(|(key, _)| keys.contains(&key.as_str()));
            let of: Map<String, Value> = of.map(|(key, value)| (key.clone(), value.clone())).collect();
            ((*name).to_owned(), Value::Object(of))
        })
        .collect();
    let is_known = |key: &str| CATEGORIES.iter().any(|(_, keys)| keys.contains(&key));
    let custom =
        all.iter().filter(|(key, _)| !is_known(key)).map(|(key, value)| (key.clone(), value.clone()));
    categories.insert("custom".to_owned(), Value::Object(custom.collect()));
    facts.insert("categories".to_owned(), Value::Object(categories));

    let layers = || merged.layers().iter().filter(|layer| !layer.facts.facts.is_empty());
    let names: Vec<&str> = layers().map(|layer| &*layer.provider).collect();
    PabawiFacts {
        node_id: merged.node().to_string(),
        gathered_at: layers().map(|layer| layer.facts.gathered_at).min().map(|at| at.to_string()),
        source: (!names.is_empty()).then(|| names.join(",")),
        facts,
    }
}

fn at<'a>(facts: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    FactPath::new(path).ok()?.find(facts)
}

/// Puts what is missing, and mappings in place of what is none where mappings are wanted.
fn fill(facts: &mut Map<String, Value>, wanted: Map<String, Value>) {
    for (key, wanted) in wanted {
        match (facts.get_mut(&key), wanted) {
            (Some(Value::Object(known)), Value::Object(wanted)) => fill(known, wanted),
            (Some(known), wanted) if known.is_object() == wanted.is_object() => {}
            (_, wanted) => {
                facts.insert(key, wanted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::merge::Layer;
    use jiff::Timestamp;
    use pabawi_domain::id::NodeId;
    use pabawi_domain::ports::NodeFacts;

    fn merged(facts: Value) -> MergedFacts {
        let node = NodeId::new("web1").unwrap();
        let Value::Object(facts) = facts else { panic!("no mapping") };
        let layer = Layer {
            provider: "ssh".into(),
            priority: 5,
            collected_at: Timestamp::UNIX_EPOCH,
            facts: Arc::new(NodeFacts {
                node: node.clone(),
                facts,
                raw: None,
                warnings: vec![],
                gathered_at: Timestamp::UNIX_EPOCH,
            }),
        };
        MergedFacts::new(node, vec![layer], vec![])
    }

    #[test]
    fn pabawi_finds_every_field_it_reads() {
        let full = to_pabawi(&merged(json!({
            "os": {"family": "Debian", "name": "Debian", "release": {"full": "12.7", "major": "12"}},
            "memory": {"system": {"total": "4.00 MiB", "total_bytes": 4_194_304, "available": "1.00 MiB"}},
            "networking": {"hostname": "web1", "ip": "192.0.2.2", "interfaces": {"eth0": {"ip": "192.0.2.2"}}},
            "rack": 7,
        })));
        let shown = serde_json::to_value(&full).unwrap();
        assert_eq!(
            (&shown["nodeId"], &shown["gatheredAt"], &shown["source"]),
            (&json!("web1"), &json!("1970-01-01T00:00:00Z"), &json!("ssh"))
        );
        let facts = &shown["facts"];
        assert_eq!(facts["memory"]["system"]["total"], "4.00 MiB");
        assert_eq!(facts["networking"]["ip"], "192.0.2.2", "what Pabawi does not name is there too");
        assert_eq!(facts["processors"], json!({"count": 0, "models": []}));
        assert_eq!(facts["categories"]["custom"], json!({"rack": 7}));
        assert_eq!(facts["categories"]["network"]["networking"]["hostname"], "web1");

        let none = to_pabawi(&merged(json!({"os": "a text", "memory": {"system": null}})));
        let expected = json!({
            "os": {"family": "", "name": "", "release": {"full": "", "major": ""}},
            "processors": {"count": 0, "models": []},
            "memory": {"system": {"total": "", "available": ""}},
            "networking": {"hostname": "", "interfaces": {}},
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&none.facts[key], value, "{key}");
        }
    }
}
