//! References to plugins of Bolt, `_plugin`: [`reference_in`], [`reference_below`].

use serde_json::Value;

use crate::source::yaml11::{self, Yaml};

/// The plugin that a value is a reference to.
pub(super) fn reference_in(value: &Yaml) -> Option<String> {
    let yaml11::Data::Map(entries) = &value.data else { return None };
    let (_, plugin) = entries.iter().find(|(key, _)| key.text == "_plugin")?;
    match &plugin.data {
        yaml11::Data::Scalar(Value::String(name)) => Some(name.clone()),
        _ => Some("_plugin".to_owned()),
    }
}

/// The first reference in a value. The depth is that of the document, which is limited.
pub(super) fn reference_below(value: &Yaml) -> Option<(u64, String)> {
    if let Some(plugin) = reference_in(value) {
        return Some((value.line, plugin));
    }
    match &value.data {
        yaml11::Data::Scalar(_) => None,
        yaml11::Data::List(items) => items.iter().find_map(reference_below),
        yaml11::Data::Map(entries) => entries.iter().find_map(|(_, value)| reference_below(value)),
    }
}
