//! What a JSON Schema says of its properties, as far as options need it: [`parameters_of`]. It helps to type values; what is
//! right decides the schema itself, which every value is checked against afterwards.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Most properties that become options of their own; the others are given with `--params`.
const MOST: usize = 500;
/// References and combinations that are followed one after the other.
const DEEPEST: usize = 16;

/// A property of the parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    /// Its name in the schema.
    pub(crate) name: String,
    /// How a text becomes a value of it.
    pub(crate) shape: Shape,
    /// Whether it has to be given.
    pub(crate) required: bool,
    /// What holds without it, where the schema says so and the value fits its type.
    pub(crate) default: Option<Value>,
    /// What it is for.
    pub(crate) description: String,
    /// Whether it is a secret or holds one.
    pub(crate) secrecy: Secrecy,
}

/// How a text becomes a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// It is the value.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Switch,
    /// One of these values.
    Choice(Vec<Value>),
    /// Each text is an item.
    List(Box<Shape>),
    /// JSON.
    Json,
    /// JSON where that makes a value of one of these types, and a text otherwise.
    Mixed(BTreeSet<String>),
}

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// It may.
    Open,
    /// It is a secret.
    Secret,
    /// A part of it is a secret.
    HoldsSecret,
}

/// The properties of a schema, in the order of their names; those that have to be given come first. `sensitive` are JSON
/// pointers (RFC 6901) to secrets.
pub(crate) fn parameters_of(schema: &Value, sensitive: &[String]) -> Vec<Parameter> {
    let mut found = Found { root: schema, properties: Map::new(), required: BTreeSet::new() };
    found.object(schema, true, 0);
    let Found { properties, required, .. } = found;
    let mut all: Vec<Parameter> = properties
        .iter()
        .map(|(name, property)| parameter(name, property, schema, required.contains(name), sensitive))
        .collect();
    all.sort_by_key(|parameter| !parameter.required);
    all.truncate(MOST);
    all
}

/// Properties that were found in a schema and in what it refers to.
struct Found<'a> {
    root: &'a Value,
    properties: Map<String, Value>,
    required: BTreeSet<String>,
}

