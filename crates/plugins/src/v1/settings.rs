//! Limits of the adapter: [`V1Settings`].

use std::time::Duration;

use super::known::{self, TimeoutUnit, UseOfStream};

/// Limits of one adapter, and what is known of its plugin besides what the plugin says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct V1Settings {
    /// What `initialize` is given; 30 s by default.
    pub initialize_timeout: Duration,
    /// What small questions are given: properties, lists of capabilities, `isInitialized`, hooks; 10 s by default.
    pub ask_timeout: Duration,
    /// What `healthCheck` is given; 10 s by default.
    pub health_timeout: Duration,
    /// What `getInventory` and `getGroups` are given together. By default as in v1.x: 15 s, for `checkmk` 60 s.
    pub inventory_timeout: Option<Duration>,
    /// What `getNodeFacts` is given for one node; 60 s by default.
    pub facts_timeout: Duration,
    /// What `getNodeData` is given; 60 s by default.
    pub data_timeout: Duration,
    /// What `executeAction` is given, which is also what `action.timeout` says; 1 h by default. A plugin that has its own
    /// limit has a few seconds more to say so.
    pub action_timeout: Duration,
    /// Calls of `executeAction` at once; 10 by default.
    pub actions_at_once: usize,
    /// Calls of `getNodeFacts` at once; 10 by default.
    pub facts_at_once: usize,
    /// Streamed bytes of one node that wait to be read; 8 MiB by default. What comes beyond is left out, and that is said.
    pub max_unread_bytes: usize,
    /// Bytes of one answer; 512 MiB by default.
    pub max_answer_bytes: usize,
    /// The unit of `action.timeout`; by the plugin's name when absent.
    pub timeout_unit: Option<TimeoutUnit>,
    /// What streamed chunks are; by the plugin's name when absent.
    pub use_of_stream: Option<UseOfStream>,
}

impl Default for V1Settings {
    fn default() -> Self {
        Self {
            initialize_timeout: Duration::from_secs(30),
            ask_timeout: Duration::from_secs(10),
            health_timeout: Duration::from_secs(10),
            inventory_timeout: None,
            facts_timeout: Duration::from_secs(60),
            data_timeout: Duration::from_secs(60),
            action_timeout: Duration::from_secs(60 * 60),
            actions_at_once: 10,
            facts_at_once: 10,
            max_unread_bytes: 8 * 1024 * 1024,
            max_answer_bytes: 512 * 1024 * 1024,
            timeout_unit: None,
            use_of_stream: None,
        }
    }
}

impl V1Settings {
    pub(super) fn inventory_timeout(&self, plugin: &str) -> Duration {
        let seconds = if plugin == "checkmk" { 60 } else { 15 };
        self.inventory_timeout.unwrap_or(Duration::from_secs(seconds))
    }

    pub(super) fn timeout_unit(&self, plugin: &str) -> TimeoutUnit {
        self.timeout_unit.unwrap_or_else(|| known::timeout_unit(plugin))
    }

    pub(super) fn use_of_stream(&self, plugin: &str) -> UseOfStream {
        self.use_of_stream.unwrap_or_else(|| known::use_of_stream(plugin))
    }
}
