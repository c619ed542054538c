//! The section `[journal]`: what is journalled of whose doings, and how long it is kept. Main type: [`JournalConfig`].

use std::collections::BTreeMap;
use std::time::Duration;

use pabawi::journal::{
    JournalLevel, JournalRetention, JournalSettings, PluginJournalSettings, RetentionLimit,
};
use pabawi::parse_duration;
use serde::Deserialize;
use serde_json::Value;

use super::entry::{Entry, Fault};

/// What the section says.
#[derive(Debug, Clone, Default)]
pub(crate) struct JournalConfig {
    /// Levels.
    pub(crate) settings: JournalSettings,
    /// Limits.
    pub(crate) retention: Vec<JournalRetention>,
}

/// Keys of the section; each is one value, so that the user's file replaces what the machine's says of it.
pub(super) const KEYS: [&str; 3] = ["level", "plugins", "retention"];

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
        let path = format!("journal.{key}");
        if let Some(entry) = entries.get(&path)
            && let Err(why) = take(entry.value.clone())
        {
            faults.push(Fault::at(&entry.origin, path, why));
        }
    };
    read("level", &mut |value| {
        config.settings.level = Some(typed::<JournalLevel>(value)?);
        Ok(())
    });
    read("plugins", &mut |value| {
        config.settings.plugins = typed::<BTreeMap<String, PluginJournalSettings>>(value)?;
        Ok(())
    });
    read("retention", &mut |value| {
        let limits = match value {
            Value::Array(_) => typed::<Vec<Limit>>(value)?,
            one => vec![typed::<Limit>(one)?],
        };
        config.retention = limits.into_iter().map(limit).collect::<Result<_, _>>()?;
        Ok(())
    });
    config
}

fn limit(limit: Limit) -> Result<JournalRetention, String> {
    let age = limit.max_age.as_deref().map(parse_duration).transpose();
    let max_age: Option<Duration> = age.map_err(|error| format!("max-age: {error}"))?;
    let kept = RetentionLimit { max_age, keep: limit.keep };
    Ok(JournalRetention { event_type: limit.r#type, source: limit.source, limit: kept })
}

fn typed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
