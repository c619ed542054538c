//! Parts of values that may be anything. Nothing here goes deeper into a value by calling itself.

use pabawi_domain::cut::cut;
use serde_json::{Map, Value};

/// Bytes of a value that a message shows.
const SHOWN: usize = 100;

/// Most warnings of one answer.
const MOST_WARNINGS: usize = 200;

/// The text of a field, where it is one and not blank.
pub(super) fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// A whole number, also one that is written as `1.0`.
#[expect(clippy::cast_possible_truncation, reason = "the range is looked at before")]
pub(super) fn whole(value: &Value) -> Option<i64> {
    let float = || {
        let float = value.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
    };
    value.as_i64().or_else(float)
}

/// What a value is, for messages that must not repeat it.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value in a message.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        other => cut(other.to_string(), SHOWN),
    }
}

/// What had to be left out, as much of it as somebody may want to read.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    list: Vec<String>,
    more: usize,
}

impl Warnings {
    /// Adds one; the text is made only when it is kept.
    pub(super) fn add(&mut self, text: impl FnOnce() -> String) {
        if self.list.len() < MOST_WARNINGS {
            self.list.push(text());
        } else {
            self.more += 1;
        }
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.list.push(format!("and {} more like these", self.more));
        }
        self.list
    }
}

/// Whether it is nested deeper than that.
pub(super) fn is_too_deep(value: &Value, most: usize) -> bool {
    let mut left = vec![(value, 1)];
    while let Some((value, depth)) = left.pop() {
        if depth > most {
            return true;
        }
        let is_inner = |value: &&Value| value.is_array() || value.is_object();
        match value {
            Value::Array(values) => {
                left.extend(values.iter().filter(is_inner).map(|value| (value, depth + 1)))
            }
            Value::Object(fields) => {
                left.extend(fields.values().filter(is_inner).map(|value| (value, depth + 1)));
            }
            _ => {}
        }
    }
    false
}

/// About how many bytes of text it is; counted no further than past `enough`.
pub(super) fn size(value: &Value, enough: usize) -> usize {
    let (mut left, mut bytes) = (vec![value], 0_usize);
    while let Some(value) = left.pop() {
        bytes = bytes.saturating_add(8);
        match value {
            Value::String(text) => bytes = bytes.saturating_add(text.len()),
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => {
                for (name, value) in fields {
                    bytes = bytes.saturating_add(name.len());
                    left.push(value);
                }
            }
            _ => {}
        }
        if bytes > enough {
            break;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_and_size_are_counted() {
        let mut deep = json!(1);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        assert!(is_too_deep(&deep, 199) && !is_too_deep(&deep, 201));
        assert!(!is_too_deep(&json!({"a": [{"b": 1}]}), 3) && is_too_deep(&json!({"a": [{"b": 1}]}), 2));
        assert_eq!(size(&json!({"ab": "cde"}), 1_000), 8 + 2 + 8 + 3);
        assert!(size(&json!(["x".repeat(100), "y".repeat(100)]), 50) < 200);
    }

    #[test]
    fn whole_numbers_are_read_as_javascript_writes_them() {
        assert_eq!(whole(&json!(2)), Some(2));
        assert_eq!(whole(&json!(-1.0)), Some(-1));
        for bad in [json!(1.5), json!(1e300), json!("1"), json!(null), json!(true)] {
            assert_eq!(whole(&bad), None, "{bad}");
        }
    }
}
