//! The section `[journal]`: what is journalled of whose doings, and how long it is kept; and `[retention]`: how long executions and
//! outputs are. Main type: [`JournalConfig`].

use std::collections::BTreeMap;
use std::time::Duration;

use pabawi::journal::{
    ExecutionRetention, JournalLevel, JournalRetention, JournalSettings, PluginJournalSettings,
    RetentionLimit,
};
use pabawi::{ActionKind, PluginName, parse_duration};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::entry::{Entry, Fault};

/// What the sections say.
#[derive(Debug, Clone, Default)]
pub(crate) struct JournalConfig {
    /// Levels.
    pub(crate) settings: JournalSettings,
    /// Limits.
    pub(crate) retention: Vec<JournalRetention>,
    /// How long executions are kept.
    pub(crate) executions: Vec<ExecutionRetention>,
    /// How long the content of outputs is.
    pub(crate) outputs: Vec<ExecutionRetention>,
}

/// Keys of the section; each is one value, so that the user's file replaces what the machine's says of it.
pub(super) const KEYS: [&str; 3] = ["level", "plugins", "retention"];

/// Keys of `[retention]`.
pub(super) const KEPT: [&str; 2] = ["executions", "outputs"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Kept {
    r#type: Option<ActionKind>,
    plugin: Option<PluginName>,
    max_age: Option<String>,
    keep: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Limit {
    r#type: Option<String>,
    source: Option<String>,
    max_age: Option<String>,
    keep: Option<u64>,
}

/// What the entries of the section say; what is wrong becomes a fault.
pub(super) fn of(entries: &BTreeMap<String, Entry>, faults: &mut Vec<Fault>) -> JournalConfig {
    let mut config = JournalConfig::default();
    let mut read = |key: &str, take: &mut dyn FnMut(Value) -> Result<(), String>| {
        if let Some(entry) = entries.get(key)
            && let Err(why) = take(entry.value.clone())
        {
            faults.push(Fault::at(&entry.origin, key, why));
        }
    };
    read("journal.level", &mut |value| {
        config.settings.level = Some(typed::<JournalLevel>(value)?);
        Ok(())
    });
    read("journal.plugins", &mut |value| {
        config.settings.plugins = typed::<BTreeMap<String, PluginJournalSettings>>(value)?;
        Ok(())
    });
    read("journal.retention", &mut |value| {
        config.retention = each(value, limit)?;
        Ok(())
    });
    read("retention.executions", &mut |value| {
        config.executions = each(value, kept)?;
        Ok(())
    });
    read("retention.outputs", &mut |value| {
        config.outputs = each(value, kept)?;
        Ok(())
    });
    config
}

fn age(text: Option<String>) -> Result<Option<Duration>, String> {
    text.as_deref().map(parse_duration).transpose().map_err(|error| format!("max-age: {error}"))
}

/// One table or several.
fn each<T: DeserializeOwned, L>(value: Value, limit: fn(T) -> Result<L, String>) -> Result<Vec<L>, String> {
    let tables = match value {
        Value::Array(_) => typed::<Vec<T>>(value)?,
        one => vec![typed::<T>(one)?],
    };
    tables.into_iter().map(limit).collect()
}

fn limit(limit: Limit) -> Result<JournalRetention, String> {
    let kept = RetentionLimit { max_age: age(limit.max_age)?, keep: limit.keep };
    Ok(JournalRetention { event_type: limit.r#type, source: limit.source, limit: kept })
}

fn kept(kept: Kept) -> Result<ExecutionRetention, String> {
    let limit = RetentionLimit { max_age: age(kept.max_age)?, keep: kept.keep };
    Ok(ExecutionRetention { action_kind: kept.r#type, plugin: kept.plugin, limit })
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
