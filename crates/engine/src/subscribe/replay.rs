//! Reads stored events and says what is missing among them: [`stored_events`]. Events that the store does not
//! keep become [`EventKind::Gap`].

use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{ExecutionStore, StoreError};

/// Stored events, and the sequence number after the last one that is spoken for.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) events: Vec<Arc<ExecutionEvent>>,
    pub(super) next_seq: u64,
}

/// At most about `max` events from `from` on, none at or past `until`. Where `until` is given, every event
/// before it has been committed, so that one the store does not have is missing for good.
pub(super) async fn stored_events(
    store: &dyn ExecutionStore,
    id: ExecutionId,
    from: u64,
    until: Option<u64>,
    max: usize,
) -> Result<Replayed, StoreError> {
    const MOST: u32 = 1000;
    let limit = u32::try_from(max).unwrap_or(MOST).clamp(1, MOST);
    let page = store.events(id, from, limit).await?;
    let full = page.events.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let mut events: Vec<Arc<ExecutionEvent>> = Vec::with_capacity(page.events.len());
    let mut next = from;
    let mut at = None;
    for event in page.events {
        if event.seq < next {
            continue;
        }
        if until.is_some_and(|until| event.seq >= until) {
            at = at.or(Some(event.at));
            break;
        }
        if event.seq > next {
            events.push(gap(id, next, event.seq - 1, event.at));
        }
        next = event.seq + 1;
        at = Some(event.at);
        events.push(Arc::new(event));
    }
    // The page is the last word up to its own end, and where it is not full up to `until`.
    let reach = match until {
        Some(until) if full => page.next_seq.min(until),
        Some(until) => until,
        None => page.next_seq,
    };
    if reach > next {
        events.push(gap(id, next, reach - 1, at.unwrap_or(Timestamp::UNIX_EPOCH)));
        next = reach;
    }
    Ok(Replayed { events, next_seq: next })
}

/// Marks missing events, with the time of the nearest known one.
fn gap(id: ExecutionId, first: u64, last: u64, at: Timestamp) -> Arc<ExecutionEvent> {
    Arc::new(ExecutionEvent { execution_id: id, seq: first, at, kind: EventKind::Gap { last_seq: last } })
}
