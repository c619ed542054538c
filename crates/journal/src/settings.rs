//! What the configuration says about levels: [`JournalSettings`] (R11.8).

use std::collections::BTreeMap;

use pabawi_domain::journal::JournalLevel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is journalled, beyond what plugins wish.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct JournalSettings {
    /// The level of those that are not named below and wish none; `changes` when absent.
    pub level: Option<JournalLevel>,
    /// By plugin or transport.
    pub plugins: BTreeMap<String, PluginJournalSettings>,
}

/// What is journalled of one plugin; it goes before what the plugin itself wishes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PluginJournalSettings {
    /// The level of everything that is not named below.
    pub level: Option<JournalLevel>,
    /// By capability, capability and name of a task (`task.execute package`), or type of the plugin's own events.
    pub levels: BTreeMap<String, JournalLevel>,
}
