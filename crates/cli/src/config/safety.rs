//! Who may read and change a configuration file: [`look`]. It names programs that are run and may hold secrets.

use std::fs::Metadata;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use pabawi::REDACTED;
use serde_json::Value;

use super::entry::{Entry, Fault};

/// Words in the names of keys whose values are secrets.
const SECRET_WORDS: [&str; 5] = ["password", "passphrase", "secret", "token", "credential"];

/// The keys whose value may be a URL with a password in it.
const DATABASES: [&str; 2] = ["defaults.db", "permissions.database"];

/// A value without the passwords of a URL in it, where it has some.
pub(crate) fn without_password(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for place in passwords(text) {
        shown.push_str(text.get(at..place.start).unwrap_or_default());
        shown.push_str(REDACTED);
        at = place.end;
    }
    shown + text.get(at..).unwrap_or_default()
}

/// Where passwords of a URL stand: before its host, or in its query. One that holds an `@` is taken as a whole, so that no
/// part of it is shown.
fn passwords(text: &str) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    let Some(scheme) = text.find("://").map(|at| at + 3) else { return places };
    let rest = text.get(scheme..).unwrap_or_default();
    if let Some(at) = rest.rfind('@')
        && let Some(colon) = rest.get(..at).and_then(|user| user.find(':'))
    {
        places.push(scheme + colon + 1..scheme + at);
    }
    for (before, _) in rest.match_indices("password=") {
        let start = scheme + before + "password=".len();
        let value = text.get(start..).unwrap_or_default();
        let end = start + value.find('&').unwrap_or(value.len());
        match places.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => places.push(start..end),
        }
    }
    places.retain(|place| !place.is_empty());
    places
}

/// Whether a key is likely to hold a secret.
pub(crate) fn looks_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    // A file or a variable in which the secret stands.
    let is_place = ["file", "path", "env", "variable"].iter().any(|word| last.ends_with(word));
    !is_place && SECRET_WORDS.iter().any(|word| last.contains(word))
}

/// What is wrong with the owner and the mode of a file: somebody else could have `pab` run what they want.
pub(crate) fn look(file: &Path, metadata: &Metadata) -> Option<Fault> {
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
    let (origin, path) = (&secret.origin, &secret.path);
    let instead = match path.as_str() {
        path if DATABASES.contains(&path) => "leave the password out and keep it in ~/.pgpass",
        _ => "write ${VARIABLE} in its place",
    };
    Some(format!(
        "{origin}: {path} is a secret and others can read the file; run chmod 600 on it, or {instead}"
    ))
}

/// Whether a secret is written out there, and not taken from a variable.
fn holds_secret(entry: &Entry) -> bool {
    is_secret_in(&entry.path, &entry.written)
}

fn is_secret_in(path: &str, written: &Value) -> bool {
    match written {
        Value::String(text) => {
            let secret = match path {
                path if DATABASES.contains(&path) => {
                    passwords(text).first().and_then(|place| text.get(place.clone())).unwrap_or_default()
                }
                _ if looks_secret(path) => text,
                _ => "",
            };
            let is_variable = secret.starts_with("${") && !secret.contains(":-");
            !secret.is_empty() && !is_variable
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
            ("permissions.database", json!("postgres://u:abc@h:1/d"), true),
            ("permissions.database", json!("postgres://u:${PASSWORD}@h:1/d"), false),
            ("permissions.database", json!("postgres://u@h:1/d"), false),
            ("defaults.db", json!("postgres://u:abc@h:1/d"), true),
            ("defaults.db", json!("/var/lib/pabawi.db"), false),
        ] {
            assert_eq!(is_secret_in(key, &value), is, "{key} {value}");
        }
    }

    #[test]
    fn no_part_of_a_password_of_a_url_is_shown() {
        for (text, shown) in [
            ("postgres://postgres:postgres@h:1/d", "postgres://postgres:***@h:1/d"),
            ("postgres://u:a@b:c@h:1/d", "postgres://u:***@h:1/d"),
            (
                "postgres://u@h:1/d?sslmode=require&password=x&a=b",
                "postgres://u@h:1/d?sslmode=require&password=***&a=b",
            ),
            ("postgres://u:p@h:1/d?password=x", "postgres://u:***@h:1/d?password=***"),
            ("postgres://h:1/d?password=x@y&a=b", "postgres://h:***&a=b"),
            ("postgres://u@h:1/d", "postgres://u@h:1/d"),
            ("/var/lib/pabawi.db", "/var/lib/pabawi.db"),
        ] {
            assert_eq!(without_password(text), shown, "{text}");
        }
    }
}
