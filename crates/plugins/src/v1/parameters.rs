//! `CapabilityParameter[]` of v1.x as a JSON Schema: [`Parameters`]. What cannot be used is left out and told.

use pabawi_domain::schema::ParameterSchema;
use serde_json::{Map, Value, json};

use super::fields::{kind, text, whole};
use super::secrets::is_secret;

/// Most parameters of one capability.
const MOST: usize = 500;

/// Parameters of one capability.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    properties: Map<String, Value>,
    required: Vec<Value>,
    /// JSON pointers to those that are secrets by their names.
    pub(super) sensitive: Vec<String>,
}

impl Parameters {
    /// Reads a list of them. `named` are names of parameters that stand for something else here, and are no part of the
    /// schema.
    pub(super) fn read(list: Option<&Value>, at: &str, named: &[&str], warnings: &mut Vec<String>) -> Self {
        let mut all = Self::default();
        let list = match list {
            None | Some(Value::Null) => return all,
            Some(Value::Array(list)) => list,
            Some(other) => {
                warnings.push(format!("{at}: is {} and no array, so nothing is known of it", kind(other)));
                return all;
            }
        };
        if list.len() > MOST {
            warnings.push(format!("{at}: has {} parameters, the first {MOST} are taken", list.len()));
        }
        for (index, parameter) in list.iter().take(MOST).enumerate() {
            let at = format!("{at}[{index}]");
            let parameter = parameter.as_object();
            let Some((parameter, name)) =
                parameter.and_then(|parameter| Some((parameter, text(parameter, "name")?)))
            else {
                warnings.push(format!("{at}.name: is no text, so the parameter is left out"));
                continue;
            };
            if named.contains(&name) {
                continue;
            }
            if all.properties.contains_key(name) {
                warnings.push(format!("{at}.name: {name:?} is there twice, the first stands"));
                continue;
            }
            let schema = schema(parameter, &at, warnings);
            all.properties.insert(name.to_owned(), Value::Object(schema));
            if parameter.get("required") == Some(&Value::Bool(true)) {
                all.required.push(name.into());
            }
            if is_secret(name) {
                all.sensitive.push(format!("/{}", name.replace('~', "~0").replace('/', "~1")));
            }
        }
        all
    }

    /// The schema. Further parameters are let through, as in v1.x.
    pub(super) fn schema(self) -> Value {
        json!({"type": "object", "properties": self.properties, "required": self.required})
    }
}

