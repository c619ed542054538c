//! Events and documents, read in batches: [`EventStream`]. A batch is asked for and waited for, so that nothing is pushed at its reader, and
//! what waits, waits where the engine bounds it.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;

use crate::graph::{GraphEvent, GraphEvents};
use crate::{
    Caller, ErrorCode, EventKind, ExecutionId, ExecutionRequest, Framework, OutputData, Subscription,
    SubscriptionMode, ToldEvent,
};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::documents::{Document, DocumentRequest};
use super::failure::Failure;
use super::rows;
use super::text::json;

/// Bytes of JSON in a batch of more than one event, at most: its reader reads it in one go.
const BATCH_BYTES: usize = 240 * 1024;
/// The same of rows: they are for a reader with a loop of events, as the thread of JavaScript, which does nothing else meanwhile.
const SHORT_BATCH_BYTES: usize = 30 * 1024;
/// Bytes that stand apart from it, at most, where they are not those of one event: they are handed on, and not read.
const BATCH_APART_BYTES: usize = 256 * 1024;
/// Pieces of output from this size on, in bytes, are worth being kept apart from the JSON.
const APART_BYTES: usize = 1024;

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

/// Events, with what is large in them beside them, so that its reader need not look for its end.
#[derive(Debug, Default)]
pub struct Batch {
    /// A JSON list of the events, or of the values of their rows, one behind the other. The `data` of an event whose data stand apart
    /// is the empty string.
    pub json: String,
    /// The execution that all of them are of, where they are rows. Events that are told whole have the number 0 in its place.
    pub of: Option<ExecutionId>,
    /// Data that stand apart, in the order of their events: which of the list, from 0, and the data, which are UTF-8.
    pub apart: Vec<(usize, Bytes)>,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each by itself.
    Whole,
    /// As rows; what is large, or the same for all, stands beside them.
    Rows,
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
        Ok(self.batch(most, Form::Whole).await?.map(|batch| batch.json))
    }

    /// The same, events of an execution as rows, with large pieces of output and the name of their execution beside them.
    ///
    /// # Errors
    /// [`Failure`]; then nothing more comes.
    pub async fn next_rows(&mut self, most: usize) -> Result<Option<Batch>, Failure> {
        self.batch(most, Form::Rows).await
    }

    async fn batch(&mut self, most: usize, form: Form) -> Result<Option<Batch>, Failure> {
        let batch = self.read(most, form).await;
        if !matches!(batch, Ok(Some(_))) {
            self.source = Source::Ended;
        }
        batch
    }

    async fn read(&mut self, most: usize, form: Form) -> Result<Option<Batch>, Failure> {
        let whole = |json| Batch { json, ..Batch::default() };
        match &mut self.source {
            Source::Execution { events, waiting } => {
                if waiting.is_empty() {
                    waiting.extend(events.next_told(most).await?.into_iter().flatten());
                }
                if waiting.is_empty() {
                    return Ok(None);
                }
                let mut batch = front(waiting, most, form)?;
                batch.of = (form == Form::Rows).then_some(self.execution);
                Ok(Some(batch))
            }
            Source::Graph(events) => {
                let batch = graph_batch(events, most).await;
                let texts: Vec<&GraphEvent> = batch.iter().map(Arc::as_ref).collect();
                if texts.is_empty() { Ok(None) } else { Ok(Some(whole(json(&texts)?))) }
            }
            Source::Document(document) => {
                document.next().await?.map(|piece| json(&[piece]).map(whole)).transpose()
            }
            Source::Ended => Ok(None),
        }
    }
}

fn of_execution(events: Subscription) -> Source {
    Source::Execution { events: Box::new(events), waiting: VecDeque::new() }
}

/// As many as may be handed over at once, at least one and at most so many, as a list.
fn front(waiting: &mut VecDeque<ToldEvent>, most: usize, form: Form) -> Result<Batch, Failure> {
    let bad = |what: &dyn Display| {
        Failure::new(ErrorCode::Internal, format!("the answer cannot be written: {what}"))
    };
    let mut json = vec![b'['];
    let mut event = Vec::new();
    let mut apart = Vec::new();
    let mut apart_bytes = 0;
    let most_bytes = if form == Form::Rows { SHORT_BATCH_BYTES } else { BATCH_BYTES };
    for nth in 0..most.max(1) {
        let Some(next) = waiting.front() else { break };
        let data = stands_apart(next, form);
        let is_full = match &data {
            Some(data) => apart_bytes + data.len() > BATCH_APART_BYTES,
            None => json.len() + length(next) > most_bytes,
        };
        if nth > 0 && is_full {
            break;
        }
        if nth > 0 {
            json.push(b',');
        }
        if form == Form::Whole {
            next.write(&mut json).map_err(|error| bad(&error))?;
        } else {
            event.clear();
            match data {
                Some(data) => {
                    apart_bytes += data.len();
                    apart.push((nth, data));
                    without_data(next).write_unnamed(&mut event)
                }
                None => next.write_unnamed(&mut event),
            }
            .map_err(|error| bad(&error))?;
            rows::push(&event, &mut json);
        }
        waiting.pop_front();
    }
    json.push(b']');
    Ok(Batch { json: String::from_utf8(json).map_err(|error| bad(&error))?, of: None, apart })
}

