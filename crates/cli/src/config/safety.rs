//! Who may read and change a configuration file: [`look`]. It names programs that are run and may hold secrets.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::Value;

use super::entry::{Entry, Fault};

/// Words in the names of keys whose values are secrets.
const SECRET_WORDS: [&str; 5] = ["password", "passphrase", "secret", "token", "credential"];

/// Whether a key is likely to hold a secret.
pub(crate) fn looks_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    // A file or a variable in which the secret stands.
    let is_place = ["file", "path", "env", "variable"].iter().any(|word| last.ends_with(word));
    !is_place && SECRET_WORDS.iter().any(|word| last.contains(word))
}

/// What is wrong with the owner and the mode of a file: somebody else could have `pab` run what they want.
pub(super) fn look(file: &Path, metadata: &Metadata) -> Option<Fault> {
    if !metadata.is_file() {
        return None;
    }
    let own = rustix::process::getuid().as_raw();
    if metadata.uid() != own && metadata.uid() != 0 {
        let text = format!("belongs to user {}; it must belong to you or to root", metadata.uid());
        return Some(Fault::of_file(file, text));
    }
    let is_open = metadata.mode() & 0o002 != 0;
    is_open.then(|| Fault::of_file(file, "can be changed by everybody; run chmod o-w on it"))
}

/// What is said where others can read a secret.
pub(super) fn warning(file: &Path, metadata: &Metadata, entries: &[Entry]) -> Option<String> {
    if metadata.mode() & 0o077 == 0 || !metadata.is_file() {
        return None;
    }
    let secret = entries.iter().find(|entry| entry.origin.file == file && holds_secret(entry))?;
    Some(format!(
        "{}: {} is a secret and others can read the file; run chmod 600 on it, or write ${{VARIABLE}} in its place",
        secret.origin, secret.path
    ))
}

/// Whether a secret is written out there, and not taken from a variable.
fn holds_secret(entry: &Entry) -> bool {
    is_secret_in(&entry.path, &entry.written)
}

fn is_secret_in(path: &str, written: &Value) -> bool {
    match written {
        Value::String(text) => {
            let is_variable = text.starts_with("${") && !text.contains(":-");
            looks_secret(path) && !text.is_empty() && !is_variable
        }
        Value::Object(map) => map.iter().any(|(key, value)| is_secret_in(&format!("{path}.{key}"), value)),
        Value::Array(all) => all.iter().any(|value| is_secret_in(path, value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_known_by_their_names_and_not_where_they_are_kept() {
        for (key, value, is) in [
            ("plugins.puppetdb.config.token", json!("abc"), true),
            ("plugins.x.config", json!({"login": {"bindPassword": "abc"}}), true),
            ("plugins.x.config.tokens", json!(["abc"]), true),
            ("plugins.x.config.token", json!("${TOKEN}"), false),
            ("plugins.x.config.token", json!("${TOKEN:-abc}"), true),
            ("plugins.x.config.token", json!(""), false),
            ("plugins.x.config.tokenFile", json!("/etc/token"), false),
            ("defaults.user", json!("ops"), false),
        ] {
            assert_eq!(is_secret_in(key, &value), is, "{key} {value}");
        }
    }
}
