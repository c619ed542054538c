//! The configuration of v1.x, `{enabled, name, type, config, priority}`: [`V1Config`].

use pabawi_domain::id::PluginName;
use pabawi_domain::validation::ValidationError;
use serde_json::{Value, json};

use super::fields::{kind, whole};
use super::known;

/// The id of the schema of a plugin's own part.
const OWN_ID: &str = "urn:pabawi:v1-config";

/// What kind of plugin it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum V1Type {
    Execution,
    Information,
    Both,
}

impl V1Type {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "execution" => Some(Self::Execution),
            "information" => Some(Self::Information),
            "both" => Some(Self::Both),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Execution => "execution",
            Self::Information => "information",
            Self::Both => "both",
        }
    }

    pub(super) fn executes(self) -> bool {
        self != Self::Information
    }

    pub(super) fn informs(self) -> bool {
        self != Self::Execution
    }
}

/// A configuration that was looked at.
#[derive(Debug, Clone)]
pub(super) struct V1Config {
    /// Whether the plugin is to be used.
    pub(super) enabled: bool,
    /// Its priority, where the configuration says one.
    pub(super) priority: Option<i32>,
    /// As it is handed to the plugin, with what nobody here knows.
    pub(super) whole: Value,
}

impl V1Config {
    /// Reads it. Without one the plugin is enabled, with an empty configuration of its own, as in v1.x.
    pub(super) fn read(given: Value, name: &str, kind_of: V1Type, faults: &mut ValidationError) -> Self {
        let mut given = match given {
            Value::Object(given) => given,
            Value::Null => Default::default(),
            other => {
                faults.push(
                    "config",
                    format!("is {}; it must be {{enabled, name, type, config, priority}}", kind(&other)),
                );
                Default::default()
            }
        };
        let mut own = |field: &str, default: Value| {
            let value = given.entry(field).or_insert(Value::Null);
            if value.is_null() {
                *value = default;
            }
            value.clone()
        };
        let enabled = own("enabled", json!(true));
        let enabled = enabled.as_bool().unwrap_or_else(|| {
            faults.push("config.enabled", format!("is {}; it must be true or false", kind(&enabled)));
            false
        });
        for (field, is) in [("name", name), ("type", kind_of.as_str())] {
            let said = own(field, json!(is));
            if said != is {
                let text = format!(
                    "Configuration {field} {said} does not match plugin {field} '{is}'; make them the same"
                );
                faults.push(format!("config.{field}"), text);
            }
        }
        let config = own("config", json!({}));
        if !config.is_object() {
            faults.push("config.config", format!("is {}; it must be an object", kind(&config)));
        }
        let priority = given.get("priority").filter(|priority| !priority.is_null()).and_then(|priority| {
            let number = whole(priority).and_then(|number| i32::try_from(number).ok());
            if number.is_none() {
                faults.push("config.priority", "must be a whole number of 32 bits");
            }
            number
        });
        Self { enabled, priority, whole: Value::Object(given) }
    }

    /// The priority of the plugin: its own, else that with which Pabawi registers it.
    pub(super) fn priority(&self, name: &str) -> i32 {
        self.priority.unwrap_or_else(|| known::priority(name))
    }

    /// The priority of its nodes: its own, else that with which Pabawi links them.
    pub(super) fn source_priority(&self, name: &str) -> i32 {
        self.priority.unwrap_or_else(|| known::source_priority(name))
    }
}

/// JSON Schema of such a configuration, with the schema of the plugin's own part where it has one (R9.8).
pub(super) fn schema(name: &PluginName, kind_of: V1Type, own: Option<&Value>) -> Value {
    let mut own = own.cloned().unwrap_or_else(|| json!({"type": "object"}));
    if let Value::Object(own) = &mut own {
        // What it refers to within itself stays within itself.
        own.entry("$id").or_insert_with(|| OWN_ID.into());
        // Beside a reference, older drafts of JSON Schema read no id.
        if let Some(reference) = own.remove("$ref")
            && let Value::Array(all) = own.entry("allOf").or_insert_with(|| json!([]))
        {
            all.push(json!({ "$ref": reference }));
        }
    }
    json!({
        "type": ["object", "null"],
        "properties": {
            "enabled": {"type": ["boolean", "null"]},
            "name": {"enum": [name.as_str(), null]},
            "type": {"enum": [kind_of.as_str(), null]},
            "config": own,
            "priority": {"type": ["integer", "null"]},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: Value) -> (V1Config, Vec<String>) {
        let mut faults = ValidationError::default();
        let config = V1Config::read(given, "bolt", V1Type::Both, &mut faults);
        (config, faults.fields.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_missing_is_as_in_v1_and_what_is_unknown_survives() {
        let (config, faults) = read(Value::Null);
        assert!(config.enabled && faults.is_empty(), "{faults:?}");
        assert_eq!((config.priority("bolt"), config.source_priority("bolt")), (5, 10));
        assert_eq!(config.whole, json!({"enabled": true, "name": "bolt", "type": "both", "config": {}}));
        let given = json!({"enabled": false, "name": "bolt", "type": "both", "config": {"x": [1]}, "priority": 7.0,
                           "label": "mine"});
        let (config, faults) = read(given.clone());
        assert!(!config.enabled && faults.is_empty(), "{faults:?}");
        assert_eq!((config.priority("bolt"), config.source_priority("bolt")), (7, 7));
        assert_eq!(config.whole, given);
    }

    #[test]
    fn every_bad_field_is_named() {
        let (_, faults) = read(
            json!({"enabled": "yes", "name": "ansible", "type": "execution", "config": [], "priority": 1.5}),
        );
        let paths: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(
            paths,
            ["config.enabled", "config.name", "config.type", "config.config", "config.priority"],
            "{faults:?}"
        );
        assert_eq!(read(json!([])).1.len(), 1);
    }
}
