//! What is a secret of a plugin, by the names of fields, since v1.x marks none: [`is_secret`], [`without`], [`redactor`].

use std::sync::Arc;

use pabawi_domain::redact::Redactor;
use serde_json::{Map, Value};

/// Parts of names of fields that hold secrets.
const PARTS: [&str; 11] = [
    "password",
    "passphrase",
    "passwd",
    "secret",
    "token",
    "credential",
    "privatekey",
    "private_key",
    "key-data",
    "apikey",
    "api_key",
];
/// Ends of names that tell where a secret is, and not what.
const PLACES: [&str; 3] = ["path", "file", "name"];

/// Whether a field of that name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    PARTS.iter().any(|part| lower.contains(part)) && !PLACES.iter().any(|end| lower.ends_with(end))
}

/// An object without its secrets, at any depth; that is bounded by what is taken of an answer.
pub(super) fn without(fields: Map<String, Value>) -> Map<String, Value> {
    let shown = fields.into_iter().filter(|(name, _)| !is_secret(name));
    shown.map(|(name, value)| (name, inside(value))).collect()
}

fn inside(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(without(fields)),
        Value::Array(values) => Value::Array(values.into_iter().map(inside).collect()),
        other => other,
    }
}

/// Takes the secrets of a configuration out of what its plugin says.
pub(super) fn redactor(config: &Value) -> Option<Arc<Redactor>> {
    let (mut left, mut secrets) = (vec![(config, false)], Vec::new());
    while let Some((value, is_inside)) = left.pop() {
        match value {
            Value::Object(fields) => {
                left.extend(fields.iter().map(|(name, value)| (value, is_inside || is_secret(name))));
            }
            Value::Array(values) => left.extend(values.iter().map(|value| (value, is_inside))),
            Value::String(text) if is_inside => secrets.push(text.as_bytes()),
            _ => {}
        }
    }
    Redactor::new(secrets)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        let config = json!({
            "host": "pve.example", "apiToken": "canary-1", "privateKeyPath": "/etc/canary-2",
            "auth": {"secrets": ["canary-3", {"x": "canary-4"}]}, "list": [{"dbPassword": "canary-5"}],
        });
        let redactor = redactor(&config).unwrap();
        let said = "pve.example canary-1 /etc/canary-2 canary-3 canary-4 canary-5";
        assert_eq!(redactor.text(said), "pve.example *** /etc/canary-2 *** *** ***");
        let Value::Object(config) = config else { panic!() };
        assert_eq!(
            Value::Object(without(config)),
            json!({"host": "pve.example", "privateKeyPath": "/etc/canary-2", "auth": {}, "list": [{}]})
        );
        assert!(super::redactor(&json!({"host": "x"})).is_none());
    }
}
