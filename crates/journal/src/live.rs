//! Sources of live events: [`LiveSource`]. What a plugin tells of a node now is shown beside what is stored, and nothing of it is
//! stored (R11.14).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::cut::message;
use pabawi_domain::id::NodeId;
use pabawi_domain::journal::{JournalEntry, MOST_ACTION, MOST_SUMMARY, check_event_type, event};
use pabawi_domain::ports::PluginEvent;
use pabawi_domain::request::Caller;
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::plugin_event;
use crate::timeline::SourceFault;

/// Events that are taken of one source for one node.
const MOST: usize = 1_000;
/// Questions that are asked at once.
const AT_ONCE: usize = 16;

/// Somebody who knows events of nodes.
#[async_trait]
pub trait LiveSource: Send + Sync + 'static {
    /// Its name: that of the plugin.
    fn name(&self) -> &str;

    /// What it knows of a node, for a caller who may ask it. Need not come back in time: who asks has a deadline.
    ///
    /// # Errors
    /// [`LiveSourceError`].
    async fn events(&self, caller: &Caller, node: &NodeId) -> Result<LiveEvents, LiveSourceError>;
}

/// Events as a source has them: objects with, as far as they have them, `id`, `eventType`, `action`, `summary` (or `message`),
/// `timestamp`, `status` (or `resultStatus`), `userId`, `executionId` and `details`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiveEvents(pub Vec<Value>);

/// Why a source could not tell.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct LiveSourceError(pub String);

/// Asks all sources about all nodes, each question within the deadline. A source that fails for one node is named once.
pub(crate) async fn ask(
    sources: &[Arc<dyn LiveSource>],
    caller: &Caller,
    nodes: &[NodeId],
    deadline: Duration,
    now: Timestamp,
) -> (Vec<JournalEntry>, Vec<SourceFault>) {
    // Collected first: a closure that borrows, kept over an await, makes the future one that cannot be spawned.
    let questions: Vec<_> =
        sources.iter().flat_map(|source| nodes.iter().map(move |node| (source, node))).collect();
    let mut questions = questions.into_iter();
    let mut asking: JoinSet<(String, Result<Vec<JournalEntry>, String>)> = JoinSet::new();
    let (mut events, mut faults) = (Vec::new(), Vec::<SourceFault>::new());
    // Ends when every question is asked and answered; each has a deadline.
    loop {
        while asking.len() < AT_ONCE
            && let Some((source, node)) = questions.next()
        {
            let (source, node, caller) = (Arc::clone(source), node.clone(), caller.clone());
            let asked = async move {
                let name = source.name().to_owned();
                let asked = tokio::time::timeout(deadline, source.events(&caller, &node)).await;
                let answer = match asked {
                    Ok(Ok(LiveEvents(events))) => Ok(read(&name, &node, events, now)),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err(format!("did not answer within {} ms", deadline.as_millis())),
                };
                (name, answer)
            };
            asking.spawn(asked.in_current_span());
        }
        match asking.join_next().await {
            None => break,
            Some(Ok((_, Ok(found)))) => events.extend(found),
            Some(Ok((source, Err(why)))) => {
                if !faults.iter().any(|known| known.source == source) {
                    faults.push(SourceFault { source, message: message(why) });
                }
            }
            Some(Err(error)) => {
                let source = "a source".to_owned();
                faults.push(SourceFault { source, message: format!("panicked: {error}") });
            }
        }
    }
    faults.sort_by(|a, b| a.source.cmp(&b.source));
    (events, faults)
}

fn read(source: &str, node: &NodeId, events: Vec<Value>, now: Timestamp) -> Vec<JournalEntry> {
    let events = events.into_iter().take(MOST).filter_map(|event| read_one(node, event));
    events.map(|event| plugin_event::live(source, event, now)).collect()
}

