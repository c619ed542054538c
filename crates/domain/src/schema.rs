//! Values against their JSON Schema: [`ParameterSchema`]. Nothing is fetched: a schema that points elsewhere is
//! refused, and patterns are matched in linear time.

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use crate::validation::FieldError;

/// Most violations of one task that are told.
const MOST: usize = 50;
/// How deep a schema or a value may be nested; readers of JSON take no deeper one.
pub const MOST_DEPTH: usize = 128;
/// Bytes that a schema may take when it is written down, about.
pub const MOST_SCHEMA_BYTES: usize = 1024 * 1024;
/// Memory that one pattern may take when it is compiled, in bytes.
const PATTERN_BYTES: usize = 1024 * 1024;

/// A JSON Schema that can be used here.
#[derive(Debug, Clone)]
pub struct ParameterSchema(Validator);

impl ParameterSchema {
    /// Reads a schema.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(schema: &Value) -> Result<Self, String> {
        fits(schema, MOST_SCHEMA_BYTES)
            .map_err(|why| format!("is no JSON Schema that can be used here: it {why}"))?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options().with_pattern_options(patterns).build(schema);
        validator.map(Self).map_err(|error| format!("is no JSON Schema that can be used here: {error}"))
    }

    /// What is wrong with a value, each with its path below `at`. `secrets` are JSON pointers (RFC 6901) to values that
    /// no message may show.
    pub fn violations(&self, at: &str, value: &Value, secrets: &[String]) -> Vec<FieldError> {
        if let Err(why) = fits(value, usize::MAX) {
            return vec![FieldError { path: at.to_owned(), message: why }];
        }
        let told = |error: ValidationError<'_>| {
            let place = error.instance_path().as_str();
            // A message shows the value that it is about, with all that is in it.
            let shows = |secret: &String| is_within(place, secret) || is_within(secret, place);
            let message = match secrets.iter().any(shows) {
                true => error.masked_with("***").to_string(),
                false => error.to_string(),
            };
            FieldError { path: path_of(at, place), message }
        };
        self.0.iter_errors(value).take(MOST).map(told).collect()
    }
}

/// What is wrong with the parameters of a task, or with the schema itself.
pub fn violations(schema: &Value, parameters: &Map<String, Value>) -> Vec<FieldError> {
    match ParameterSchema::new(schema) {
        Ok(schema) => schema.violations("parameters", &Value::Object(parameters.clone()), &[]),
        Err(message) => vec![FieldError { path: "parameterSchema".to_owned(), message }],
    }
}

/// Whether a value is neither too large, as it would be written down, nor nested too deeply to be walked through.
///
/// # Errors
/// What it is, as the end of a sentence, with the limit.
pub fn fits(value: &Value, most_bytes: usize) -> Result<(), String> {
    // Without recursion, which a deep value would let run out of its stack.
    let mut open = vec![(value, 1_usize)];
    let mut bytes = 0_usize;
    while let Some((value, depth)) = open.pop() {
        if depth > MOST_DEPTH {
            return Err(format!("is nested more than {MOST_DEPTH} deep"));
        }
        // With quotes, a comma or a colon; escapes not counted.
        let own = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 5,
            Value::String(text) => text.len() + 3,
            Value::Array(items) => {
                open.extend(items.iter().map(|item| (item, depth + 1)));
                3
            }
            Value::Object(fields) => {
                open.extend(fields.values().map(|field| (field, depth + 1)));
                3 + fields.keys().map(|key| key.len() + 3).sum::<usize>()
            }
        };
        bytes = bytes.saturating_add(own);
        if bytes > most_bytes {
            return Err(format!("takes more than {most_bytes} bytes"));
        }
    }
    Ok(())
}

/// Lets go of a value however deeply it is nested.
pub fn discard(value: Value) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.into_iter().map(|(_, field)| field)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Whether one pointer leads to the other's value or into it.
fn is_within(pointer: &str, other: &str) -> bool {
    pointer.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A JSON pointer (RFC 6901) as a field: `/hosts/0` is `parameters.hosts[0]`.
fn path_of(at: &str, pointer: &str) -> String {
    let mut path = at.to_owned();
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

    /// R9.3: a schema or a value that would take too much is told with the limit, and never runs out of a stack.
    #[test]
    fn what_is_too_large_or_too_deep_is_refused() {
        let deep = || (0..100_000).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        let (schema, value) = (deep(), deep());
        let unfit = ParameterSchema::new(&schema).err();
        let found = ParameterSchema::new(&json!({})).unwrap().violations("parameters", &value, &[]);
        discard(schema);
        discard(value);
        let told = "is no JSON Schema that can be used here: it is nested more than 128 deep";
        assert_eq!(unfit.as_deref(), Some(told));
        assert_eq!(
            (found[0].path.as_str(), found[0].message.as_str()),
            ("parameters", "is nested more than 128 deep")
        );
        let large = json!({"description": "x".repeat(10 * 1024 * 1024)});
        let unfit = ParameterSchema::new(&large).err().unwrap();
        assert!(unfit.ends_with("it takes more than 1048576 bytes"), "{unfit}");
        let exact = (0..127).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!((fits(&exact, 1_000), fits(&exact, 100).is_err()), (Ok(()), true));
    }

    /// R9.3: a schema that refers to itself ends, where it leads to a value and where it leads nowhere.
    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let tree = json!({
            "type": "object",
            "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "name": {"type": "string"}},
        });
        let found = found(tree, json!({"left": {"right": {"name": 5}}}));
        assert_eq!(found[0].0, "parameters.left.right.name");
        for nowhere in [
            json!({"$ref": "#"}),
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"$defs": {"a": {"anyOf": [{"not": {"$ref": "#/$defs/a"}}]}}, "properties": {"x": {"$ref": "#/$defs/a"}}}),
        ] {
            let schema = ParameterSchema::new(&nowhere).unwrap();
            assert_eq!(schema.violations("parameters", &json!({"x": 1}), &[]), [], "{nowhere}");
        }
    }

    #[test]
    fn no_message_shows_a_secret() {
        let schema = json!({"properties": {
            "login": {"properties": {"password": {"type": "integer"}}, "maxProperties": 1},
            "port": {"type": "integer"},
        }});
        let schema = ParameterSchema::new(&schema).unwrap();
        let wrong = json!({"login": {"password": "hunter2", "user": "ann"}, "port": "hunter3"});
        let found = schema.violations("action.parameters", &wrong, &["/login/password".to_owned()]);
        let paths: Vec<&str> = found.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(paths.contains(&"action.parameters.login.password"), "{paths:?}");
        let text: String = found.iter().map(|fault| fault.message.as_str()).collect();
        assert!(!text.contains("hunter2") && text.contains("hunter3"), "{text}");
    }
}
