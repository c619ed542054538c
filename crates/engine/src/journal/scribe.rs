//! Entries of an execution: [`Scribe`]. They are written together with the results that they tell of, so that neither is there
//! without the other.

use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::action::ActionKind;
use pabawi_domain::host_key::{HostKeyAcceptance, HostKeySeen};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, JournalMatter, JournalWeight, NewJournalEntry, event};
use pabawi_domain::outcome::{NodeOutcome, RejectedBy};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::JournalRules;
use pabawi_domain::request::{Caller, ExecutionRequest};
use serde_json::{Map, Value, json};

/// Characters of an action that are shown.
const SHOWN: usize = 300;
/// Characters of an action in a summary.
const IN_SUMMARY: usize = 60;
/// Bytes of parameters, as JSON, that are kept.
const MOST_PARAMETERS: usize = 8 * 1024;

/// What all entries of an execution say.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) id: ExecutionId,
    pub(crate) caller: &'a Caller,
    /// Without its secrets.
    pub(crate) request: &'a ExecutionRequest,
}

/// How one node's run ended.
pub(crate) struct Ended<'a> {
    pub(crate) node: &'a NodeId,
    /// Its place among the targets.
    pub(crate) place: u32,
    /// By which plugin or transport.
    pub(crate) source: &'a str,
    /// Absent where nobody knows.
    pub(crate) outcome: Option<&'a NodeOutcome>,
    pub(crate) attempt: u32,
    pub(crate) at: Timestamp,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) outputs: [Option<ContentHash>; 2],
}

/// Makes entries of one execution; none where there is no journal.
pub(crate) struct Scribe {
    own: Option<Own>,
}

struct Own {
    rules: Option<Arc<dyn JournalRules>>,
    id: ExecutionId,
    user: String,
    kind: ActionKind,
    /// The tool's name of it, where it is one of a tool.
    name: Option<String>,
    action: String,
    details: Map<String, Value>,
}

impl Scribe {
    pub(super) fn new(has_journal: bool, rules: Option<Arc<dyn JournalRules>>, about: About<'_>) -> Self {
        let About { id, caller, request } = about;
        let own = has_journal.then(|| Own {
            rules,
            id,
            user: caller.user.clone(),
            kind: request.action.kind(),
            name: request.action.tool().map(|tool| tool.name.clone()),
            action: shortened(&request.action.text(), SHOWN),
            details: details(caller, request),
        });
        Self { own }
    }

    /// The entry of one node's end, where it becomes one (R11.1-R11.3).
    pub(crate) fn ended(&self, end: &Ended<'_>) -> Option<Box<NewJournalEntry>> {
        let own = self.own.as_ref()?;
        let (word, text) = match end.outcome {
            Some(outcome) => (outcome.word(), outcome.describe()),
            None => ("interrupted", "interrupted: what it did is not known".to_owned()),
        };
        let denied = matches!(end.outcome, Some(NodeOutcome::Rejected { by: RejectedBy::Policy, .. }));
        let event_type = match &own.rules {
            _ if denied => event::EXECUTION_DENIED.to_owned(),
            Some(rules) => rules.entry_type(&JournalMatter {
                source: end.source,
                capability: own.kind.capability(),
                name: own.name.as_deref(),
                weight: weight(own.kind, end.outcome),
            })?,
            None => return None,
        };
        let mut details = own.details.clone();
        details.insert("attempt".into(), Value::from(end.attempt));
        if let Some(duration_ms) = end.duration_ms {
            details.insert("durationMs".into(), Value::from(duration_ms));
        }
        if let Some(code) = end.outcome.and_then(NodeOutcome::exit_code) {
            details.insert("exitCode".into(), Value::from(code));
        }
        if let Some(error) = end.outcome.and_then(NodeOutcome::error) {
            details.insert("error".into(), json!({"code": error.code.as_str(), "message": error.message}));
        }
        for (name, output) in ["stdout", "stderr"].into_iter().zip(end.outputs) {
            if let Some(hash) = output {
                details.insert(name.into(), Value::from(hash.to_string()));
            }
        }
        // One place of the action, one attempt: what is written again is known.
        let attempt = end.attempt.to_string();
        let id = EntryId::of_target(own.id, end.place, &["result", end.node.as_str(), &attempt, word]);
        let label = label(own.kind);
        let (status, summary) = match end.outcome.and_then(NodeOutcome::error).filter(|_| denied) {
            Some(error) => ("denied", error.message.clone()),
            None => (word, format!("{label}: {} — {text}", shortened(&own.action, IN_SUMMARY))),
        };
        let source = if denied { "system" } else { end.source };
        Some(Box::new(own.entry(id, end.node, &event_type, source, end.at, status, summary, details)))
    }

