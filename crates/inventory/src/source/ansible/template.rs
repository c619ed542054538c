//! [`resolved`]: plain references in templates, `{{ inventory_hostname }}.example.org` or `{{ address }}`. What Ansible
//! alone can evaluate (filters, lookups, conditions) is told apart.

use std::borrow::Cow;

use serde_json::Value;

/// References that lead to references are followed so far.
const MAX_DEPTH: usize = 8;
/// A value grows no longer than this, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Looks a variable up.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<Cow<'a, Value>> + 'a;

/// The value with its references replaced.
///
/// # Errors
/// Why only Ansible can tell it.
pub(super) fn resolved<'a>(value: Cow<'a, Value>, lookup: &Lookup<'a>) -> Result<Cow<'a, Value>, String> {
    resolve(value, lookup, MAX_DEPTH)
}

fn resolve<'a>(value: Cow<'a, Value>, lookup: &Lookup<'a>, depth: usize) -> Result<Cow<'a, Value>, String> {
    let Value::String(text) = value.as_ref() else {
        if value.get("__ansible_vault").is_some() {
            return Err("is encrypted with Ansible Vault".to_owned());
        }
        return Ok(value);
    };
    if text.contains("{%") || text.contains("{#") {
        return Err(only_ansible(text));
    }
    if !text.contains("{{") {
        return Ok(value);
    }
    if depth == 0 {
        return Err("leads from variable to variable without an end".to_owned());
    }
    let mut whole = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or_else(|| only_ansible(text))?;
        let name = name.trim();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(only_ansible(text));
        }
        let found = lookup(name).ok_or_else(|| format!("names the variable {name}, which is not set"))?;
        let found = resolve(found, lookup, depth - 1)?;
        if before.is_empty() && behind.is_empty() && whole.is_empty() {
            return Ok(found);
        }
        whole.push_str(before);
        match found.as_ref() {
            Value::String(text) => whole.push_str(text),
            Value::Number(number) => whole.push_str(&number.to_string()),
            _ => return Err(format!("names the variable {name}, which is neither a text nor a number")),
        }
        if whole.len() > MAX_BYTES {
            return Err(format!("grows longer than {MAX_BYTES} bytes"));
        }
        rest = behind;
    }
    whole.push_str(rest);
    Ok(Cow::Owned(Value::String(whole)))
}

fn only_ansible(text: &str) -> String {
    let shown: String = text.chars().take(80).collect();
    format!("is a template that only Ansible can evaluate: {shown}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_references_are_followed_and_no_other_template_is() {
        let vars = json!({"a": "{{ b }}", "b": 7, "loop": "{{ loop }}", "v": {"__ansible_vault": "x"}});
        let lookup = |name: &str| vars.get(name).map(Cow::Borrowed);
        let resolve = |text: &str| resolved(Cow::Owned(json!(text)), &lookup).map(Cow::into_owned);
        assert_eq!(resolve("plain"), Ok(json!("plain")));
        assert_eq!(resolve("{{a}}"), Ok(json!(7)));
        assert_eq!(resolve("x-{{ a }}.{{ b }}"), Ok(json!("x-7.7")));
        for (text, why) in [
            ("{{ a | default(1) }}", "only Ansible"),
            ("{% if a %}x{% endif %}", "only Ansible"),
            ("{{ a", "only Ansible"),
            ("{{ none }}", "not set"),
            ("{{ loop }}", "without an end"),
            ("{{ v }}", "Vault"),
        ] {
            let error = resolve(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
