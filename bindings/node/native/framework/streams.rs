//! Events, read in batches: [`Streams`]. A batch is asked for and waited for, so that nothing is pushed at JavaScript, and what
//! waits, waits where the engine bounds it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};

use pabawi::graph::{GraphEvent, GraphEvents};
use pabawi::{Caller, ErrorCode, ExecutionEvent, ExecutionId, Framework, Subscription, SubscriptionMode};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::failure::Failure;
use super::running::json;

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
    /// Events of a run of a graph from now on.
    Graph {
        /// The run.
        id: ExecutionId,
    },
}

enum Stream {
    Execution(Box<Subscription>),
    Graph(GraphEvents),
    /// Nothing more comes.
    Ended,
}

/// Streams that are open, by their numbers.
#[derive(Default)]
pub(super) struct Streams {
    open: SyncMutex<HashMap<u32, Arc<Mutex<Stream>>>>,
    next: AtomicU32,
}

impl Streams {
    /// Opens one and tells its number.
    pub(super) async fn open(
        &self,
        framework: &Framework,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<String, Failure> {
        let stream = match wanted {
            Wanted::Execution(Events { id, from, mode }) => {
                Stream::Execution(Box::new(framework.events(caller, id, from.unwrap_or(1), mode).await?))
            }
            Wanted::Graph { id } => {
                framework.graphs().events(caller, id).await?.map_or(Stream::Ended, Stream::Graph)
            }
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Arc::new(Mutex::new(stream)));
        json(&number)
    }

    /// The next events of a stream, at most so many: waits for them. `null` after the last.
    pub(super) async fn next(&self, number: u32, most: usize) -> Result<String, Failure> {
        let stream = self.lock().get(&number).cloned();
        let Some(stream) = stream else { return Ok("null".to_owned()) };
        let mut stream = stream.lock().await;
        let batch = match &mut *stream {
            Stream::Execution(subscription) => {
                let batch: Option<Vec<Arc<ExecutionEvent>>> = subscription.next_batch(most).await?;
                batch.map(|batch| json(&batch.iter().map(Arc::as_ref).collect::<Vec<_>>()))
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