impl<'a> Found<'a> {
    /// Takes the properties of a schema of an object; `always` says that it holds whatever else is given.
    fn object(&mut self, schema: &'a Value, always: bool, depth: usize) {
        let schema = followed(schema, self.root);
        if depth > DEEPEST {
            return;
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                self.properties.entry(name.clone()).or_insert_with(|| property.clone());
            }
        }
        if let Some(required) = schema.get("required").and_then(Value::as_array)
            && always
        {
            self.required.extend(required.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        for (word, always_there) in
            [("allOf", always), ("anyOf", false), ("oneOf", false), ("then", false), ("else", false)]
        {
            match schema.get(word) {
                Some(Value::Array(all)) => {
                    for one in all {
                        self.object(one, always_there, depth + 1);
                    }
                }
                Some(one @ Value::Object(_)) => self.object(one, always_there, depth + 1),
                _ => {}
            }
        }
        // What has to be given and is described nowhere can be given all the same.
        if depth == 0 {
            for name in &self.required {
                self.properties.entry(name.clone()).or_insert(Value::Bool(true));
            }
        }
    }
}

/// The schema behind references within the document.
fn followed<'a>(mut schema: &'a Value, root: &'a Value) -> &'a Value {
    for _ in 0..DEEPEST {
        let target =
            schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

fn parameter(name: &str, property: &Value, root: &Value, required: bool, sensitive: &[String]) -> Parameter {
    let target = followed(property, root);
    let shape = shape(target, root, 0);
    // A word beside a reference goes before that of its target.
    let word = |key: &str| property.get(key).or_else(|| target.get(key));
    let text = |key: &str| word(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let description = text("description").or_else(|| text("title")).unwrap_or_default().to_owned();
    let default = word("default").filter(|value| !value.is_null() && shape.fits(value)).cloned();
    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let secrecy = if sensitive.contains(&pointer) {
        Secrecy::Secret
    } else if sensitive
        .iter()
        .any(|secret| secret.strip_prefix(&pointer).is_some_and(|rest| rest.starts_with('/')))
    {
        Secrecy::HoldsSecret
    } else {
        Secrecy::Open
    };
    Parameter { name: name.to_owned(), shape, required, default, description, secrecy }
}

fn shape(schema: &Value, root: &Value, depth: usize) -> Shape {
    let schema = followed(schema, root);
    if depth > DEEPEST {
        return Shape::Mixed(BTreeSet::new());
    }
    if let Some(constant) = schema.get("const") {
        return Shape::Choice(vec![constant.clone()]);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Shape::Choice(values.iter().filter(|value| !value.is_null()).cloned().collect());
    }
    let types = types(schema);
    let mut types = types.iter().filter(|name| name.as_str() != "null");
    match (types.next().map(String::as_str), types.next()) {
        (Some("string"), None) => Shape::Text,
        (Some("integer"), None) => Shape::Integer,
        (Some("number"), None) => Shape::Number,
        (Some("boolean"), None) => Shape::Switch,
        (Some("object"), None) => Shape::Json,
        (Some("array"), None) => {
            let items = schema.get("items").unwrap_or(&Value::Bool(true));
            Shape::List(Box::new(shape(items, root, depth + 1)))
        }
        (Some(first), Some(second)) => {
            let all = [first, second].into_iter().map(str::to_owned).chain(types.cloned());
            Shape::Mixed(all.collect())
        }
        _ => combined(schema, root, depth),
    }
}

/// The types that a schema names.
fn types(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ if schema.get("properties").is_some() => vec!["object".to_owned()],
        _ => Vec::new(),
    }
}

/// The shape of what is one of several, or all of them.
fn combined(schema: &Value, root: &Value, depth: usize) -> Shape {
    for word in ["allOf", "oneOf", "anyOf"] {
        let Some(all) = schema.get(word).and_then(Value::as_array) else { continue };
        let is_null =
            |schema: &&Value| followed(schema, root).get("type").and_then(Value::as_str) != Some("null");
        let shapes: Vec<Shape> =
            all.iter().filter(is_null).map(|schema| shape(schema, root, depth + 1)).collect();
        if word == "allOf" {
            // All hold, so that the first which says something is enough.
            let open = Shape::Mixed(BTreeSet::new());
            return shapes.into_iter().find(|shape| *shape != open).unwrap_or(open);
        }
        return shapes.into_iter().reduce(either).unwrap_or(Shape::Mixed(BTreeSet::new()));
    }
    Shape::Mixed(BTreeSet::new())
}

fn either(one: Shape, other: Shape) -> Shape {
    match (one, other) {
        (one, other) if one == other => one,
        (Shape::Choice(mut all), Shape::Choice(more)) => {
            all.extend(more);
            Shape::Choice(all)
        }
        (one, other) => match (one.types(), other.types()) {
            (Some(one), Some(other)) => Shape::Mixed(one.into_iter().chain(other).collect()),
            _ => Shape::Mixed(BTreeSet::new()),
        },
    }
}

impl Shape {
    /// The types of its values; nothing where any may be.
    fn types(&self) -> Option<BTreeSet<String>> {
        let one = |name: &str| Some(BTreeSet::from([name.to_owned()]));
        match self {
            Self::Text => one("string"),
            Self::Integer => one("integer"),
            Self::Number => one("number"),
            Self::Switch => one("boolean"),
            Self::List(_) => one("array"),
            Self::Json => one("object"),
            Self::Choice(values) => Some(values.iter().map(|value| type_of(value).to_owned()).collect()),
            Self::Mixed(types) if types.is_empty() => None,
            Self::Mixed(types) => Some(types.clone()),
        }
    }

    /// Whether a value has a type of this shape.
    pub(crate) fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Choice(values) => values.contains(value),
            Self::List(item) => value.as_array().is_some_and(|all| all.iter().all(|value| item.fits(value))),
            _ => self.types().is_none_or(|types| {
                types.contains(type_of(value))
                    || (value.is_i64() || value.is_u64()) && types.contains("number")
            }),
        }
    }

    /// What stands for a value in help texts.
    pub(crate) fn value_name(&self) -> &'static str {
        match self {
            Self::Text | Self::Choice(_) => "TEXT",
            Self::Integer => "N",
            Self::Number => "NUMBER",
            Self::Switch => "BOOL",
            Self::List(item) => item.value_name(),
            Self::Json => "JSON",
            Self::Mixed(_) => "VALUE",
        }
    }