    /// The entry of a host key that was accepted and that no known-hosts file held.
    pub(crate) fn host_key(
        &self,
        node: &NodeId,
        transport: &str,
        at: Timestamp,
        key: &HostKeySeen,
    ) -> Option<Box<NewJournalEntry>> {
        let own = self.own.as_ref()?;
        let (word, what) = match key.accepted {
            HostKeyAcceptance::Known => ("known", "was known"),
            HostKeyAcceptance::Added => ("added", "was unknown and has been written down"),
            HostKeyAcceptance::Unchecked => ("unchecked", "was not checked"),
        };
        let mut details = Map::new();
        details.insert("algorithm".into(), Value::from(key.algorithm.clone()));
        details.insert("fingerprint".into(), Value::from(key.fingerprint.clone()));
        let summary = format!("host key {} {} {what}", key.algorithm, key.fingerprint);
        let (at_text, execution) = (at.to_string(), own.id.to_string());
        let id = EntryId::derived(&["host key", &execution, node.as_str(), &key.fingerprint, &at_text]);
        let mut entry = own.entry(id, node, event::HOST_KEY, transport, at, word, summary, details);
        entry.action = "accept host key".into();
        Some(Box::new(entry))
    }
}

impl Own {
    #[expect(clippy::too_many_arguments, reason = "each is one field of the entry")]
    fn entry(
        &self,
        id: EntryId,
        node: &NodeId,
        event_type: &str,
        source: &str,
        at: Timestamp,
        status: &str,
        summary: String,
        details: Map<String, Value>,
    ) -> NewJournalEntry {
        NewJournalEntry {
            id,
            node: node.clone(),
            event_type: event_type.to_owned(),
            source: source.to_owned(),
            execution_id: Some(self.id),
            at,
            user: Some(self.user.clone()),
            action: self.action.clone(),
            result_status: Some(status.to_owned()),
            summary,
            details,
            supersedes: None,
        }
    }
}

/// What every entry of an execution tells beside its own fields.
fn details(caller: &Caller, request: &ExecutionRequest) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert("kind".into(), Value::from(request.action.kind().as_str()));
    if let Ok(entry_point) = serde_json::to_value(caller.entry_point) {
        details.insert("entryPoint".into(), entry_point);
    }
    if let Some(id) = &request.correlation_id {
        details.insert("correlationId".into(), Value::from(id.as_str()));
    }
    if let Some(id) = request.rerun_of {
        details.insert("rerunOf".into(), Value::from(id.to_string()));
    }
    if let Some(run_as) = request.action.process().and_then(|process| process.run_as.as_ref()) {
        details.insert("runAs".into(), Value::from(run_as.user.clone()));
    }
    if let Some(tool) = request.action.tool().filter(|tool| !tool.parameters.is_empty()) {
        details.insert("parameters".into(), bounded(&tool.parameters));
    }
    details
}

/// Parameters, or how long they are.
pub(super) fn bounded(parameters: &Map<String, Value>) -> Value {
    match serde_json::to_string(parameters).map_or(0, |json| json.len()) {
        long if long > MOST_PARAMETERS => {
            Value::from(format!("{long} bytes, at most {MOST_PARAMETERS} are kept"))
        }
        _ => Value::Object(parameters.clone()),
    }
}

/// How much an end matters. Where nobody knows what came of it, it has not succeeded.
fn weight(kind: ActionKind, outcome: Option<&NodeOutcome>) -> JournalWeight {
    let only_looks = matches!(kind, ActionKind::Facts | ActionKind::Download);
    match outcome {
        None => JournalWeight::Failure,
        Some(NodeOutcome::Skipped { .. }) => JournalWeight::Look,
        Some(outcome) if outcome.is_failure() => JournalWeight::Failure,
        Some(outcome) if only_looks || !outcome.may_have_run() => JournalWeight::Look,
        Some(_) => JournalWeight::Change,
    }
}

fn label(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Command => "Command",
        ActionKind::Script => "Script",
        ActionKind::Upload => "Upload",
        ActionKind::Download => "Download",
        ActionKind::Task => "Task",
        ActionKind::Playbook => "Playbook",
        ActionKind::Plan => "Plan",
        ActionKind::Facts => "Facts",
        ActionKind::Package => "Package",
        _ => "Action",
    }
}

/// The beginning of a text.
fn shortened(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
