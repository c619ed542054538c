//! Streams of events that are open, by their numbers: [`Streams`]. Nothing is pushed at JavaScript; each is read ahead by a few
//! batches, which are made while JavaScript is at work on the last one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};

use pabawi::json::{Batch, EventStream, Failure, Wanted, json};
use pabawi::{Caller, ErrorCode, ExecutionId, Framework};
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// Events of a first batch, at most: it is read before anybody asks.
const FIRST: usize = 256;
/// Events of every other one, at most.
const MOST: usize = 1_000;
/// Batches that wait for JavaScript; one more waits for room among them.
const AHEAD: usize = 2;

/// A stream that is open.
#[derive(Debug, Serialize)]
struct Opened {
    number: u32,
    execution: ExecutionId,
}

/// A stream that is read ahead: what was read waits here.
struct Reading {
    batches: mpsc::Receiver<Read>,
    task: JoinHandle<()>,
}

type Read = Result<Option<String>, Failure>;

impl Reading {
    fn begin(mut stream: EventStream) -> Self {
        let (told, batches) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let mut most = FIRST;
            // Ends with the stream, or with its reader.
            loop {
                let batch = stream.next_apart(most).await;
                let is_over = !matches!(batch, Ok(Some(_)));
                if told.send(batch.map(|batch| batch.map(crossing))).await.is_err() || is_over {
                    return;
                }
                most = MOST;
            }
        });
        Self { batches, task }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Streams that are open, by their numbers.
#[derive(Default)]
pub(super) struct Streams {
    open: SyncMutex<HashMap<u32, Arc<Mutex<Reading>>>>,
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
        let stream = EventStream::open(framework, caller, wanted).await?;
        let execution = stream.execution();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Arc::new(Mutex::new(Reading::begin(stream))));
        json(&Opened { number, execution })
    }

    /// The next events of a stream: waits for them. `null` after the last.
    pub(super) async fn next(&self, number: u32) -> Result<String, Failure> {
        let stream = self.lock().get(&number).cloned();
        let Some(stream) = stream else { return Ok("null".to_owned()) };
        let mut reading = stream.lock().await;
        // Whoever gives this up leaves the batch where it is.
        let Some(batch) = reading.batches.recv().await else {
            self.close(number);
            return Err(Failure::new(ErrorCode::Internal, "a panic ended the stream"));
        };
        if !matches!(batch, Ok(Some(_))) {
            self.close(number);
        }
        batch.map(|batch| batch.unwrap_or_else(|| "null".to_owned()))
    }

    /// Nobody reads it any more.
    pub(super) fn close(&self, number: u32) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Arc<Mutex<Reading>>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch as one text: its JSON, or of events of an execution `+`, the execution, the length of the JSON, for each of the data that
/// stand apart the number of its event and its length, a `;`, the JSON, and the data. Lengths are those of JavaScript, in units of
/// UTF-16, and JavaScript takes the pieces without copying them or looking through them.
fn crossing(batch: Batch) -> String {
    let Some(of) = batch.of else { return batch.json };
    let texts = batch.apart.iter().filter_map(|(nth, data)| Some((nth, std::str::from_utf8(data).ok()?)));
    let mut text = format!("+{of},{}", units(&batch.json));
    for (nth, data) in texts.clone() {
        text.push_str(&format!(",{nth}:{}", units(data)));
    }
    let bytes = batch.json.len() + batch.apart.iter().map(|(_, data)| data.len()).sum::<usize>();
    text.reserve(1 + bytes);
    text.push(';');
    text.push_str(&batch.json);
    text.extend(texts.map(|(_, data)| data));
    text
}

fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// What is told before the framework was opened.
pub(super) fn not_open() -> Failure {
    Failure::new(ErrorCode::Internal, "the framework is not open")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_apart_is_found_by_the_lengths_of_javascript() {
        let id = ExecutionId::from_parts(0, [0; 10]);
        let crossed = |of: Option<ExecutionId>, json: &str, apart: &[(usize, &'static str)]| {
            let apart = apart.iter().map(|(nth, text)| (*nth, (*text).into())).collect();
            crossing(Batch { json: json.to_owned(), of, apart })
        };
        assert_eq!(crossed(None, "[1]", &[]), "[1]");
        let of = |json, apart: &[_]| crossed(Some(id), json, apart);
        assert_eq!(of("[{}]", &[]), format!("+{id},4;[{{}}]"));
        assert_eq!(of("[{},{}]", &[(1, "line\n")]), format!("+{id},7,1:5;[{{}},{{}}]line\n"));
        assert_eq!(of("[\"ä\",1]", &[(0, "€"), (1, "😀!")]), format!("+{id},7,0:1,1:3;[\"ä\",1]€😀!"));
    }
}
