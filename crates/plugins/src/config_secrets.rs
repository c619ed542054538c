//! Secrets of a configuration: [`secrets_of`]. A schema marks them with `"writeOnly": true` or `"format": "password"`, as JSON
//! Schema has it for what is given and never shown.

use std::sync::Arc;

use pabawi_domain::redact::Redactor;
use serde_json::Value;

/// Finds the secrets of a configuration in texts; nothing where it has none.
pub(crate) fn secrets_of(schema: Option<&Value>, config: &Value) -> Option<Arc<Redactor>> {
    let mut found = Vec::new();
    collect(schema?, config, &mut found);
    Redactor::new(found.iter().map(String::as_bytes))
}

fn collect(schema: &Value, value: &Value, found: &mut Vec<String>) {
    let is = |field: &str, wanted: Value| schema.get(field) == Some(&wanted);
    if is("writeOnly", true.into()) || is("format", "password".into()) {
        return texts(value, found);
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let own = schema.get("properties").and_then(|properties| properties.get(name));
                let own = own.or_else(|| schema.get("additionalProperties"));
                own.into_iter().for_each(|schema| collect(schema, value, found));
            }
        }
        Value::Array(values) => {
            let items = schema.get("items");
            values
                .iter()
                .for_each(|value| items.into_iter().for_each(|schema| collect(schema, value, found)));
        }
        _ => {}
    }
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_schema_marks_is_not_shown() {
        let schema = json!({"properties": {
            "url": {"type": "string"},
            "token": {"type": "string", "writeOnly": true},
            "users": {"type": "array", "items": {"properties": {"password": {"format": "password"}}}},
            "keys": {"writeOnly": true},
            "more": {"additionalProperties": {"writeOnly": true}},
        }});
        let config = json!({
            "url": "https://example.org", "token": "hunter2", "keys": {"a": ["hunter4"], "b": 123_456_789},
            "users": [{"name": "ann-the-first", "password": "hunter3"}], "more": {"x": "hunter5"},
        });
        let text = format!("failed with {config}");
        let secrets = secrets_of(Some(&schema), &config).unwrap();
        let shown = secrets.text(&text);
        assert!(!shown.contains("hunter") && !shown.contains("123456789"), "{shown}");
        assert!(shown.contains("https://example.org") && shown.contains("ann-the-first"), "{shown}");
        assert!(secrets_of(None, &config).is_none() && secrets_of(Some(&json!(true)), &config).is_none());
    }
}
