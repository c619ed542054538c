//! [`read`]: an inventory file of Bolt becomes a [`Tree`].

use std::collections::{BTreeMap, HashMap, HashSet};

use pabawi_domain::document::{DocumentLimits, join};
use pabawi_domain::id::{GroupName, NodeId};
use serde_json::{Map, Value};

use super::data::Data;
use super::reference::{reference_below, reference_in};
use super::target::name_of_uri;
use super::tree::{Group, Target, Tree};
use crate::nodeset::MAX_NODES;
use crate::source::faults::Faults;
use crate::source::yaml11::{self, Key, Yaml};

/// An inventory of a million targets fits.
pub(super) const LIMITS: DocumentLimits =
    DocumentLimits { depth: 64, values: 16_000_000, aliases: 10_000, alias_values: 400_000 };

const GROUP_KEYS: [&str; 9] =
    ["name", "groups", "targets", "config", "facts", "vars", "features", "plugin_hooks", "version"];
const TARGET_KEYS: [&str; 8] =
    ["name", "uri", "alias", "config", "facts", "vars", "features", "plugin_hooks"];

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) tree: Tree,
    pub(super) faults: Faults,
    /// Where only Bolt can tell what the inventory holds: line, field, and the plugin that has to be asked. The group, or
    /// the entry of the top level, is not in the tree.
    pub(super) references: Vec<(u64, String, String)>,
    /// Whether what Bolt alone can tell is about all targets.
    pub(super) needs_bolt: bool,
}

/// A target as it stands in a group.
pub(super) enum Entry {
    /// A name, an alias or a URI; which of them shows when all groups are known.
    Text(String, u64, u64),
    Defined(usize, Data),
}

pub(super) struct Reader {
    pub(super) read: Read,
    /// The targets of each group.
    pub(super) entries: Vec<Vec<(String, Entry)>>,
    pub(super) aliases: HashMap<String, usize>,
    pub(super) group_names: HashSet<String>,
}

/// Reads a document.
pub(super) fn read(root: Yaml) -> Read {
    let mut reader = Reader {
        read: Read::default(),
        entries: Vec::new(),
        aliases: HashMap::new(),
        group_names: HashSet::new(),
    };
    if root.is_null() {
        reader.read.faults.fault(0, 0, "", "is empty; write for example 'targets: [web1]'");
    } else if let Some(plugin) = reference_in(&root) {
        reader.read.references.push((root.line, String::new(), plugin));
        reader.read.needs_bolt = true;
    } else {
        reader.group(root, "", true);
        reader.resolve();
        reader.check();
    }
    reader.read
}

impl Reader {
    /// Reads a group with all in it; returns its place, or nothing when it is left out.
    fn group(&mut self, value: Yaml, field: &str, is_all: bool) -> Option<usize> {
        let (line, column) = (value.line, value.column);
        let kind = value.kind();
        let yaml11::Data::Map(entries) = value.data else {
            self.read.faults.fault(line, column, field, format!("must be a mapping, found {kind}"));
            return None;
        };
        // A reference in a group decides about everything in it, so that the group is left out as a whole; groups in
        // it have what it says, too.
        let mut entries: Vec<(Key, Yaml)> = entries;
        let mut left_out = false;
        for (key, value) in &mut entries {
            let is_list = matches!(key.text.as_str(), "targets" | "groups");
            let field = join(field, &key.text);
            if is_all && is_list {
                // Of the top level only the entry is left out: the group `all` cannot be.
                if let Some(plugin) = reference_in(value) {
                    self.read.references.push((value.line, field, plugin));
                    value.data = yaml11::Data::Scalar(Value::Null);
                } else if let (yaml11::Data::List(items), "targets") = (&mut value.data, key.text.as_str()) {
                    let references = &mut self.read.references;
                    items.retain(|item| match reference_below(item) {
                        Some((line, plugin)) => {
                            references.push((line, field.clone(), plugin));
                            false
                        }
                        None => true,
                    });
                }
            } else if key.text == "groups" && reference_in(value).is_none() {
                // Groups in this one are looked at on their own.
            } else if let Some((line, plugin)) = reference_below(value) {
                self.read.references.push((line, field, plugin));
                self.read.needs_bolt |= is_all;
                left_out = true;
            }
        }
        if left_out {
            return None;
        }
        let name = self.group_name(&entries, line, column, field, is_all)?;
        let at = self.read.tree.groups.len();
        self.read.tree.groups.push(Group {
            name,
            data: Data::default(),
            targets: BTreeMap::new(),
            order: Vec::new(),
            groups: Vec::new(),
        });
        self.entries.push(Vec::new());
        let mut data = Data::default();
        for (key, value) in entries {
            if self.read.faults.is_full() {
                return None;
            }
            let field = join(field, &key.text);
            match key.text.as_str() {
                "targets" => self.targets(value, at, &field),
                "groups" => self.groups(value, at, &field),
                "nodes" => self.read.faults.fault(
                    key.line,
                    key.column,
                    &field,
                    "is of inventory version 1; migrate it with 'bolt project migrate'",
                ),
                name if GROUP_KEYS.contains(&name) => self.data(&key, value, &field, &mut data),
                _ => self.read.faults.warn(key.line, key.column, &field, "is no key of a group; passed over"),
            }
        }
        if let Some(group) = self.read.tree.groups.get_mut(at) {
            group.data = data;
        }
        Some(at)
    }

