//! [`to_yaml`]: a JSON value as YAML for people.

use serde_json::Value;

/// Block style; every text is in double quotes as in JSON, so that no reader of YAML takes it for anything else.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text
}

fn write(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push_str(&word(key));
                text.push(':');
                below(value, indent + 2, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push('-');
                below(item, indent + 2, text);
            }
        }
        // What has no parts is the same in both.
        other => {
            text.extend(std::iter::repeat_n(' ', indent));
            text.push_str(&other.to_string());
            text.push('\n');
        }
    }
}

fn below(value: &Value, indent: usize, text: &mut String) {
    let has_parts = match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if has_parts {
        text.push('\n');
        write(value, indent, text);
    } else {
        text.push(' ');
        write(value, 0, text);
    }
}

/// A key without quotes where nobody could misread it.
fn word(key: &str) -> String {
    let is_plain = key.len() > 3
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !matches!(key.to_ascii_lowercase().as_str(), "true" | "false" | "null");
    if is_plain { key.to_owned() } else { Value::String(key.to_owned()).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::yaml11;
    use pabawi_domain::document::DocumentLimits;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_the_same() {
        let value = json!({
            "name": "a: b # c", "yes": "no", "text": "5", "list": [1, [], [{"deep": [null, true]}], {}],
            "": "\u{1}\n\"", "__proto__": {"x": -1.5}, "0644": 420
        });
        let limits = DocumentLimits { depth: 32, values: 1_000, aliases: 0, alias_values: 0 };
        let text = to_yaml(&value);
        assert_eq!(yaml11::read(&text, limits).unwrap().root.into_json(), value, "{text}");
    }
}
