//! JSON values as YAML for Ansible: [`literal`], whose texts are never templates, and [`plain`]. JSON as it is would nearly do;
//! YAML takes fewer characters unescaped.

use std::fmt::Write as _;

use serde_json::Value;

/// A value whose texts Ansible takes as they are: its template engine runs look-ups on this machine.
pub(super) fn literal(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, "!unsafe ");
    text
}

/// A value whose texts are templates to Ansible.
pub(super) fn plain(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, "");
    text
}

fn write(text: &mut String, value: &Value, mark: &str) {
    match value {
        Value::String(string) => {
            text.push_str(mark);
            quote(text, string);
        }
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                write(text, value, mark);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                // With the mark of a complex key, since a plain one may not be longer than 1024 characters.
                text.push_str("? ");
                quote(text, name);
                text.push_str(" : ");
                write(text, value, mark);
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// A double-quoted scalar in ASCII (YAML 1.1, 5.5 and 7.3.1).
fn quote(text: &mut String, string: &str) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            ' '..='~' => text.push(character),
            other => {
                // Writing to a text cannot fail.
                let _ = write!(text, "\\U{:08X}", u32::from(other));
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_marked_and_escaped_and_nothing_else_is() {
        let value =
            json!({"a b": ["{{ x }}", 1, true, null, 0.5], "c": {"\u{7f}": "\u{e4}\u{1f600}\0\"\\\n"}});
        let text = r#"{? "a b" : [!unsafe "{{ x }}", 1, true, null, 0.5], ? "c" : {? "\U0000007F" : !unsafe "\U000000E4\U0001F600\U00000000\"\\\n"}}"#;
        assert_eq!(literal(&value), text);
        assert_eq!(plain(&value), text.replace("!unsafe ", ""));
    }
}