fn schema(parameter: &Map<String, Value>, at: &str, warnings: &mut Vec<String>) -> Map<String, Value> {
    let mut schema = Map::new();
    let of_type = match parameter.get("type") {
        Some(Value::String(word))
            if ["string", "number", "boolean", "object", "array"].contains(&word.as_str()) =>
        {
            schema.insert("type".to_owned(), word.as_str().into());
            word.as_str()
        }
        other => {
            let said = other.map_or_else(|| "missing".to_owned(), super::fields::shown);
            warnings.push(format!("{at}.type: {said} is none of string, number, boolean, object, array"));
            ""
        }
    };
    if let Some(description) = text(parameter, "description") {
        schema.insert("description".to_owned(), description.into());
    }
    if let Some(default) = parameter.get("default").filter(|default| !default.is_null()) {
        schema.insert("default".to_owned(), default.clone());
    }
    let Some(Value::Object(validation)) = parameter.get("validation") else { return schema };
    let bounds = match of_type {
        "number" => [("min", "minimum"), ("max", "maximum")],
        "string" => [("min", "minLength"), ("max", "maxLength")],
        "array" => [("min", "minItems"), ("max", "maxItems")],
        _ => [("min", ""), ("max", "")],
    };
    for (theirs, ours) in bounds {
        let Some(value) = validation.get(theirs).filter(|value| !value.is_null()) else { continue };
        let usable = match of_type {
            "number" => value.is_number().then(|| value.clone()),
            "string" | "array" => whole(value).filter(|number| *number >= 0).map(Value::from),
            _ => None,
        };
        match usable {
            Some(value) => drop(schema.insert(ours.to_owned(), value)),
            None => {
                warnings.push(format!("{at}.validation.{theirs}: cannot bound such a parameter, left out"))
            }
        }
    }
    if let Some(pattern) = validation.get("pattern").filter(|pattern| !pattern.is_null()) {
        // What is no pattern here may be one in JavaScript: look-around and back references take unbounded time.
        match ParameterSchema::new(&json!({ "pattern": pattern })) {
            Ok(_) => drop(schema.insert("pattern".to_owned(), pattern.clone())),
            Err(error) => warnings.push(format!("{at}.validation.pattern: left out, since it {error}")),
        }
    }
    match validation.get("enum") {
        None | Some(Value::Null) => {}
        Some(Value::Array(values)) if !values.is_empty() => {
            schema.insert("enum".to_owned(), Value::Array(values.clone()));
        }
        Some(_) => warnings.push(format!("{at}.validation.enum: is no list of values, left out")),
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R9.3, R9.5: what v1.x says of parameters becomes their schema.
    #[test]
    fn parameters_become_a_schema() {
        let list = json!([
            {"name": "command", "type": "string", "required": true},
            {"name": "ensure", "type": "string", "required": true, "validation": {"enum": ["present", "absent"]}},
            {"name": "cores", "type": "number", "required": false, "default": 1, "description": "How many",
             "validation": {"min": 1, "max": 8}},
            {"name": "host", "type": "string", "validation": {"min": 1, "max": 3.0, "pattern": "^[a-z]+$"}},
            {"name": "rootPassword", "type": "string"},
            {"name": "a/b~token", "type": "object"},
            {"name": "__proto__", "type": "array", "validation": {"max": 2}},
        ]);
        let mut warnings = Vec::new();
        let parameters = Parameters::read(Some(&list), "p", &["command"], &mut warnings);
        assert_eq!(
            (warnings, parameters.sensitive.clone()),
            (vec![], vec!["/rootPassword".to_owned(), "/a~1b~0token".to_owned()])
        );
        let schema = parameters.schema();
        let cores =
            json!({"type": "number", "description": "How many", "default": 1, "minimum": 1, "maximum": 8});
        assert_eq!(schema["properties"]["cores"], cores);
        assert_eq!(schema["required"], json!(["ensure"]));
        let check = ParameterSchema::new(&schema).unwrap();
        let faults = |value: Value| check.violations("p", &value, &[]).len();
        assert_eq!(
            faults(json!({"ensure": "present", "more": {"x": 1}})),
            0,
            "what is unknown is let through"
        );
        for bad in [
            json!({}),
            json!({"ensure": "latest"}),
            json!({"ensure": "present", "cores": 9}),
            json!({"ensure": "present", "host": "abcd"}),
            json!({"ensure": "present", "host": "A"}),
            json!({"ensure": "present", "__proto__": [1, 2, 3]}),
        ] {
            assert_eq!(faults(bad.clone()), 1, "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_told() {
        let list = json!([
            null, "x", {"name": ""}, {"name": 5},
            {"name": "a", "type": "date"},
            {"name": "a", "type": "string"},
            {"name": "b", "type": "string", "validation": {"pattern": "(", "min": -1, "enum": []}},
            {"name": "c", "type": "string", "validation": {"pattern": "(?=x)", "max": "3"}},
            {"name": "d", "type": "boolean", "validation": {"min": 1, "enum": "x"}},
            {"name": "e", "type": "number", "validation": {"pattern": 5}},
            {"name": "f", "type": "number", "validation": "none"},
        ]);
        let mut warnings = Vec::new();
        let schema = Parameters::read(Some(&list), "p", &[], &mut warnings).schema();
        ParameterSchema::new(&schema).unwrap();
        let said: Vec<&str> = warnings.iter().filter_map(|warning| warning.split(": ").next()).collect();
        assert_eq!(
            said,
            [
                "p[0].name",
                "p[1].name",
                "p[2].name",
                "p[3].name",
                "p[4].type",
                "p[5].name",
                "p[6].validation.min",
                "p[6].validation.pattern",
                "p[6].validation.enum",
                "p[7].validation.max",
                "p[7].validation.pattern",
                "p[8].validation.min",
                "p[8].validation.enum",
                "p[9].validation.pattern",
            ],
            "{warnings:#?}"
        );
        let mut warnings = Vec::new();
        Parameters::read(Some(&json!({"0": 1})), "p", &[], &mut warnings);
        assert_eq!(warnings.len(), 1);
    }
}
