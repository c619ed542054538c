//! Parameters against their JSON Schema: [`violations`]. Nothing is fetched: a schema that points elsewhere is
//! refused, and patterns are matched in linear time.

use jsonschema::PatternOptions;
use pabawi_domain::validation::FieldError;
use serde_json::{Map, Value};

/// Most violations of one task that are told.
const MOST: usize = 50;
/// Memory that one pattern may take when it is compiled, in bytes.
const PATTERN_BYTES: usize = 1024 * 1024;

/// What is wrong with the parameters, or with the schema itself.
pub(crate) fn violations(schema: &Value, parameters: &Map<String, Value>) -> Vec<FieldError> {
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    let validator = match jsonschema::options().with_pattern_options(patterns).build(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("is no JSON Schema that can be used here: {error}");
            return vec![FieldError { path: "parameterSchema".to_owned(), message }];
        }
    };
    let parameters = Value::Object(parameters.clone());
    let errors = validator.iter_errors(&parameters).take(MOST);
    errors
        .map(|error| FieldError { path: path_of(error.instance_path().as_str()), message: error.to_string() })
        .collect()
}

/// A JSON pointer (RFC 6901) as a field: `/hosts/0` is `parameters.hosts[0]`.
fn path_of(pointer: &str) -> String {
    let mut path = "parameters".to_owned();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            path.push_str(&format!(".{part}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use serde_json::json;

    fn found(schema: Value, parameters: Value) -> Vec<(String, String)> {
        let found = violations(&schema, parameters.as_object().unwrap());
        found.into_iter().map(|fault| (fault.path, fault.message)).collect()
    }

    /// R2.1
    #[test]
    fn every_violation_is_told_with_its_field() {
        let schema = json!({
            "type": "object",
            "required": ["version"],
            "additionalProperties": false,
            "properties": {"version": {"type": "string"}, "hosts": {"items": {"type": "string"}}}
        });
        assert!(found(schema.clone(), json!({"version": "1", "hosts": ["a"]})).is_empty());
        let wrong = found(schema, json!({"hosts": ["a", 5], "more": 1}));
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        for (path, part) in [
            ("parameters.hosts[1]", "5 is not of type \"string\""),
            ("parameters", "\"version\" is a required property"),
            ("parameters", "'more' was unexpected"),
        ] {
            assert!(wrong.iter().any(|(found, text)| found == path && text.contains(part)), "{wrong:?}");
        }
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_refused_and_nothing_is_fetched() {
        for schema in [
            json!({"type": "strin"}),
            json!(5),
            json!({"$ref": "http://127.0.0.1:1/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"pattern": "("}),
        ] {
            let wrong = found(schema.clone(), json!({}));
            assert!(wrong.len() == 1 && wrong[0].0 == "parameterSchema", "{schema}: {wrong:?}");
        }
        let start = Instant::now();
        let slow = json!({"properties": {"x": {"pattern": "^(a+)+$"}}});
        assert_eq!(found(slow, json!({"x": format!("{}b", "a".repeat(5_000))})).len(), 1);
        assert!(start.elapsed().as_secs() < 5);
    }
}
