//! The JSON Schema of [`PuppetDbSettings`](super::PuppetDbSettings): [`schema`].

use serde_json::{Map, Value, json};

/// The schema. Fields are read in snake case too, as files of people have them.
pub(super) fn schema() -> Value {
    let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    let number = |least: u64, most: u64, default: u64, description: &str| json!({"type": "integer", "minimum": least, "maximum": most, "default": default, "description": description});
    let list = |description: &str| json!({"type": "array", "items": {"type": "string"}, "maxItems": 1000, "description": description});
    let camel = [
        ("url", None, text("https://host:8081; http:// only for this machine itself")),
        ("name", None, text("Name of the plugin, when it is not puppetdb")),
        (
            "priority",
            None,
            json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX, "default": 10,
                   "description": "Higher wins where two sources or providers disagree"}),
        ),
        (
            "caFile",
            Some("ca_file"),
            text("PEM file with the CA of PuppetDB's certificate; needed for https://"),
        ),
        ("certificateFile", Some("certificate_file"), text("PEM file with the client certificate")),
        ("keyFile", Some("key_file"), text("PEM file with its key, without a passphrase")),
        (
            "token",
            None,
            json!({"type": "string", "minLength": 1, "writeOnly": true,
                   "description": "RBAC token, sent as X-Authentication"}),
        ),
        ("tokenFile", Some("token_file"), text("File with the token")),
        (
            "timeoutMs",
            Some("timeout_ms"),
            number(1, 3_600_000, 30_000, "How long one question may take, in milliseconds"),
        ),
        (
            "maxResponseBytes",
            Some("max_response_bytes"),
            number(4_096, 1_073_741_824, 67_108_864, "The longest answer that is read"),
        ),
        ("pageSize", Some("page_size"), number(1, 10_000, 1_000, "How many nodes one answer holds")),
        (
            "factsChunk",
            Some("facts_chunk"),
            number(1, 10_000, 200, "Of how many nodes facts are asked at once"),
        ),
        ("query", None, text("PQL that gives the nodes; all active nodes without it")),
        ("facts", None, list("Facts that become metadata of nodes, such as os.family")),
        ("groupBy", Some("group_by"), list("environment or facts: a group for each value")),
        (
            "groups",
            None,
            json!({"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 1000,
                   "description": "Groups by their PQL"}),
        ),
    ];
    let mut properties = Map::new();
    for (name, other, schema) in camel {
        if let Some(other) = other {
            properties.insert(other.to_owned(), json!({"$ref": format!("#/properties/{name}")}));
        }
        properties.insert(name.to_owned(), schema);
    }
    json!({"type": "object", "required": ["url"], "additionalProperties": false, "properties": properties})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::puppetdb::PuppetDbSettings;
    use pabawi_domain::schema::ParameterSchema;
    use pabawi_domain::secret::Secret;

    fn faults(config: &Value) -> Vec<String> {
        let schema = ParameterSchema::new(&schema()).unwrap();
        schema.violations("config", config, &[]).iter().map(ToString::to_string).collect()
    }

    /// R6.2, R9.8
    #[test]
    fn every_setting_is_in_the_schema_and_nothing_else_is() {
        let mut settings = PuppetDbSettings::new("https://pdb:8081");
        settings.ca_file = Some("ca.pem".into());
        settings.certificate_file = Some("c.pem".into());
        settings.key_file = Some("k.pem".into());
        settings.token = Some(Secret::new("t"));
        settings.token_file = Some("t".into());
        settings.query = Some("nodes {}".to_owned());
        settings.facts = vec!["os.family".to_owned()];
        settings.group_by = vec!["environment".to_owned()];
        settings.groups = BTreeMap::from([("web".to_owned(), "nodes {}".to_owned())]);
        let whole = serde_json::to_value(&settings).unwrap();
        assert_eq!(faults(&whole), Vec::<String>::new());
        let of_schema = schema();
        let of_schema = of_schema["properties"].as_object().unwrap();
        for name in whole.as_object().unwrap().keys() {
            assert!(of_schema.contains_key(name), "{name}");
        }
        let camel = of_schema.keys().filter(|name| !name.contains('_')).count();
        assert_eq!(camel, whole.as_object().unwrap().len());
        // What the schema takes is read: the names in snake case too.
        for (name, schema) in of_schema.iter().filter(|(name, _)| name.contains('_')) {
            let camel = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let config = json!({"url": "https://pdb:8081", name.as_str(): whole[camel]});
            assert_eq!(faults(&config), Vec::<String>::new());
            serde_json::from_value::<PuppetDbSettings>(config).unwrap();
        }
        for (name, value) in
            of_schema.iter().filter_map(|(name, schema)| Some((name, schema.get("default")?)))
        {
            let plain = serde_json::to_value(PuppetDbSettings::new("https://pdb:8081")).unwrap();
            assert_eq!(&plain[name], value, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_field() {
        for (config, part) in [
            (json!({}), "\"url\" is a required property"),
            (json!({"url": 5}), "config.url: 5 is not of type"),
            (json!({"url": "x", "uri": "y"}), "'uri' was unexpected"),
            (json!({"url": "x", "pageSize": 0}), "config.pageSize: 0 is less than the minimum"),
            (json!({"url": "x", "page_size": 10_001}), "config.page_size: 10001 is greater"),
            (json!({"url": "x", "facts": ["a", 5]}), "config.facts[1]: 5 is not"),
            (json!({"url": "x", "groups": {"web": 5}}), "config.groups.web: 5 is not"),
        ] {
            let found = faults(&config);
            assert!(found.len() == 1 && found[0].contains(part), "{config}: {found:?}");
        }
    }
}
