//! Reads stored events and says what is missing among them: [`stored_events`]. Events that the store does not
//! keep become [`EventKind::Gap`].

use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{ExecutionStore, StoreError};

use super::told::Told;

/// Stored events, and the sequence number after the last one that is spoken for.
#[derive(Debug)]
pub(super) struct Replayed<E> {
    pub(super) events: Vec<E>,
    pub(super) next_seq: u64,
}

/// At most about `max` events from `from` on, none at or past `until`. Where `until` is given, every event
/// before it has been committed, so that one the store does not have is missing for good.
pub(super) async fn stored_events<E: Told>(
    store: &dyn ExecutionStore,
    id: ExecutionId,
    from: u64,
    until: Option<u64>,
    max: usize,
) -> Result<Replayed<E>, StoreError> {
    let page = E::stored(store, id, from, max).await?;
    let mut events: Vec<E> = Vec::with_capacity(page.events.len());
    let mut next = from;
    let mut at = None;
    for event in page.events {
        let seq = event.seq();
        if seq < next {
            continue;
        }
        if until.is_some_and(|until| seq >= until) {
            at = at.or(Some(event.at()));
            break;
        }
        if seq > next {
            events.push(gap(id, next, seq - 1, event.at()).into());
        }
        next = seq + 1;
        at = Some(event.at());
        events.push(event);
    }
    // The page is the last word up to its own end, and where the store has no more up to `until`.
    let reach = match until {
        Some(until) if page.has_more => page.next_seq.min(until),
        Some(until) => until,
        None => page.next_seq,
    };
    if reach > next {
        events.push(gap(id, next, reach - 1, at.unwrap_or(Timestamp::UNIX_EPOCH)).into());
        next = reach;
    }
    Ok(Replayed { events, next_seq: next })
}

/// Marks missing events, with the time of the nearest known one.
fn gap(id: ExecutionId, first: u64, last: u64, at: Timestamp) -> Arc<ExecutionEvent> {
    Arc::new(ExecutionEvent { execution_id: id, seq: first, at, kind: EventKind::Gap { last_seq: last } })
}
