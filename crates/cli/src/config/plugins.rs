//! The tables `[plugins.NAME]`: [`PluginEntry`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use pabawi::PluginName;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::entry::{Entry, Fault, Origin};
use super::file::{Reading, unknown};

/// The keys of such a table.
const KEYS: [&str; 5] = ["enabled", "kind", "path", "priority", "config"];

/// A plugin that is configured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PluginEntry {
    /// Its name.
    pub(crate) name: PluginName,
    /// Which kind of plugin it is; its name where nothing else is said.
    pub(crate) kind: String,
    /// The program of one that is a program.
    pub(crate) path: Option<PathBuf>,
    /// Another place among those that can do the same.
    pub(crate) priority: Option<i32>,
    /// Its own settings.
    pub(crate) config: Map<String, Value>,
    /// Where it was named first.
    pub(crate) origin: Origin,
}

/// Reads one table.
pub(super) fn read(reading: &mut Reading<'_>, name: &str, at: usize, value: &Spanned<DeValue<'_>>) {
    let path = format!("plugins.{name}");
    if let Err(error) = PluginName::new(name) {
        reading.fault(at, path, format!("is no name of a plugin: {error}"));
        return;
    }
    let Some(table) = value.get_ref().as_table() else {
        reading.fault(at, path, "must be a table such as [plugins.bolt]");
        return;
    };
    reading.mark(&path, at);
    for (key, value) in table {
        let (key, at) = (key.get_ref().as_ref(), key.span().start);
        let path = format!("{path}.{key}");
        if key == "config" {
            match value.get_ref().as_table() {
                None => reading.fault(at, path, "must be a table"),
                Some(table) => {
                    for (key, value) in table {
                        reading.take(format!("{path}.{}", key.get_ref()), key.span().start, value);
                    }
                }
            }
            continue;
        }
        let wrong = match (key, value.get_ref()) {
            ("enabled", DeValue::Boolean(_)) => None,
            ("enabled", _) => Some("must be true or false".to_owned()),
            ("kind" | "path", DeValue::String(text)) if !text.trim().is_empty() => None,
            ("kind" | "path", _) => Some("must be a text that is not blank".to_owned()),
            ("priority", DeValue::Integer(number)) if number.as_str().parse::<i32>().is_ok() => None,
            ("priority", _) => Some("must be a whole number".to_owned()),
            _ => Some(unknown(key, &KEYS)),
        };
        match wrong {
            Some(message) => reading.fault(at, path, message),
            None => reading.take(path, at, value),
        }
    }
}

/// The plugins of all values, by name; those that are not enabled are left out.
pub(super) fn of(entries: &BTreeMap<String, Entry>, faults: &mut Vec<Fault>) -> Vec<PluginEntry> {
    let mut found: BTreeMap<&str, (PluginEntry, bool)> = BTreeMap::new();
    for entry in entries.values() {
        let Some(rest) = entry.path.strip_prefix("plugins.") else { continue };
        let (name, key) = rest.split_once('.').unwrap_or((rest, ""));
        let Ok(plugin_name) = PluginName::new(name) else { continue };
        let (plugin, is_enabled) = found.entry(name).or_insert_with(|| {
            let plugin = PluginEntry {
                name: plugin_name,
                kind: name.to_owned(),
                path: None,
                priority: None,
                config: Map::new(),
                origin: entry.origin.clone(),
            };
            (plugin, true)
        });
        if let Some(key) = key.strip_prefix("config.") {
            plugin.config.insert(key.to_owned(), entry.value.clone());
            continue;
        }
        match (key, &entry.value) {
            ("enabled", Value::Bool(enabled)) => *is_enabled = *enabled,
            ("kind", Value::String(kind)) => plugin.kind.clone_from(kind),
            ("path", Value::String(path)) => {
                plugin.path = Some(super::load::seen_from(&entry.origin.file, path))
            }
            ("priority", value) => {
                plugin.priority = value.as_i64().and_then(|number| i32::try_from(number).ok());
            }
            ("", _) => {}
            (key, _) => faults.push(Fault::at(&entry.origin, entry.path.clone(), unknown(key, &KEYS))),
        }
    }
    found.into_values().filter(|(_, is_enabled)| *is_enabled).map(|(plugin, _)| plugin).collect()
}
