//! Values as JSON texts: [`json`] writes them, [`read`] reads them and says which field is bad.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::failure::Failure;
use crate::{ErrorCode, ValidationError};

/// A value as JSON.
///
/// # Errors
/// [`Failure`], where it cannot be written.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::new(ErrorCode::Internal, format!("the answer cannot be written: {error}")))
}

/// Reads a value. What is said of a bad one names the field, as far as it is known.
///
/// # Errors
/// [`Failure`] with the field.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let bad = |path: String, error: serde_json::Error| Failure::from(ValidationError::of(path, what(&error)));
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| bad(named(error.path()), error.into_inner()))?;
    reader.end().map_err(|error| bad(String::new(), error))?;
    Ok(value)
}

/// What is wrong. Where it is a value, the field says where it stands, and not a place in a text that nobody may have seen.
fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) if error.is_data() => what.to_owned(),
        _ => text,
    }
}

/// A path as fields are named everywhere, `retry.backoff.initialMs` or `inventory[2]`, as far as it is known.
fn named(path: &Path) -> String {
    let mut name = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => {
                name.push_str(&format!("[{index}]"));
                continue;
            }
            Segment::Map { key } => key,
            Segment::Enum { variant } => variant,
            Segment::Unknown => break,
        };
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(part);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExecutionRequest;

    /// R9.4, R9.5, R9.6
    #[test]
    fn what_is_bad_is_named() {
        for (text, path, part) in [
            (r#"{"targets":"a"}"#, "", "missing field `action`"),
            (
                r#"{"action":{"type":"command","command":"id"},"targets":"a","priority":"x"}"#,
                "priority",
                "invalid type",
            ),
            (r#"{"action":{"type":"command","command":"id"},"targets":"a"} x"#, "", "trailing characters"),
            ("{", "", "EOF"),
            (
                r#"{"targets":"a","tags":["ok",7],"action":{"type":"command","command":"id"}}"#,
                "tags[1]",
                "invalid type",
            ),
        ] {
            let failure = read::<ExecutionRequest>(text).unwrap_err();
            let field = failure.fields.first().unwrap();
            assert_eq!(field.path, path, "{text}: {field:?}");
            assert!(field.message.contains(part), "{text}: {field:?}");
        }
    }
}
