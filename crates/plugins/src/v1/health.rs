//! `HealthStatus` of v1.x as ours: [`read`].

use std::collections::BTreeMap;

use pabawi_domain::cut::message;
use pabawi_domain::ports::PluginHealth;
use serde_json::{Map, Value};

use super::capabilities::action_of;
use super::fields::{kind, text};

/// Reads what `healthCheck` said. `names` are the capabilities that were made of names of v1.x.
pub(super) fn read(answer: &Value, names: &BTreeMap<String, String>) -> PluginHealth {
    let garbage = |what: String| PluginHealth::Unhealthy { message: format!("healthCheck returned {what}") };
    let Value::Object(answer) = answer else { return garbage(kind(answer).to_owned()) };
    let Some(healthy) = answer.get("healthy").and_then(Value::as_bool) else {
        return garbage("no field healthy that is true or false".to_owned());
    };
    let said = text(answer, "message").map(message);
    if answer.get("degraded") == Some(&Value::Bool(true)) {
        let mut unknown = Vec::new();
        let working = capabilities(answer, "workingCapabilities", names, &mut unknown);
        let failing = capabilities(answer, "failingCapabilities", names, &mut unknown);
        let mut message = said.unwrap_or_else(|| "says no more than that it is degraded".to_owned());
        if !unknown.is_empty() {
            // They are no capabilities here, but a person may know what they are.
            message = self::message(format!("{message} ({})", unknown.join("; ")));
        }
        return PluginHealth::Degraded { message, working, failing };
    }
    if healthy {
        return PluginHealth::Healthy;
    }
    PluginHealth::Unhealthy {
        message: said.unwrap_or_else(|| "says no more than that it is not healthy".to_owned()),
    }
}

fn capabilities(
    answer: &Map<String, Value>,
    field: &str,
    names: &BTreeMap<String, String>,
    unknown: &mut Vec<String>,
) -> Vec<String> {
    let Some(Value::Array(listed)) = answer.get(field) else { return Vec::new() };
    let listed = listed.iter().filter_map(Value::as_str);
    let known = |name: &str| {
        let listed = names.get(name).cloned();
        listed.or_else(|| {
            let of_action = action_of(name).map(|kind| kind.capability().to_owned());
            of_action.or_else(|| match name {
                "inventory" => Some(super::capabilities::INVENTORY.to_owned()),
                "facts" => Some(super::capabilities::FACTS.to_owned()),
                _ => None,
            })
        })
    };
    let mut all = Vec::new();
    let mut strange = Vec::new();
    for name in listed {
        match known(name) {
            Some(name) => all.push(name),
            None => strange.push(name.to_owned()),
        }
    }
    all.sort();
    all.dedup();
    if !strange.is_empty() {
        unknown.push(format!("{field}: {}", strange.join(", ")));
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// R6.7: what v1.x says of its health is read, and nonsense is no health.
    #[test]
    fn health_is_read_as_far_as_it_makes_sense() {
        let names = BTreeMap::from([("start".to_owned(), "task.execute".to_owned())]);
        let read = |answer: Value| read(&answer, &names);
        assert_eq!(read(json!({"healthy": true, "lastCheck": "x", "extra": 1})), PluginHealth::Healthy);
        let ill = |message: &str| PluginHealth::Unhealthy { message: message.to_owned() };
        assert_eq!(
            read(json!({"healthy": false, "message": "Plugin is not initialized"})),
            ill("Plugin is not initialized")
        );
        assert_eq!(read(json!({"healthy": false})), ill("says no more than that it is not healthy"));
        assert_eq!(read(json!(null)), ill("healthCheck returned null"));
        assert_eq!(
            read(json!({"healthy": "yes"})),
            ill("healthCheck returned no field healthy that is true or false")
        );
        let degraded = json!({"healthy": true, "degraded": true, "message": "no inventory",
            "workingCapabilities": ["command", "start", "inventory", 5], "failingCapabilities": ["task", "resources"]});
        let expected = PluginHealth::Degraded {
            message: "no inventory (failingCapabilities: resources)".to_owned(),
            working: vec![
                "command.execute".to_owned(),
                "inventory.list".to_owned(),
                "task.execute".to_owned(),
            ],
            failing: vec!["task.execute".to_owned()],
        };
        assert_eq!(read(degraded), expected);
    }
}
