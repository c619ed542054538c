//! One reader of an execution's events: [`Subscription`]. It pulls; nothing is pushed at it, and it decides
//! itself whether it may miss something.

use std::sync::Arc;

use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::ExecutionStore;
use pabawi_domain::record::ExecutionRecord;
use pabawi_domain::summary::ExecutionSummary;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::watch;

use super::event_log::Read;
use super::replay::stored_events;
use super::told::{Told, ToldEvent};
use crate::error::EngineError;
use crate::foreign::Foreign;
use crate::registry::Live;

/// What happens when a reader is slower than the events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SubscriptionMode {
    /// The reader gets older events from the store, and an [`EventKind::Gap`] in place of those that the store
    /// does not keep (output past the stored limit, progress of copies). The execution is never slowed down.
    #[default]
    GapWhenSlow,
    /// The execution waits for the reader, down to the nodes. Nothing is missed from the moment of subscribing
    /// on. A reader that stops reading holds the execution until it is dropped; cancelling still works.
    SlowTheSource,
}

/// A reader of one execution's events. Dropping it ends the subscription.
pub struct Subscription {
    id: ExecutionId,
    store: Arc<dyn ExecutionStore>,
    source: Source,
    next_seq: u64,
    over: bool,
}

enum Source {
    /// It runs in this process.
    Live { live: Arc<Live>, news: watch::Receiver<()>, hold: Option<Hold> },
    /// It has ended, or another process runs it.
    Stored { foreign: Foreign, ended: Option<Box<ExecutionRecord>> },
}

/// Makes the execution wait for this reader.
struct Hold {
    live: Arc<Live>,
    number: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.live.log.move_hold(self.number, None);
    }
}

impl Subscription {
    pub(crate) fn live(
        live: Arc<Live>,
        store: Arc<dyn ExecutionStore>,
        from_seq: u64,
        mode: SubscriptionMode,
    ) -> Self {
        let next_seq = from_seq.max(1);
        let hold = match mode {
            SubscriptionMode::GapWhenSlow => None,
            SubscriptionMode::SlowTheSource => {
                Some(Hold { live: Arc::clone(&live), number: live.log.hold(next_seq) })
            }
        };
        let news = live.log.news();
        Self { id: live.id, store, source: Source::Live { live, news, hold }, next_seq, over: false }
    }

    pub(crate) fn stored(id: ExecutionId, foreign: Foreign, from_seq: u64) -> Self {
        let store = Arc::clone(&foreign.store);
        let source = Source::Stored { foreign, ended: None };
        Self { id, store, source, next_seq: from_seq.max(1), over: false }
    }

    /// The execution it is about.
    pub fn execution_id(&self) -> ExecutionId {
        self.id
    }

    /// The next events in order, at least one and at most about `max` (1 to 1,000); waits for them. `None` after
    /// the last one, which is [`EventKind::Finished`], and at once where only numbers behind that one were asked for.
    /// Dropping the future loses no event.
    ///
    /// Of an execution whose process died, the store may have no event of the end: it is told under the number after the last one
    /// that was read or, where none was, under the one that was asked for.
    ///
    /// # Errors
    /// [`EngineError::Store`] when older events cannot be read now: the same call may be made again.
    /// [`EngineError::Abandoned`] when the execution was given up.
    pub async fn next_batch(&mut self, max: usize) -> Result<Option<Vec<Arc<ExecutionEvent>>>, EngineError> {
        self.next(max).await
    }

    /// The same for a reader who wants JSON. Of stored events it gives as many as the store reads at once, whatever `max` is.
    ///
    /// # Errors
    /// As of [`next_batch`](Self::next_batch).
    pub async fn next_told(&mut self, max: usize) -> Result<Option<Vec<ToldEvent>>, EngineError> {
        self.next(max).await
    }