    /// One or two words for a table.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Integer => "integer".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Switch => "boolean".to_owned(),
            Self::Choice(_) => "one of several".to_owned(),
            Self::List(item) => format!("list of {}", item.word()),
            Self::Json => "object".to_owned(),
            Self::Mixed(types) if types.is_empty() => "any".to_owned(),
            Self::Mixed(types) => types.iter().map(String::as_str).collect::<Vec<_>>().join(" or "),
        }
    }

    /// The words that may be typed, where there are only these.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Choice(values) => values.iter().map(written).collect(),
            Self::List(item) => item.words(),
            _ => Vec::new(),
        }
    }

    /// The value that a text means. What cannot be read stays a text, which the schema then refuses with its own words.
    pub(crate) fn value(&self, text: &str) -> Value {
        let json = || serde_json::from_str::<Value>(text).ok();
        let as_it_is = || Value::from(text);
        match self {
            Self::Text => as_it_is(),
            Self::Integer | Self::Number => json().filter(Value::is_number).unwrap_or_else(as_it_is),
            Self::Switch => match text {
                "true" | "yes" | "on" => true.into(),
                "false" | "no" | "off" => false.into(),
                _ => as_it_is(),
            },
            Self::Choice(values) => {
                values.iter().find(|value| written(value) == text).cloned().unwrap_or_else(as_it_is)
            }
            Self::List(item) => item.value(text),
            Self::Json => json().unwrap_or_else(as_it_is),
            Self::Mixed(types) => {
                let fits = |value: &Value| types.is_empty() || self.fits(value);
                // A text in quotation marks is one where somebody wants 5 as a text.
                json().filter(fits).unwrap_or_else(as_it_is)
            }
        }
    }
}

