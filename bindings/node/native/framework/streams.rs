//! Events, read in batches: [`Streams`]. A batch is asked for and waited for, so that nothing is pushed at JavaScript, and what
//! waits, waits where the engine bounds it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};

use pabawi::graph::{GraphEvent, GraphEvents};
use pabawi::{
    Caller, ErrorCode, ExecutionEvent, ExecutionId, ExecutionRequest, Framework, Subscription,
    SubscriptionMode,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::failure::Failure;
use super::running::json;

/// Bytes after which no further event is put into a batch: the thread of JavaScript reads a batch in one go.
const BATCH_BYTES: usize = 256 * 1024;

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "EventsRequest")]
pub(super) struct Events {
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
#[serde(rename_all = "camelCase")]
pub(super) enum Wanted {
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
    /// Events of a run of a graph from now on.
    Graph {
        /// The run.
        id: ExecutionId,
    },
}

enum Stream {
    Execution {
        events: Box<Subscription>,
        /// What was read, as JSON, and did not fit into the last batch.
        waiting: VecDeque<String>,
    },
    Graph(GraphEvents),
    /// Nothing more comes.
    Ended,
}

/// A stream that is open.
#[derive(Debug, Serialize)]
struct Opened {
    number: u32,
    execution: ExecutionId,
}

/// Streams that are open, by their numbers.
#[derive(Default)]
pub(super) struct Streams {
    open: SyncMutex<HashMap<u32, Arc<Mutex<Stream>>>>,
    next: AtomicU32,
}

impl Streams {
    /// Opens one and tells its number, and the execution that it is of.
    pub(super) async fn open(
        &self,
        framework: &Framework,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<String, Failure> {
        let (execution, stream) = match wanted {
            Wanted::Execution(Events { id, from, mode }) => {
                (id, of_execution(framework.events(caller, id, from.unwrap_or(1), mode).await?))
            }
            Wanted::Submitted { request, mode } => {
                let (id, events) = framework.submit_and_follow(caller.clone(), *request, mode).await?;
                (id, of_execution(events))
            }
            Wanted::Graph { id } => {
                let events = framework.graphs().events(caller, id).await?;
                (id, events.map_or(Stream::Ended, Stream::Graph))
            }
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Arc::new(Mutex::new(stream)));
        json(&Opened { number, execution })
    }

    /// The next events of a stream, at most so many: waits for them. `null` after the last.
    pub(super) async fn next(&self, number: u32, most: usize) -> Result<String, Failure> {
        let stream = self.lock().get(&number).cloned();
        let Some(stream) = stream else { return Ok("null".to_owned()) };
        let mut stream = stream.lock().await;
        let batch = match &mut *stream {
            Stream::Execution { events, waiting } => {
                if waiting.is_empty() {
                    let batch: Option<Vec<Arc<ExecutionEvent>>> = events.next_batch(most).await?;
                    for event in batch.iter().flatten() {
                        waiting.push_back(json(event.as_ref())?);
                    }
                }
                (!waiting.is_empty()).then(|| Ok(front(waiting)))
            }
            Stream::Graph(events) => {
                let batch = graph_batch(events, most).await;
                (!batch.is_empty()).then(|| json(&batch.iter().map(Arc::as_ref).collect::<Vec<_>>()))
            }
            Stream::Ended => None,
        };
        if batch.is_none() {
            *stream = Stream::Ended;
            self.close(number);
        }
        batch.unwrap_or_else(|| Ok("null".to_owned()))
    }

    /// Nobody reads it any more.
    pub(super) fn close(&self, number: u32) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Arc<Mutex<Stream>>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_execution(events: Subscription) -> Stream {
    Stream::Execution { events: Box::new(events), waiting: VecDeque::new() }
}

/// As many as may be handed over at once, at least one, as a list.
fn front(waiting: &mut VecDeque<String>) -> String {
    let mut batch = String::from("[");
    while let Some(event) = waiting.pop_front() {
        if batch.len() > 1 {
            batch.push(',');
        }
        batch.push_str(&event);
        if batch.len() >= BATCH_BYTES {
            break;
        }
    }
    batch.push(']');
    batch
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

/// What is told before the framework was opened.
pub(super) fn not_open() -> Failure {
    Failure::new(ErrorCode::Internal, "the framework is not open")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_ends_where_it_is_large_and_has_one_event_at_least() {
        let large = format!("\"{}\"", "x".repeat(BATCH_BYTES));
        let mut waiting = VecDeque::from(["1".to_owned(), large.clone(), "2".to_owned(), "3".to_owned()]);
        assert_eq!(front(&mut waiting), format!("[1,{large}]"));
        assert_eq!(front(&mut waiting), "[2,3]");
        assert!(waiting.is_empty());
    }
}