    async fn next<E: Told>(&mut self, max: usize) -> Result<Option<Vec<E>>, EngineError> {
        if self.over {
            return Ok(None);
        }
        let max = max.clamp(1, 1000);
        let next = match &mut self.source {
            Source::Live { live, news, .. } => {
                next_live(live, news, &*self.store, self.next_seq, max).await?
            }
            Source::Stored { foreign, ended } => {
                next_stored(self.id, foreign, ended, self.next_seq, max).await?
            }
        };
        let next_seq = next.as_ref().map_or(self.next_seq, |(_, next_seq)| *next_seq);
        let events = next.map(|(events, _)| events);
        self.next_seq = next_seq;
        self.over = events.iter().flatten().last().is_none_or(E::is_last);
        if let Source::Live { hold, .. } = &mut self.source {
            match hold {
                Some(_) if self.over => *hold = None,
                Some(hold) => hold.live.log.move_hold(hold.number, Some(next_seq)),
                None => {}
            }
        }
        Ok(events)
    }
}

/// At least one event and the number after the last one; `None` where the execution has ended before the number that was
/// asked for.
type Next<E> = Option<(Vec<E>, u64)>;

async fn next_live<E: Told>(
    live: &Live,
    news: &mut watch::Receiver<()>,
    store: &dyn ExecutionStore,
    from: u64,
    max: usize,
) -> Result<Next<E>, EngineError> {
    // Ends with an event or with the execution.
    loop {
        // Marked as seen before the ring is read, so that what comes after the reading wakes us.
        news.borrow_and_update();
        match live.log.read(from, max) {
            Read::Events(events) => {
                let next = events.last().map_or(from, |event| event.seq + 1);
                return Ok(Some((events.into_iter().map(E::from).collect(), next)));
            }
            Read::Older { first_seq, events: newer } => {
                let mut older = stored_events(store, live.id, from, Some(first_seq), max).await?;
                if older.next_seq == first_seq {
                    let room = max.saturating_sub(older.events.len());
                    for event in newer.into_iter().take(room) {
                        older.next_seq = event.seq + 1;
                        older.events.push(event.into());
                    }
                }
                return Ok(Some((older.events, older.next_seq)));
            }
            Read::Ended => return Ok(None),
            Read::Closed => return Err(EngineError::Abandoned(live.id)),
            Read::Nothing => {
                // The sender lives in `live`.
                let _ = news.changed().await;
            }
        }
    }
}

async fn next_stored<E: Told>(
    id: ExecutionId,
    foreign: &mut Foreign,
    ended: &mut Option<Box<ExecutionRecord>>,
    from: u64,
    max: usize,
) -> Result<Next<E>, EngineError> {
    // Ends with an event or with the execution.
    loop {
        let replayed = stored_events(&*foreign.store, id, from, None, max).await?;
        if !replayed.events.is_empty() {
            return Ok(Some((replayed.events, replayed.next_seq)));
        }
        // Nothing is stored past here. That is the end only when the execution had ended before we looked.
        if let Some(record) = ended {
            let last = foreign.store.last_event(id).await?;
            // The end has been told under its own number, which is before this one.
            if last.is_some_and(|event| event.kind.is_last()) {
                return Ok(None);
            }
            return Ok(Some((vec![Arc::new(end_of_dead(record, from)).into()], from + 1)));
        }
        let record = foreign.store.execution(id).await?.ok_or(EngineError::NotFound(id))?;
        if record.status.is_final() {
            *ended = Some(Box::new(record));
        } else {
            foreign.pause().await;
        }
    }
}

/// The last event of an execution whose process died before it could emit one.
fn end_of_dead(record: &ExecutionRecord, seq: u64) -> ExecutionEvent {
    let summary = record.summary.clone().unwrap_or_else(|| ExecutionSummary {
        unhealthy_waves: 0,
        status: record.status,
        progress: record.progress,
        outcomes: Default::default(),
        unconfirmed: record.progress.interrupted,
        duration_ms: 0,
    });
    ExecutionEvent {
        execution_id: record.id,
        seq,
        at: record.finished_at.unwrap_or(record.submitted_at),
        kind: EventKind::Finished { summary },
    }
}