/// What is no object is no event. What an event does not say gets the words that Pabawi shows then.
fn read_one(node: &NodeId, event: Value) -> Option<PluginEvent> {
    let Value::Object(mut fields) = event else { return None };
    let text = |fields: &Map<String, Value>, names: &[&str]| {
        let found = names.iter().find_map(|name| fields.get(*name)?.as_str()).map(str::trim);
        found.filter(|text| !text.is_empty()).map(|text| text.replace('\0', "\u{fffd}"))
    };
    let event_type =
        text(&fields, &["eventType", "event_type"]).filter(|word| check_event_type(word).is_ok());
    let at = text(&fields, &["timestamp", "at"]).and_then(|at| at.parse().ok());
    let details = match fields.remove("details") {
        Some(Value::Object(details)) => details,
        _ => fields.clone(),
    };
    let execution = text(&fields, &["executionId"]).or_else(|| text(&details, &["executionId"]));
    Some(PluginEvent {
        key: text(&fields, &["id", "key"]),
        node: node.clone(),
        event_type: event_type.unwrap_or_else(|| event::UNKNOWN.to_owned()),
        action: cut(text(&fields, &["action"]).unwrap_or_else(|| "unknown".to_owned()), MOST_ACTION),
        summary: cut(
            text(&fields, &["summary", "message"]).unwrap_or_else(|| "Live event".to_owned()),
            MOST_SUMMARY,
        ),
        result_status: text(&fields, &["resultStatus", "status"]),
        user: text(&fields, &["userId", "user"]),
        execution_id: execution.and_then(|id| id.parse().ok()),
        at,
        details,
    })
}

fn cut(text: String, most: usize) -> String {
    pabawi_domain::cut::cut(text, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::request::EntryPoint;
    use serde_json::json;
    use tokio::time::Instant;

    /// Tells one event, or never answers.
    struct Teller {
        name: &'static str,
        is_silent: bool,
    }

    #[async_trait]
    impl LiveSource for Teller {
        fn name(&self) -> &str {
            self.name
        }

        async fn events(&self, _: &Caller, _: &NodeId) -> Result<LiveEvents, LiveSourceError> {
            if self.is_silent {
                std::future::pending::<()>().await;
            }
            Ok(LiveEvents(vec![json!({"summary": "started"})]))
        }
    }

    /// R11.14: a source that never answers is named when its time is up; what the others tell is there.
    #[tokio::test(start_paused = true)]
    async fn a_source_that_never_answers_is_waited_for_until_the_deadline() {
        let teller = |name, is_silent| Arc::new(Teller { name, is_silent }) as Arc<dyn LiveSource>;
        let sources = [teller("bolt", true), teller("aws", false)];
        let caller = Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust };
        let nodes = ["web1", "web2"].map(|node| node.parse::<NodeId>().unwrap());
        let deadline = Duration::from_secs(15);
        let began = Instant::now();
        let asking = ask(&sources, &caller, &nodes, deadline, Timestamp::UNIX_EPOCH);
        let (events, faults) = tokio::time::timeout(2 * deadline, asking).await.unwrap();
        assert_eq!(began.elapsed(), deadline);
        assert!(events.len() == 2 && events.iter().all(|one| one.entry.source == "aws"), "{events:?}");
        let message = "did not answer within 15000 ms".to_owned();
        assert_eq!(faults, [SourceFault { source: "bolt".to_owned(), message }]);
    }

    #[test]
    fn what_an_event_does_not_say_is_filled_in() {
        let (node, now): (NodeId, _) = ("web1".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let events = vec![
            json!({"eventType": "start", "action": "start", "summary": "started", "timestamp": "2026-01-02T03:04:05Z",
                   "id": "7", "userId": "ada", "details": {"executionId": "0190a000-0000-7000-8000-000000000000"}}),
            json!({"message": "changed", "status": "failure", "line": 3}),
            json!("nonsense"),
            json!({"eventType": "Not A Word", "timestamp": "yesterday"}),
        ];
        let read = read("aws", &node, events, now);
        assert_eq!(read.len(), 3);
        assert!(read.iter().all(|one| one.is_live && one.entry.source == "aws" && one.seq.is_none()));
        assert_eq!(read[0].entry.at.to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(read[0].entry.user.as_deref(), Some("ada"));
        assert!(read[0].entry.execution_id.is_some());
        assert_eq!(
            (read[1].entry.event_type.as_str(), read[1].entry.summary.as_str()),
            ("unknown", "changed")
        );
        assert_eq!(read[1].entry.result_status.as_deref(), Some("failure"));
        assert_eq!(read[1].entry.details["line"], 3);
        assert_eq!((read[2].entry.summary.as_str(), read[2].entry.at), ("Live event", now));
    }
}
