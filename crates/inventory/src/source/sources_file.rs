//! [`SourcesFile`]: sources and own groups, written down in YAML or JSON.
//!
//! ```yaml
//! sources:
//!   - type: pabawi              # pabawi, hosts, ansible, bolt, ssh_config: with a path
//!     path: nodes.yaml          # relative to this file
//!     name: site                # default: made of type and path
//!     priority: 20              # higher wins; default by type
//!     ttl: 5m                   # how long an answer is good
//!     error_ttl: 10s            # how long a failure is remembered
//!     timeout: 30s              # how long it may take to answer
//!     enabled: true
//!     facts: true               # also gather facts with Ansible; PuppetDB tells them unless this is false
//!   - type: command
//!     command: [cloud-nodes, --json]
//!   - type: puppetdb            # what a plugin knows; its options stand beside it
//!     url: https://puppetdb:8081
//! groups:                       # own groups, by target expressions
//!   prod-web: "@web & @prod"
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use pabawi_domain::document::{self, Data, DocumentLimits, Reader, Tree, join};
use pabawi_domain::duration::parse_duration;
use pabawi_domain::id::GroupName;
use serde_json::{Map, Value};

use super::file::read_text;
use super::{SourceError, SourceKind, SourceSpec};
use crate::catalog::SourceSettings;

const LIMITS: DocumentLimits =
    DocumentLimits { depth: 32, values: 100_000, aliases: 1_000, alias_values: 10_000 };

/// Sources and own groups as they are written down.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourcesFile {
    /// The sources in the order of the file; at equal priority the earlier wins.
    pub sources: Vec<SourceSpec>,
    /// Own groups: the target expression of each.
    pub groups: BTreeMap<GroupName, String>,
}

