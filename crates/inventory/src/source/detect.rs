//! [`detect`]: what kind of inventory a path is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pabawi_domain::document::{self, Data, DocumentLimits};

use super::file::read_text;
use super::{SourceError, SourceKind};

/// Only the outermost keys count; what is below is read again by the source, within its own limits.
const LIMITS: DocumentLimits =
    DocumentLimits { depth: 64, values: 8_000_000, aliases: 10_000, alias_values: 1_000_000 };

/// What a path on a command line is.
#[derive(Debug, Clone, PartialEq)]
pub enum Detected {
    /// A source of nodes.
    Source(SourceKind),
    /// A list of sources.
    SourcesFile,
}

/// Looks what kind of inventory a path is. A word before a colon decides by itself (`ansible:hosts`); a directory, an
/// executable file and an INI file are Ansible's; YAML and JSON are told apart by their outermost keys.
///
/// # Errors
/// [`SourceError::Read`] when the path cannot be read.
pub fn detect(text: &str) -> Result<Detected, SourceError> {
    if let Some((word, path)) = text.split_once(':') {
        if word == "sources" {
            return Ok(Detected::SourcesFile);
        }
        if let Some(kind) = SourceKind::of_path(word, path.into()) {
            return Ok(Detected::Source(kind));
        }
    }
    let path = Path::new(text);
    let file =
        std::fs::metadata(path).map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
    if file.is_dir() || file.permissions().mode() & 0o111 != 0 {
        return Ok(Detected::Source(SourceKind::Ansible(path.to_owned())));
    }
    Ok(by_content(path, &read_text(path)?))
}

fn by_content(path: &Path, text: &str) -> Detected {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_document = ["yaml", "yml", "json"].contains(&extension);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let keys = outermost(text);
    let path = path.to_owned();
    let Some(keys) = keys else {
        // What should be YAML and is not gets the messages of the reader that says most about it.
        let kind = if is_document { SourceKind::Pabawi(path) } else { SourceKind::Ansible(path) };
        return Detected::Source(kind);
    };
    let has = |name: &str| keys.iter().any(|(key, _)| key == name);
    let is_list = |name: &str| keys.iter().any(|(key, is_list)| key == name && *is_list);
    if is_list("sources") {
        Detected::SourcesFile
    } else if has("targets") || is_list("groups") || has("version") {
        Detected::Source(SourceKind::Bolt(path))
    } else if has("nodes") || has("groups") {
        Detected::Source(SourceKind::Pabawi(path))
    } else {
        Detected::Source(SourceKind::Ansible(path))
    }
}

/// The outermost keys and whether each holds a list; `None` for what is no mapping. A document in block style is only
/// looked at line by line: it is read whole by its source.
fn outermost(text: &str) -> Option<Vec<(String, bool)>> {
    let mut lines = text
        .lines()
        .filter(|line| {
            !line.trim().is_empty() && !line.trim_start().starts_with('#') && !line.starts_with("---")
        })
        .peekable();
    if lines.peek()?.starts_with('{') {
        return match document::parse(text, LIMITS).map(|tree| tree.value) {
            Ok(Data::Map(entries)) => {
                let is_list = |value: &document::Tree| matches!(value.value, Data::List(_));
                Some(entries.into_iter().map(|(key, value)| (key.value, is_list(&value))).collect())
            }
            _ => None,
        };
    }
    let mut keys = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with('[') {
            return None;
        }
        if line.starts_with([' ', '\t', '-']) {
            continue;
        }
        // YAML 1.2 section 7.4.2: a key ends with a colon before white space.
        let Some((key, value)) = line
            .split_once(':')
            .filter(|(_, value)| value.is_empty() || value.starts_with([' ', '\t', '\r']))
        else {
            continue;
        };
        let value = value.trim();
        let is_list = value.starts_with('[')
            || (value.is_empty() || value.starts_with('#'))
                && lines.peek().is_some_and(|next| next.trim_start().starts_with('-'));
        keys.push((key.trim_matches(['"', '\'', ' ']).to_owned(), is_list));
    }
    (!keys.is_empty()).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, text: &str) -> Detected {
        by_content(Path::new(name), text)
    }

    #[test]
    fn inventories_are_told_apart_by_their_outermost_keys() {
        let path = || std::path::PathBuf::from("i.yaml");
        for (text, expected) in [
            ("nodes: [a]", Detected::Source(SourceKind::Pabawi(path()))),
            ("groups: {web: [a]}", Detected::Source(SourceKind::Pabawi(path()))),
            ("groups: [{name: web, targets: [a]}]", Detected::Source(SourceKind::Bolt(path()))),
            ("targets: [a]", Detected::Source(SourceKind::Bolt(path()))),
            ("version: 2\nconfig: {}", Detected::Source(SourceKind::Bolt(path()))),
            ("all: {hosts: {a: }}", Detected::Source(SourceKind::Ansible(path()))),
            ("plugin: community.docker", Detected::Source(SourceKind::Ansible(path()))),
            ("sources: [{type: hosts, path: h}]", Detected::SourcesFile),
            ("# ours\nnodes:\n  - a\ngroups:\n  web: [a]\n", Detected::Source(SourceKind::Pabawi(path()))),
            ("---\ngroups:\n- name: web\n", Detected::Source(SourceKind::Bolt(path()))),
            ("sources:\n  - type: hosts\n", Detected::SourcesFile),
            ("web:\n  hosts:\n    a:\n", Detected::Source(SourceKind::Ansible(path()))),
            ("{\"nodes\": [\"a\"]}", Detected::Source(SourceKind::Pabawi(path()))),
            ("nodes: [", Detected::Source(SourceKind::Pabawi(path()))),
        ] {
            assert_eq!(kind("i.yaml", text), expected, "{text}");
        }
        for ini in
            ["web1:2222\nweb2 ansible_host=10.0.0.1\n", "# a comment\n\n[web:children]\nfront\n", "plain\n"]
        {
            assert_eq!(kind("hosts", ini), Detected::Source(SourceKind::Ansible("hosts".into())), "{ini}");
        }
        assert_eq!(
            kind("hosts", "[web]\na\n"),
            Detected::Source(SourceKind::Ansible(std::path::PathBuf::from("hosts")))
        );
        assert_eq!(
            detect("bolt:x.yaml").unwrap(),
            Detected::Source(SourceKind::Bolt(std::path::PathBuf::from("x.yaml")))
        );
        assert!(detect("/nonexistent/x").unwrap_err().to_string().contains("/nonexistent/x"));
    }
}
