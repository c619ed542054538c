//! Entries of calls of plugins: what a plugin did to nodes without an execution, such as making a machine (R11.4).

use jiff::Timestamp;
use pabawi_domain::capability::RiskLevel;
use pabawi_domain::id::NodeId;
use pabawi_domain::journal::{EntryId, JournalMatter, JournalWeight, NewJournalEntry};
use pabawi_domain::ports::{CallQuestion, CallReport, JournalRules};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::scribe::bounded;

/// The entry of each node, where the call becomes one.
pub(super) fn of_call(
    rules: Option<&dyn JournalRules>,
    at: Timestamp,
    question: &CallQuestion<'_>,
    report: &CallReport<'_>,
) -> Option<impl Fn(&NodeId) -> NewJournalEntry> {
    let weight = match (question.risk, report.fault) {
        // A question that was not answered has changed nothing, and is asked again and again.
        (RiskLevel::Read, _) => JournalWeight::Look,
        (_, Some(_)) => JournalWeight::Failure,
        (_, None) => JournalWeight::Change,
    };
    let (source, capability) = (question.plugin.as_str(), question.capability);
    let matter = JournalMatter { source, capability, name: None, weight };
    let event_type = rules.and_then(|rules| rules.entry_type(&matter))?;
    let mut details = Map::new();
    details.insert("capability".into(), Value::from(capability));
    details.insert("durationMs".into(), Value::from(report.took_ms));
    if !report.parameters.is_empty() {
        details.insert("parameters".into(), bounded(report.parameters));
    }
    if let Some(id) = question.correlation_id {
        details.insert("correlationId".into(), Value::from(id.as_str()));
    }
    let (status, how) = match report.fault {
        None => ("succeeded", "succeeded".to_owned()),
        Some((code, message)) => {
            details.insert("error".into(), json!({"code": code.as_str(), "message": message}));
            ("failed", format!("failed: {message}"))
        }
    };
    let user = &question.caller.user;
    Some(move |node: &NodeId| NewJournalEntry {
        id: EntryId::from(Uuid::now_v7()),
        node: node.clone(),
        event_type: event_type.clone(),
        source: source.to_owned(),
        execution_id: None,
        at,
        user: Some(user.clone()),
        action: capability.to_owned(),
        result_status: Some(status.to_owned()),
        summary: format!("{source} {capability} — {how}"),
        details: details.clone(),
        supersedes: None,
    })
}