/// What there is of it at least within the JSON, in bytes.
fn length(event: &ToldEvent) -> usize {
    match event {
        ToldEvent::Text(text) => text.fields.len(),
        ToldEvent::Event(event) => match &event.kind {
            EventKind::Output { data, .. } => data.0.len(),
            // Small, however long it is.
            _ => 0,
        },
    }
}

/// The data of an event, where they are so large and a text.
fn stands_apart(event: &ToldEvent, form: Form) -> Option<Bytes> {
    let ToldEvent::Event(event) = event else { return None };
    let EventKind::Output { data: OutputData(data), .. } = &event.kind else { return None };
    let apart = form == Form::Rows && data.len() >= APART_BYTES && std::str::from_utf8(data).is_ok();
    apart.then(|| data.clone())
}

fn without_data(event: &ToldEvent) -> ToldEvent {
    let mut event = event.clone();
    if let ToldEvent::Event(shared) = &mut event
        && let EventKind::Output { data, .. } = &mut Arc::make_mut(shared).kind
    {
        *data = OutputData::default();
    }
    event
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
    use crate::{EventText, ExecutionEvent, StreamKind};
    use jiff::Timestamp;

    #[test]
    fn a_batch_ends_where_it_is_large_or_long_and_has_one_event_at_least() {
        let id = ExecutionId::from_parts(0, [0; 10]);
        let text = |data: &str| {
            ToldEvent::Text(EventText {
                execution_id: id,
                seq: 1,
                at: Timestamp::UNIX_EPOCH,
                is_last: false,
                fields: Bytes::from(format!("{{\"n\":{data}}}")),
            })
        };
        let large = format!("\"{}\"", "x".repeat(BATCH_BYTES));
        let events = || -> VecDeque<_> { ["1", &large, "2", "3", "4"].map(text).into() };
        for (form, before) in [
            (Form::Whole, format!("{{\"executionId\":\"{id}\"")),
            (Form::Rows, "0,{\"executionId\":0".to_owned()),
        ] {
            let told = |data: &[&str]| {
                let each = data.iter().map(|data| format!("{before},\"n\":{data}}}"));
                format!("[{}]", each.collect::<Vec<_>>().join(","))
            };
            let mut waiting = events();
            let mut front = |most| front(&mut waiting, most, form).unwrap().json;
            assert_eq!(front(9), told(&["1"]));
            assert_eq!(front(9), told(&[&large]));
            assert_eq!(front(2), told(&["2", "3"]));
            assert_eq!(front(0), told(&["4"]));
            assert!(waiting.is_empty());
        }
    }

    #[test]
    fn large_pieces_of_text_stand_apart_and_others_where_they_are() {
        let output = |bytes: &[u8]| {
            let kind = EventKind::Output {
                node: "n".parse().unwrap(),
                stream: StreamKind::Stdout,
                offset: 0,
                data: OutputData::from(bytes.to_vec()),
            };
            let at = Timestamp::UNIX_EPOCH;
            ToldEvent::Event(Arc::new(ExecutionEvent {
                execution_id: ExecutionId::from_parts(0, [0; 10]),
                seq: 1,
                at,
                kind,
            }))
        };
        let (large, broken) = ("ä\n".repeat(APART_BYTES), vec![0xff; APART_BYTES]);
        let pieces = [b"small".as_slice(), large.as_bytes(), &broken, large.as_bytes()];
        let mut waiting: VecDeque<_> = pieces.map(output).into();
        let batch = front(&mut waiting, 9, Form::Rows).unwrap();
        let told: Vec<serde_json::Value> = serde_json::from_str(&batch.json).unwrap();
        // The last value of each row.
        let data: Vec<&serde_json::Value> = told.chunks(7).map(|row| &row[6]).collect();
        assert_eq!((data[0], data[1], data[3]), (&"small".into(), &"".into(), &"".into()));
        assert!(data[2]["base64"].is_string());
        assert_eq!(batch.apart, [1, 3].map(|nth| (nth, Bytes::from(large.clone()))));
        // What stands apart counts as well.
        let third = vec![b'x'; BATCH_APART_BYTES / 3];
        let mut waiting: VecDeque<_> = [&third, &third, &third, &third].map(|bytes| output(bytes)).into();
        assert_eq!(front(&mut waiting, 9, Form::Rows).unwrap().apart.len(), 3);
        assert_eq!(front(&mut waiting, 9, Form::Whole).unwrap().apart, []);
        // What is no text stands in the JSON, and counts there.
        let broken = vec![0xff; SHORT_BATCH_BYTES / 2];
        let mut waiting: VecDeque<_> = [&broken, &broken, &broken].map(|bytes| output(bytes)).into();
        assert!(front(&mut waiting, 9, Form::Rows).unwrap().json.len() < BATCH_BYTES);
        assert_eq!(waiting.len(), 2);
    }
}
