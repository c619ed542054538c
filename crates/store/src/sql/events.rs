//! Replays stored events from any sequence number, and finds the last one.

use pabawi_domain::event::ExecutionEvent;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::EventPage;

use super::place::Place;
use crate::codec;
use crate::db::{self, Pool};
use crate::row::read_segment;

/// The most events of a page.
const MOST: u32 = 100_000;
/// A page ends early when its events take this many bytes as JSON.
const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Segments read at once; each holds some hundreds of kilobytes.
const SEGMENTS: i64 = 8;

/// Events from `from_seq`, at most `limit`.
pub(crate) async fn page(
    id: ExecutionId,
    from_seq: u64,
    limit: u32,
    pool: &Pool,
    place: &Place,
) -> Result<EventPage, StoreError> {
    let fault = |error| place.sql("read events", &error);
    let limit = usize::try_from(limit.clamp(1, MOST)).unwrap_or(usize::MAX);
    let mut page = EventPage { events: Vec::new(), next_seq: from_seq };
    let mut bytes = 0usize;
    // Each round reaches further, or ends it.
    loop {
        let rows = db::query(
            "SELECT s.last_seq, s.body FROM pabawi_exec_segments AS s \
             JOIN pabawi_exec_executions AS e ON e.key = s.execution \
             WHERE e.id = $1 AND s.last_seq >= $2 ORDER BY s.last_seq LIMIT $3",
        )
        .bind(id.to_string())
        .bind(codec::signed(page.next_seq))
        .bind(SEGMENTS)
        .fetch_all(pool)
        .await
        .map_err(fault)?;
        for row in &rows {
            let last = codec::unsigned(row.try_get(0).map_err(fault)?, "a sequence number")?;
            for event in read_segment(id, row.try_get(1).map_err(fault)?) {
                let (event, length) = event?;
                // Segments may overlap when a call came twice.
                if event.seq < page.next_seq {
                    continue;
                }
                if page.events.len() >= limit || (bytes > 0 && bytes.saturating_add(length) > PAGE_BYTES) {
                    return Ok(page);
                }
                bytes = bytes.saturating_add(length);
                page.next_seq = event.seq.saturating_add(1);
                page.events.push(event);
            }
            page.next_seq = page.next_seq.max(last.saturating_add(1));
        }
        if codec::signed(rows.len() as u64) < SEGMENTS {
            return Ok(page);
        }
    }
}

/// The last event, whatever its number is.
pub(crate) async fn last(
    id: ExecutionId,
    pool: &Pool,
    place: &Place,
) -> Result<Option<ExecutionEvent>, StoreError> {
    let fault = |error| place.sql("read events", &error);
    // Retention takes output out of segments, and leaves one that held nothing else empty.
    let row = db::query(
        "SELECT s.body FROM pabawi_exec_segments AS s JOIN pabawi_exec_executions AS e ON e.key = s.execution \
         WHERE e.id = $1 AND length(s.body) > 0 ORDER BY s.last_seq DESC LIMIT 1",
    )
    .bind(id.to_string())
    .fetch_optional(pool)
    .await
    .map_err(fault)?;
    let Some(row) = row else { return Ok(None) };
    let last = read_segment(id, row.try_get(0).map_err(fault)?).last();
    last.map(|event| event.map(|(event, _)| event)).transpose()
}
