//! Events and documents, read in batches: [`EventStream`]. A batch is asked for and waited for, so that nothing is pushed at its reader, and
//! what waits, waits where the engine bounds it.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;

use crate::graph::{GraphEvent, GraphEvents};
use crate::{
    Caller, ErrorCode, ExecutionId, ExecutionRequest, Framework, Subscription, SubscriptionMode, ToldEvent,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::documents::{Document, DocumentRequest};
use super::failure::Failure;
use super::text::json;

/// Bytes after which no further event is put into a batch: its reader, such as the thread of JavaScript, takes it in one go.
const BATCH_BYTES: usize = 256 * 1024;

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "EventsRequest")]
pub struct Events {
    /// The execution.
    id: ExecutionId,
    /// From this number on; 1, which is all, when absent.
    #[serde(default)]
    #[schemars(range(min = 1))]
    from: Option<u64>,
    /// What happens when the reader is slower than the events come.
    #[serde(default)]
    mode: SubscriptionMode,
}

/// What a stream is of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Wanted {
    /// Events of an execution, live or replayed.
    Execution(Events),
    /// What comes of a request that is submitted now, from the start on.
    Submitted {
        /// The request.
        request: Box<ExecutionRequest>,
        /// What happens when the reader is slower than the events come.
        #[serde(default)]
        mode: SubscriptionMode,
    },
    /// An execution as a document, in pieces of text.
    Document(DocumentRequest),
    /// Events of a run of a graph from now on.
    Graph {
        /// The run.
        id: ExecutionId,
    },
}

enum Source {
    Execution {
        events: Box<Subscription>,
        /// What was read and did not fit into the last batch.
        waiting: VecDeque<ToldEvent>,
    },
    Graph(GraphEvents),
    Document(Box<Document>),
    /// Nothing more comes.
    Ended,
}

/// Events, or pieces of a document, that are read in batches.
pub struct EventStream {
    execution: ExecutionId,
    source: Source,
}

impl EventStream {
    /// Opens one.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open(framework: &Framework, caller: &Caller, wanted: Wanted) -> Result<Self, Failure> {
        let (execution, source) = match wanted {
            Wanted::Execution(Events { id, from, mode }) => {
                (id, of_execution(framework.events(caller, id, from.unwrap_or(1), mode).await?))
            }
            Wanted::Submitted { request, mode } => {
                let (id, events) = framework.submit_and_follow(caller.clone(), *request, mode).await?;
                (id, of_execution(events))
            }
            Wanted::Document(request) => {
                let id = request.id;
                (id, Source::Document(Box::new(Document::begin(framework, caller, request).await?)))
            }
            Wanted::Graph { id } => {
                let events = framework.graphs().events(caller, id).await?;
                (id, events.map_or(Source::Ended, Source::Graph))
            }
        };
        Ok(Self { execution, source })
    }

    /// The execution, or the run of a graph, that it is of.
    #[must_use]
    pub fn execution(&self) -> ExecutionId {
        self.execution
    }

    /// The next events as a JSON list, at most so many, or the next piece of a document: waits for them. `None` after the last.
    ///
    /// # Errors
    /// [`Failure`]; then nothing more comes.
    pub async fn next(&mut self, most: usize) -> Result<Option<String>, Failure> {
        let batch = self.batch(most).await;
        if !matches!(batch, Ok(Some(_))) {
            self.source = Source::Ended;
        }
        batch
    }

    async fn batch(&mut self, most: usize) -> Result<Option<String>, Failure> {
        match &mut self.source {
            Source::Execution { events, waiting } => {
                if waiting.is_empty() {
                    waiting.extend(events.next_told(most).await?.into_iter().flatten());
                }
                if waiting.is_empty() { Ok(None) } else { front(waiting, most).map(Some) }
            }
            Source::Graph(events) => {
                let batch = graph_batch(events, most).await;
                let texts: Vec<&GraphEvent> = batch.iter().map(Arc::as_ref).collect();
                if texts.is_empty() { Ok(None) } else { json(&texts).map(Some) }
            }
            Source::Document(document) => document.next().await?.map(|piece| json(&[piece])).transpose(),
            Source::Ended => Ok(None),
        }
    }
}

fn of_execution(events: Subscription) -> Source {
    Source::Execution { events: Box::new(events), waiting: VecDeque::new() }
}

/// As many as may be handed over at once, at least one and at most so many, as a list.
fn front(waiting: &mut VecDeque<ToldEvent>, most: usize) -> Result<String, Failure> {
    let bad = |what: &dyn Display| {
        Failure::new(ErrorCode::Internal, format!("the answer cannot be written: {what}"))
    };
    let mut batch = vec![b'['];
    for nth in 0..most.max(1) {
        let Some(event) = waiting.pop_front() else { break };
        if nth > 0 {
            batch.push(b',');
        }
        event.write(&mut batch).map_err(|error| bad(&error))?;
        if batch.len() >= BATCH_BYTES {
            break;
        }
    }
    batch.push(b']');
    String::from_utf8(batch).map_err(|error| bad(&error))
}

/// What has happened since, at least one thing; nothing at the end.
async fn graph_batch(events: &mut GraphEvents, most: usize) -> Vec<Arc<GraphEvent>> {
    let mut batch: Vec<_> = events.next().await.into_iter().collect();
    while !batch.is_empty() && batch.len() < most {
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(event) => batch.push(event),
                None => break,
            },
            () = std::future::ready(()) => break,
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventText;
    use jiff::Timestamp;

    #[test]
    fn a_batch_ends_where_it_is_large_or_long_and_has_one_event_at_least() {
        let text = |json: &str| {
            ToldEvent::Text(EventText {
                seq: 1,
                at: Timestamp::UNIX_EPOCH,
                is_last: false,
                json: json.to_owned(),
            })
        };
        let large = format!("\"{}\"", "x".repeat(BATCH_BYTES));
        let mut waiting: VecDeque<_> = ["1", &large, "2", "3", "4"].map(text).into();
        assert_eq!(front(&mut waiting, 9).unwrap(), format!("[1,{large}]"));
        assert_eq!(front(&mut waiting, 2).unwrap(), "[2,3]");
        assert_eq!(front(&mut waiting, 0).unwrap(), "[4]");
        assert!(waiting.is_empty());
    }
}