/// A value as it is typed.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(property: Value) -> Parameter {
        let schema = json!({
            "properties": {"x": property},
            "$defs": {"port": {"type": "integer", "description": "A port"}, "loop": {"$ref": "#/$defs/loop"}},
        });
        parameters_of(&schema, &[]).pop().unwrap()
    }

    fn mixed(types: &[&str]) -> Shape {
        Shape::Mixed(types.iter().map(|name| (*name).to_owned()).collect())
    }

    /// R12.10: how each kind of schema is typed.
    #[test]
    fn a_schema_says_how_values_are_typed() {
        for (schema, shape) in [
            (json!({"type": "string"}), Shape::Text),
            (json!({"type": ["string", "null"]}), Shape::Text),
            (json!({"type": "integer"}), Shape::Integer),
            (json!({"type": "number"}), Shape::Number),
            (json!({"type": "boolean"}), Shape::Switch),
            (json!({"enum": ["a", 5, null]}), Shape::Choice(vec!["a".into(), 5.into()])),
            (json!({"const": "a"}), Shape::Choice(vec!["a".into()])),
            (json!({"type": "array", "items": {"type": "integer"}}), Shape::List(Box::new(Shape::Integer))),
            (json!({"type": "array"}), Shape::List(Box::new(mixed(&[])))),
            (json!({"properties": {"y": {}}}), Shape::Json),
            (json!({"$ref": "#/$defs/port"}), Shape::Integer),
            (json!({"$ref": "#/$defs/loop"}), mixed(&[])),
            (json!({"$ref": "#/$defs/none"}), mixed(&[])),
            (json!({"allOf": [{}, {"$ref": "#/$defs/port"}]}), Shape::Integer),
            (json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}), mixed(&["string", "integer"])),
            (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), Shape::Text),
            (json!({"oneOf": [{"const": "a"}, {"const": "b"}]}), Shape::Choice(vec!["a".into(), "b".into()])),
            (json!({"anyOf": [{"type": "string"}, {}]}), mixed(&[])),
            (json!({"anyOf": []}), mixed(&[])),
            (json!(true), mixed(&[])),
            (json!({"type": 5}), mixed(&[])),
        ] {
            assert_eq!(one(schema.clone()).shape, shape, "{schema}");
        }
        assert_eq!(one(json!({"$ref": "#/$defs/port"})).description, "A port");
        assert_eq!(one(json!({"$ref": "#/$defs/port", "description": "Mine"})).description, "Mine");
    }

    #[test]
    fn texts_become_values_of_the_type_that_is_wanted() {
        let list = Shape::List(Box::new(Shape::Integer));
        for (shape, text, value) in [
            (Shape::Text, "5", json!("5")),
            (Shape::Integer, "5", json!(5)),
            (Shape::Integer, "18446744073709551615", json!(u64::MAX)),
            (Shape::Integer, "five", json!("five")),
            (Shape::Number, "-2.5", json!(-2.5)),
            (Shape::Switch, "yes", json!(true)),
            (Shape::Switch, "off", json!(false)),
            (Shape::Switch, "maybe", json!("maybe")),
            (Shape::Choice(vec![json!(5), json!("a")]), "5", json!(5)),
            (Shape::Choice(vec![json!("a")]), "b", json!("b")),
            (list, "7", json!(7)),
            (Shape::Json, r#"{"a": [1]}"#, json!({"a": [1]})),
            (Shape::Json, "{", json!("{")),
            (mixed(&["string", "integer"]), "5", json!(5)),
            (mixed(&["string", "integer"]), "\"5\"", json!("5")),
            (mixed(&["string", "integer"]), "true", json!("true")),
            (mixed(&[]), "true", json!(true)),
            (mixed(&[]), "plain text", json!("plain text")),
        ] {
            assert_eq!(shape.value(text), value, "{shape:?} {text}");
        }
    }

    #[test]
    fn properties_are_found_wherever_they_stand() {
        let schema = json!({
            "$ref": "#/$defs/base",
            "$defs": {"base": {
                "required": ["b", "nowhere"],
                "properties": {"a": {"default": 5, "type": "string"}, "b": {"default": "x", "type": "string"}},
                "allOf": [{"properties": {"c": {}}, "required": ["c"]}],
                "oneOf": [{"properties": {"d": {}}, "required": ["d"]}, {"properties": {"e": {}}}],
                "if": {"properties": {"z": {}}},
                "then": {"properties": {"f": {}}, "required": ["f"]},
            }},
        });
        let found = parameters_of(&schema, &["/a".to_owned(), "/d/key".to_owned()]);
        let told: Vec<(&str, bool)> = found.iter().map(|one| (one.name.as_str(), one.required)).collect();
        let required = [("b", true), ("c", true), ("nowhere", true)];
        let rest = [("a", false), ("d", false), ("e", false), ("f", false)];
        assert_eq!(told, [&required[..], &rest].concat());
        let of = |name: &str| found.iter().find(|one| one.name == name).unwrap();
        assert_eq!((of("a").default.clone(), of("b").default.clone()), (None, Some("x".into())));
        assert_eq!(
            (of("a").secrecy, of("d").secrecy, of("e").secrecy),
            (Secrecy::Secret, Secrecy::HoldsSecret, Secrecy::Open)
        );
        for odd in [json!(true), json!({}), json!({"properties": 5, "required": "x"}), json!([])] {
            assert!(parameters_of(&odd, &[]).is_empty(), "{odd}");
        }
        let many: Map<String, Value> = (0..2_000).map(|number| (format!("p{number}"), json!({}))).collect();
        assert_eq!(parameters_of(&json!({"properties": many}), &[]).len(), MOST);
    }
}
