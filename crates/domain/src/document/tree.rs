//! [`Tree`]: a YAML or JSON document in memory, each value with its place. Anchors, depth and size are limited
//! here.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use super::Problem;

/// How large a document may be. Whatever goes past one of them is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentLimits {
    /// The deepest nesting.
    pub depth: usize,
    /// The most values.
    pub values: usize,
    /// The most uses of anchors.
    pub aliases: usize,
    /// The most values that come from using anchors: what stops "a billion laughs".
    pub alias_values: usize,
}

/// A value and its place.
pub type Tree = Spanned<Data>;
/// A key of a mapping and its place.
pub type Key = Spanned<String>;

/// A value.
#[derive(Debug, Clone)]
pub enum Data {
    /// Nothing: `null`, `~` or left empty.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole or a finite floating-point number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// In the order of the document; each key once.
    Map(Vec<(Key, Tree)>),
}

impl Data {
    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// The same without places.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => Value::Number(value.clone()),
            Self::Text(value) => Value::String(value.clone()),
            Self::List(values) => Value::Array(values.iter().map(|tree| tree.value.to_json()).collect()),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, tree)| (key.value.clone(), tree.value.to_json()));
                Value::Object(entries.collect::<Map<String, Value>>())
            }
        }
    }
}

/// Reads one document.
///
/// # Errors
/// The one fault of form that stopped the reading.
pub fn parse(text: &str, limits: DocumentLimits) -> Result<Tree, Problem> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: limits.depth,
            flow_nesting_limit: limits.depth,
            max_nodes: limits.values,
            max_events: limits.values.saturating_mul(3),
            max_aliases: limits.aliases,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: limits.alias_values,
            max_replay_stack_depth: limits.depth,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Tree>(text, options).map_err(|error| {
        let place = error.location();
        let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        Problem {
            line: place.map_or(0, |place| place.line()),
            column: place.map_or(0, |place| place.column()),
            field: String::new(),
            message: message.lines().next().unwrap_or_default().trim().to_owned(),
        }
    })
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        Data::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Data, E> {
        Number::from_f64(value).map(Data::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Data, E> {
        Ok(Data::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Data, E> {
        Ok(Data::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Data, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Data::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Data, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = mapping.next_entry()? {
            entries.push(entry);
        }
        Ok(Data::Map(entries))
    }
}
