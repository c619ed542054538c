//! Removes the content of old outputs while their executions stay: from the outputs themselves, and from the events that hold
//! parts of them. Length and hash stay.

use pabawi_domain::event::EventKind;
use pabawi_domain::journal::{OutputCut, OutputPlace, PrunedOutputs};
use pabawi_domain::ports::StoreError;

use super::list::id_of;
use super::place::Place;
use super::retention::{DeadOutput, file_of, old, tell_removed};
use crate::codec;
use crate::db::{self, Connection, Pool};
use crate::row::{read_segment, segment_without};

/// Of the outputs those with content that no execution from the key `$1` on has.
const OLD: &str = "(o.kept > 0 \
     AND NOT EXISTS (SELECT 1 FROM pabawi_exec_output_uses AS u WHERE u.output = o.id AND u.execution >= $1))";

/// Outputs that one step looks at.
const AT_ONCE: i64 = 2_000;
/// Segments of events that one step looks at; each has some hundreds of kilobytes.
const SEGMENTS: i64 = 8;

/// What would go.
pub(crate) async fn cut(
    before: jiff::Timestamp,
    pool: &Pool,
    place: &Place,
) -> Result<OutputCut, StoreError> {
    let fault = |error| place.sql("look which outputs are old", &error);
    let mark = old(before, pool).await.map_err(fault)?;
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum(o.kept), 0) AS BIGINT) FROM pabawi_exec_outputs AS o WHERE {OLD}"
    );
    let row = db::query(sql).bind(mark).fetch_one(pool).await.map_err(fault)?;
    Ok(OutputCut {
        outputs: codec::unsigned(row.try_get(0).map_err(fault)?, "a count")?,
        bytes: codec::unsigned(row.try_get(1).map_err(fault)?, "a count")?,
        before,
    })
}

/// The place before the first output behind `from` that goes; where none does, behind them all.
pub(crate) async fn next(
    cut: &OutputCut,
    from: Option<OutputPlace>,
    pool: &Pool,
    place: &Place,
) -> Result<OutputPlace, StoreError> {
    let after = match from {
        None => i64::MIN,
        Some(OutputPlace::Output(last)) => last,
        Some(events) => return Ok(events),
    };
    let fault = |error| place.sql("look which outputs are old", &error);
    let mark = old(cut.before, pool).await.map_err(fault)?;
    let sql =
        format!("SELECT o.id FROM pabawi_exec_outputs AS o WHERE o.id > $2 AND {OLD} ORDER BY o.id LIMIT 1");
    let first = db::query(sql).bind(mark).bind(after).fetch_optional(pool).await.map_err(fault)?;
    let Some(first) = first else { return Ok(OutputPlace::Events { execution: 0, seq: 0 }) };
    Ok(OutputPlace::Output(first.try_get::<i64>(0).map_err(fault)?.saturating_sub(1)))
}

/// Removes the content of at most so many outputs behind a place within the open transaction, and after the last of them what
/// events hold.
pub(crate) async fn prune(
    cut: &OutputCut,
    from: OutputPlace,
    at_most: u32,
    conn: &mut Connection,
    place: &Place,
) -> Result<(PrunedOutputs, Vec<DeadOutput>), StoreError> {
    let fault = |error| place.sql("remove old outputs", &error);
    let mark = old(cut.before, &mut *conn).await.map_err(fault)?;
    let after = match from {
        OutputPlace::Output(last) => last,
        OutputPlace::Events { execution, seq } => {
            let next = strip_events(mark, (execution, seq), conn, place).await?;
            return Ok((PrunedOutputs { next, ..PrunedOutputs::default() }, Vec::new()));
        }
    };
    let sql = format!(
        "SELECT o.hash, o.file, o.kept = o.total, o.id, o.kept, {OLD} FROM pabawi_exec_outputs AS o WHERE o.id > $2 \
         ORDER BY o.id LIMIT $3"
    );
    let rows = db::query(sql).bind(mark).bind(after).bind(AT_ONCE);
    let rows = rows.fetch_all(&mut *conn).await.map_err(fault)?;
    let mut done = PrunedOutputs::default();
    let (mut files, mut last) = (Vec::new(), i64::MAX);
    for row in &rows {
        if done.outputs >= u64::from(at_most.max(1)) {
            break;
        }
        last = row.try_get(3).map_err(fault)?;
        if !row.try_get::<bool>(5).map_err(fault)? {
            continue;
        }
        db::query("UPDATE pabawi_exec_outputs SET kept = 0, head = 0, file = 0, body = NULL WHERE id = $1")
            .bind(last)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
        done.outputs += 1;
        done.bytes += codec::unsigned(row.try_get(4).map_err(fault)?, "an output's length")?;
        files.extend(file_of(row, place)?);
    }
    if done.outputs > 0 {
        tell_removed(conn).await.map_err(fault)?;
    }
    done.next = Some(OutputPlace::Output(last));
    Ok((done, files))
}

/// Takes output out of the next events of the oldest execution that still has some, and says where to go on.
async fn strip_events(
    mark: i64,
    (at, seq): (i64, i64),
    conn: &mut Connection,
    place: &Place,
) -> Result<Option<OutputPlace>, StoreError> {
    let fault = |error| place.sql("remove old outputs from events", &error);
    let row = db::query("SELECT value FROM pabawi_exec_marks WHERE name = 'events_stripped'");
    let row = row.fetch_one(&mut *conn).await.map_err(fault)?;
    let done: i64 = row.try_get(0).map_err(fault)?;
    let next = db::query(
        "SELECT e.key, e.id FROM pabawi_exec_executions AS e WHERE e.key > $1 AND e.key < $2 ORDER BY e.key LIMIT 1",
    )
    .bind(done)
    .bind(mark)
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    let Some(next) = next else { return Ok(None) };
    let (key, id): (i64, &str) = (next.try_get(0).map_err(fault)?, next.try_get(1).map_err(fault)?);
    let id = id_of(id, place)?;
    // JSON of an event begins with its number, and its type follows at once or nearly so: this finds them all, and reads some
    // in vain.
    let rows = db::query(format!(
        "SELECT last_seq, CASE WHEN {} > 0 THEN body END FROM pabawi_exec_segments \
         WHERE execution = $1 AND last_seq > $3 ORDER BY last_seq LIMIT $4",
        conn.dialect().find("body", "$2")
    ))
    .bind(key)
    .bind(&b"\"type\":\"output\""[..])
    // Another process may have done the rest of the execution meanwhile.
    .bind(if key == at { seq } else { 0 })
    .bind(SEGMENTS)
    .fetch_all(&mut *conn)
    .await
    .map_err(fault)?;
    let mut last = 0;
    for row in &rows {
        last = row.try_get(0).map_err(fault)?;
        let Some(body) = row.try_get::<Option<&[u8]>>(1).map_err(fault)? else { continue };
        let events = read_segment(id, body).map(|event| event.map(|(event, _)| event));
        let events = events.collect::<Result<Vec<_>, StoreError>>()?;
        let body = segment_without(&events, |kind| matches!(kind, EventKind::Output { .. }))?;
        db::query("UPDATE pabawi_exec_segments SET body = $3 WHERE execution = $1 AND last_seq = $2")
            .bind(key)
            .bind(last)
            .bind(body)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
    }
    if codec::signed(rows.len() as u64) < SEGMENTS {
        db::query("UPDATE pabawi_exec_marks SET value = $1 WHERE name = 'events_stripped'")
            .bind(key)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
    }
    Ok(Some(OutputPlace::Events { execution: key, seq: last }))
}
