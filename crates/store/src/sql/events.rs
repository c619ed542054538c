//! Replays stored events from any sequence number, and finds the last one.

use pabawi_domain::event::ExecutionEvent;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::{EventPage, EventTexts};

use super::place::Place;
use crate::codec;
use crate::db::{self, Pool};
use crate::row::{read_segment, segment_texts};

/// The most events of a page.
const MOST: u32 = 100_000;
/// A page ends early when its events take this many bytes as JSON.
const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Segments read at once; each holds some hundreds of kilobytes.
const SEGMENTS: i64 = 8;
/// The same of events that are read as JSON: all that is read is told.
const TEXT_SEGMENTS: i64 = 4;

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
        let rows = segments(id, page.next_seq, SEGMENTS, pool).await.map_err(fault)?;
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

/// Events from `from_seq` as JSON: those of some segments, whole, so that none is looked through twice.
pub(crate) async fn texts(
    id: ExecutionId,
    from_seq: u64,
    pool: &Pool,
    place: &Place,
) -> Result<EventTexts, StoreError> {
    let fault = |error| place.sql("read events", &error);
    let rows = segments(id, from_seq, TEXT_SEGMENTS, pool).await.map_err(fault)?;
    let has_more = codec::signed(rows.len() as u64) >= TEXT_SEGMENTS;
    let mut page = EventTexts { events: Vec::new(), next_seq: from_seq, has_more };
    for row in &rows {
        let last = codec::unsigned(row.try_get(0).map_err(fault)?, "a sequence number")?;
        for event in segment_texts(id, row.try_get(1).map_err(fault)?) {
            let event = event?;
            // Segments may overlap when a call came twice.
            if event.seq >= page.next_seq {
                page.next_seq = event.seq.saturating_add(1);
                page.events.push(event);
            }
        }
        page.next_seq = page.next_seq.max(last.saturating_add(1));
    }
    Ok(page)
}

/// So many segments, the first with this number or the next higher one: the last number and the body of each.
async fn segments(id: ExecutionId, from_seq: u64, count: i64, pool: &Pool) -> db::Result<Vec<db::Row>> {
    db::query(
        "SELECT s.last_seq, s.body FROM pabawi_exec_segments AS s \
         JOIN pabawi_exec_executions AS e ON e.key = s.execution \
         WHERE e.id = $1 AND s.last_seq >= $2 ORDER BY s.last_seq LIMIT $3",
    )
    .bind(id.to_string())
    .bind(codec::signed(from_seq))
    .bind(count)
    .fetch_all(pool)
    .await
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