    fn group_name(
        &mut self,
        entries: &[(Key, Yaml)],
        line: u64,
        column: u64,
        field: &str,
        is_all: bool,
    ) -> Option<GroupName> {
        let text = match entries.iter().find(|(key, _)| key.text == "name").map(|(_, value)| &value.data) {
            _ if is_all => "all".to_owned(),
            Some(yaml11::Data::Scalar(Value::String(name))) => name.clone(),
            _ => {
                self.read.faults.fault(
                    line,
                    column,
                    &join(field, "name"),
                    "a group must have a name, a text",
                );
                return None;
            }
        };
        if !is_bolt_name(&text) {
            let message = format!("{text:?} is no group name; it is made of a-z, 0-9, '_' and '-'");
            self.read.faults.fault(line, column, &join(field, "name"), message);
            return None;
        }
        if !self.group_names.insert(text.clone()) {
            self.read.faults.fault(
                line,
                column,
                &join(field, "name"),
                format!("group {text} is given twice"),
            );
            return None;
        }
        GroupName::new(&text)
            .map_err(|error| self.read.faults.fault(line, column, &join(field, "name"), error.to_string()))
            .ok()
    }

    fn groups(&mut self, value: Yaml, parent: usize, field: &str) {
        let (line, column, kind) = (value.line, value.column, value.kind());
        match value.data {
            yaml11::Data::Scalar(Value::Null) => {}
            yaml11::Data::List(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    let field = format!("{field}[{index}]");
                    if let Some(plugin) = reference_in(&item) {
                        self.read.references.push((item.line, field, plugin));
                        continue;
                    }
                    let child = self.group(item, &field, false);
                    if let (Some(child), Some(group)) = (child, self.read.tree.groups.get_mut(parent)) {
                        group.groups.push(child);
                    }
                }
            }
            _ => {
                self.read.faults.fault(line, column, field, format!("must be a list of groups, found {kind}"))
            }
        }
    }

    fn targets(&mut self, value: Yaml, group: usize, field: &str) {
        let (line, column, kind) = (value.line, value.column, value.kind());
        let items = match value.data {
            yaml11::Data::Scalar(Value::Null) => return,
            yaml11::Data::List(items) => items,
            yaml11::Data::Scalar(Value::String(_)) | yaml11::Data::Map(_) => vec![value],
            _ => {
                let message = format!("must be a list of targets, found {kind}");
                return self.read.faults.fault(line, column, field, message);
            }
        };
        for (index, item) in items.into_iter().enumerate() {
            if self.read.faults.is_full() {
                return;
            }
            if self.read.tree.targets.len() as u64 >= MAX_NODES {
                return self.read.faults.fault(
                    item.line,
                    item.column,
                    field,
                    format!("more than {MAX_NODES} targets"),
                );
            }
            let field = format!("{field}[{index}]");
            let (line, column, kind) = (item.line, item.column, item.kind());
            let entry = match item.data {
                yaml11::Data::Scalar(Value::String(text)) => Some(Entry::Text(text, line, column)),
                yaml11::Data::Map(entries) => self.target(entries, line, column, &field),
                _ => {
                    let message = format!("must be a target's URI or a mapping, found {kind}");
                    self.read.faults.fault(line, column, &field, message);
                    None
                }
            };
            if let (Some(entry), Some(entries)) = (entry, self.entries.get_mut(group)) {
                entries.push((field, entry));
            }
        }
    }

    fn target(&mut self, entries: Vec<(Key, Yaml)>, line: u64, column: u64, field: &str) -> Option<Entry> {
        let (mut name, mut uri, mut aliases, mut data) = (None, None, Vec::new(), Data::default());
        for (key, value) in entries {
            let field = join(field, &key.text);
            let faults = &mut self.read.faults;
            match (key.text.as_str(), &value.data) {
                ("name", yaml11::Data::Scalar(Value::String(text))) if !text.is_empty() => {
                    name = Some(text.clone())
                }
                ("uri", yaml11::Data::Scalar(Value::String(text))) if !text.is_empty() => {
                    uri = Some(text.clone())
                }
                ("name" | "uri", yaml11::Data::Scalar(Value::Null)) => {}
                ("name" | "uri", _) => {
                    faults.fault(
                        value.line,
                        value.column,
                        &field,
                        format!("must be a text, found {}", value.kind()),
                    );
                }
                ("alias", _) => aliases = texts(value, &field, faults),
                (known, _) if TARGET_KEYS.contains(&known) => self.data(&key, value, &field, &mut data),
                _ => faults.warn(key.line, key.column, &field, "is no key of a target; passed over"),
            }
        }
        let id = match (&name, &uri) {
            (Some(name), _) => NodeId::new(name),
            (None, Some(uri)) => name_of_uri(uri),
            (None, None) => {
                self.read.faults.fault(line, column, field, "a target must have a name or a uri");
                return None;
            }
        };
        let id = match id {
            Ok(id) => id,
            Err(error) => {
                self.read.faults.fault(line, column, field, error.to_string());
                return None;
            }
        };
        let at = self.target_named(&id);
        if let Some(target) = self.read.tree.targets.get_mut(at) {
            target.uri = target.uri.take().or(uri);
        }
        for alias in aliases {
            let conflict = self.aliases.get(&alias).is_some_and(|other| *other != at);
            match NodeId::new(&alias) {
                _ if conflict => {
                    let message = format!("alias {alias} stands for two targets");
                    self.read.faults.fault(line, column, &join(field, "alias"), message);
                }
                Ok(id) if is_bolt_name(&alias) => {
                    self.aliases.insert(alias, at);
                    if let Some(target) = self.read.tree.targets.get_mut(at)
                        && !target.aliases.contains(&id)
                    {
                        target.aliases.push(id);
                    }
                }
                _ => {
                    let message = format!("{alias:?} is no alias; it is made of a-z, 0-9, '_' and '-'");
                    self.read.faults.fault(line, column, &join(field, "alias"), message);
                }
            }
        }
        Some(Entry::Defined(at, data))
    }

    pub(super) fn target_named(&mut self, id: &NodeId) -> usize {
        let tree = &mut self.read.tree;
        *tree.index.entry(id.to_string()).or_insert_with(|| {
            tree.targets.push(Target { name: id.clone(), uri: None, aliases: Vec::new() });
            tree.targets.len() - 1
        })
    }

    fn data(&mut self, key: &Key, value: Yaml, field: &str, data: &mut Data) {
        let (line, column, kind) = (value.line, value.column, value.kind());
        match key.text.as_str() {
            "features" => data.features = texts(value, field, &mut self.read.faults),
            name @ ("config" | "vars" | "facts") => {
                let map: Map<String, Value> = match value.into_json() {
                    Value::Object(map) => map,
                    Value::Null => Map::new(),
                    _ => {
                        return self.read.faults.fault(
                            line,
                            column,
                            field,
                            format!("must be a mapping, found {kind}"),
                        );
                    }
                };
                match name {
                    "config" => data.config = map,
                    "vars" => data.vars = map,
                    _ => data.facts = map,
                }
            }
            // How Bolt installs its agent, and what was read before, is nothing to a node.
            _ => {}
        }
    }
}

/// Names of groups and aliases (Bolt's `NAME_REGEX`).
fn is_bolt_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

/// A text or a list of texts.
fn texts(value: Yaml, field: &str, faults: &mut Faults) -> Vec<String> {
    let items = match value.data {
        yaml11::Data::List(items) => items,
        yaml11::Data::Scalar(Value::Null) => Vec::new(),
        _ => vec![value],
    };
    let mut texts = Vec::new();
    for item in items {
        match item.data {
            yaml11::Data::Scalar(Value::String(text)) => texts.push(text),
            yaml11::Data::List(more) => {
                // Bolt flattens lists of features.
                let inner = Yaml { line: item.line, column: item.column, data: yaml11::Data::List(more) };
                texts.extend(self::texts(inner, field, faults));
            }
            _ => {
                faults.fault(item.line, item.column, field, format!("must be a text, found {}", item.kind()))
            }
        }
    }
    texts
}
