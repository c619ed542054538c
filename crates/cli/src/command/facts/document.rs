//! Facts of a node as JSON and YAML: [`NodeDocument`].

use std::time::Duration;

use jiff::Timestamp;
use pabawi::ErrorCode;
use pabawi::facts::MergedFacts;
use serde::Serialize;
use serde_json::{Map, Value};

/// Facts of a node and where they come from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeDocument<'a> {
    node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a Map<String, Value>>,
    providers: Vec<ProviderDocument<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<FailureDocument<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProviderDocument<'a> {
    provider: &'a str,
    priority: i32,
    gathered_at: Timestamp,
    collected_at: Timestamp,
    age_ms: u64,
    fact_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureDocument<'a> {
    provider: &'a str,
    code: ErrorCode,
    message: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WarningDocument<'a> {
    provider: &'a str,
    message: &'a str,
}

/// How much of it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// How the providers did.
    Providers,
    /// The merged facts too.
    Facts,
    /// And those of each provider, as it and its tool said them.
    Raw,
}

impl<'a> NodeDocument<'a> {
    pub(super) fn of(merged: &'a MergedFacts, detail: Detail, now: Timestamp) -> Self {
        let providers = merged.layers().iter().map(|layer| ProviderDocument {
            provider: &layer.provider,
            priority: layer.priority,
            gathered_at: layer.facts.gathered_at,
            collected_at: layer.collected_at,
            age_ms: u64::try_from(age(layer.facts.gathered_at, now).as_millis()).unwrap_or(u64::MAX),
            fact_count: count(&layer.facts.facts),
            facts: (detail == Detail::Raw).then_some(&layer.facts.facts),
            raw: layer.facts.raw.as_ref().filter(|_| detail == Detail::Raw),
        });
        let failures = merged.failures().map(|failure| FailureDocument {
            provider: &failure.provider,
            code: failure.error.code,
            message: &failure.error.message,
        });
        let warnings = merged.warnings().map(|(provider, message)| WarningDocument { provider, message });
        Self {
            node: merged.node().as_str(),
            facts: (detail != Detail::Providers).then(|| merged.facts()),
            providers: providers.collect(),
            failures: failures.collect(),
            warnings: warnings.collect(),
        }
    }
}

/// How long ago something was.
pub(super) fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// How many values there are.
pub(super) fn count(facts: &Map<String, Value>) -> usize {
    let of = |value: &Value| match value {
        Value::Object(map) => count(map),
        Value::Null => 0,
        _ => 1,
    };
    facts.values().map(of).sum()
}