impl SourcesFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SourceError`] with every fault.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        Self::parse(path, &read_text(path)?)
    }

    /// Reads the text of a file; `path` names it in messages, and relative paths are taken from its directory.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] with every fault.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SourceError> {
        let invalid = |problems| SourceError::Invalid { name: path.display().to_string(), problems };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let tree = document::parse(text, LIMITS).map_err(|problem| invalid(vec![problem]))?;
        let mut reader = Reader::default();
        let mut file = Self::default();
        let directory = path.parent().unwrap_or(Path::new(""));
        for (key, value) in reader.entries(&tree, "", &["sources", "groups"]) {
            match key {
                "sources" => file.sources = sources(&mut reader, value, directory),
                _ => file.groups = groups(&mut reader, value),
            }
        }
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(file) } else { Err(invalid(problems)) }
    }
}

fn sources(reader: &mut Reader, tree: &Tree, directory: &Path) -> Vec<SourceSpec> {
    let Data::List(items) = &tree.value else {
        reader.fault(tree, "sources", format!("must be a list, found {}", tree.value.kind()));
        return Vec::new();
    };
    let mut sources: Vec<SourceSpec> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let field = format!("sources[{index}]");
        let Some(source) = source(reader, item, &field, directory) else { continue };
        let is_known = |known: &SourceSpec| known.name.is_some() && known.name == source.name;
        if sources.iter().any(is_known) {
            reader.fault(item, &join(&field, "name"), "is the name of another source");
        }
        sources.push(source);
    }
    sources
}

fn source(reader: &mut Reader, tree: &Tree, field: &str, directory: &Path) -> Option<SourceSpec> {
    let mut settings = SourceSettings::default();
    let (mut name, mut word, mut facts) = (None, None, None);
    let mut rest: Vec<(&str, &Tree)> = Vec::new();
    for (key, value) in reader.mapping(tree, field) {
        let field = join(field, &key.value);
        match key.value.as_str() {
            "type" => word = reader.text(value, &field),
            "name" => name = reader.text(value, &field),
            "priority" => settings.priority = whole(reader, value, &field),
            "ttl" => set(&mut settings.ttl, duration(reader, value, &field)),
            "error_ttl" => set(&mut settings.error_ttl, duration(reader, value, &field)),
            "timeout" => set(&mut settings.timeout, duration(reader, value, &field)),
            "enabled" => set(&mut settings.enabled, truth(reader, value, &field)),
            // Plugins may mean something else by it, such as which facts become metadata.
            "facts" if matches!(value.value, Data::Bool(_)) => facts = truth(reader, value, &field),
            other => rest.push((other, value)),
        }
    }
    let Some(word) = word else {
        let known = SourceKind::WORDS.join(", ");
        reader.fault(tree, &join(field, "type"), format!("is missing; built in are {known}"));
        return None;
    };
    let kind = kind(reader, tree, field, &word, &rest, directory)?;
    Some(SourceSpec { name, kind, settings, facts })
}

fn kind(
    reader: &mut Reader,
    tree: &Tree,
    field: &str,
    word: &str,
    rest: &[(&str, &Tree)],
    directory: &Path,
) -> Option<SourceKind> {
    if !SourceKind::WORDS.contains(&word) {
        let options = rest.iter().map(|(key, value)| ((*key).to_owned(), value.value.to_json()));
        let options = options.collect::<Map<String, Value>>();
        let directory = directory.to_owned();
        return Some(SourceKind::Other { kind: word.to_owned(), options, directory });
    }
    let wanted = if word == "command" { "command" } else { "path" };
    let mut kind = None;
    for (key, value) in rest {
        let field = join(field, key);
        if *key != wanted {
            reader.fault(value, &field, format!("unknown key of a source of type {word}; it has {wanted}"));
        } else if word == "command" {
            let words: Vec<String> = reader.texts(value, &field).into_iter().map(|(_, text)| text).collect();
            kind = (!words.is_empty()).then_some(SourceKind::Command(words));
        } else {
            kind =
                reader.text(value, &field).and_then(|path| SourceKind::of_path(word, directory.join(path)));
        }
    }
    if kind.is_none() && !rest.iter().any(|(key, _)| *key == wanted) {
        reader.fault(tree, &join(field, wanted), "is missing");
    }
    kind
}

fn groups(reader: &mut Reader, tree: &Tree) -> BTreeMap<GroupName, String> {
    let mut groups = BTreeMap::new();
    for (key, value) in reader.mapping(tree, "groups") {
        let field = join("groups", &key.value);
        match GroupName::new(&key.value) {
            Ok(name) => {
                if let Some(expression) = reader.text(value, &field) {
                    groups.insert(name, expression);
                }
            }
            Err(error) => reader.key_fault(key, &field, error.to_string()),
        }
    }
    groups
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn truth(reader: &mut Reader, tree: &Tree, field: &str) -> Option<bool> {
    match tree.value {
        Data::Bool(truth) => Some(truth),
        _ => {
            reader.fault(tree, field, "must be true or false");
            None
        }
    }
}

fn whole(reader: &mut Reader, tree: &Tree, field: &str) -> Option<i32> {
    let number = match &tree.value {
        Data::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
        _ => None,
    };
    if number.is_none() {
        reader.fault(tree, field, "must be a whole number");
    }
    number
}

fn duration(reader: &mut Reader, tree: &Tree, field: &str) -> Option<Duration> {
    let text = match &tree.value {
        Data::Text(text) => text.as_str(),
        _ => "",
    };
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => {
            reader.fault(tree, field, "must be longer than nothing");
            None
        }
        Ok(duration) => Some(duration),
        Err(reason) => {
            reader.fault(tree, field, reason);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SourcesFile, SourceError> {
        SourcesFile::parse(Path::new("etc/sources.yaml"), text)
    }

    #[test]
    fn sources_are_read_with_their_settings() {
        let file = parse(
            "sources:\n\
             - {type: ansible, path: hosts.ini, name: site, priority: 7, ttl: 1m, error_ttl: 1s, timeout: 2s, enabled: false}\n\
             - {type: command, command: [nodes, --json]}\n\
             - {type: puppetdb, url: 'https://p:8081', ca_file: ca.pem}\n\
             groups: {fronts: '@web & @prod'}\n",
        )
        .unwrap();
        let [site, command, puppetdb] = file.sources.as_slice() else { panic!("{file:?}") };
        assert_eq!(site.kind, SourceKind::Ansible("etc/hosts.ini".into()));
        assert_eq!((site.name.as_deref(), site.settings.priority), (Some("site"), Some(7)));
        assert_eq!(
            (site.settings.ttl, site.settings.timeout),
            (Duration::from_secs(60), Duration::from_secs(2))
        );
        assert!(!site.settings.enabled && command.settings.enabled);
        assert_eq!(command.kind, SourceKind::Command(vec!["nodes".into(), "--json".into()]));
        assert!(matches!(&puppetdb.kind, SourceKind::Other { kind, options, directory }
            if kind == "puppetdb" && options["url"] == "https://p:8081" && *directory == *"etc"));
        assert_eq!(file.groups.values().collect::<Vec<_>>(), ["@web & @prod"]);
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let error = parse(
            "sources:\n- {path: x}\n- {type: hosts}\n- {type: hosts, path: a, ttl: soon, priority: high}\n\
             - {type: bolt, path: b, url: c}\n- {type: command, command: []}\n- {type: hosts, path: h, name: n}\n\
             - {type: hosts, path: h, name: n}\nother: 1\n",
        )
        .unwrap_err()
        .to_string();
        for part in [
            "sources[0].type",
            "sources[1].path",
            "sources[2].ttl",
            "sources[2].priority",
            "sources[3].url",
            "it has path",
            "sources[6].name",
            "other",
            "line 4",
        ] {
            assert!(error.contains(part), "{error} lacks {part}");
        }
        assert!(parse("sources: {a: b}").unwrap_err().to_string().contains("must be a list"));
    }
}
